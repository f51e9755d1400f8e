/**
 * The expressions of an nf_tables rule: each works on registers, and the packet leaves the rule at the first that does not match. Pure.
 * @see linux v6.18 include/uapi/linux/netfilter/nf_tables.h
 */
import type { NetlinkWriter } from "./netlink-messages.ts";

/** First of the 32-bit registers; keys of sets are put together from here on. */
export const NFT_REG32_00 = 8;
/** A register that no key reaches. */
export const NFT_REG32_08 = 16;
/** What a rule may know of a packet besides its bytes. */
export const NFT_META = { oif: 5, skuid: 10, nfproto: 15, l4proto: 16 } as const;
/** Where in a packet its bytes are counted from. */
export const NFT_PAYLOAD = { network: 1, transport: 2 } as const;
/** Verdicts. */
export const NF_DROP = 0;
/** The packet goes on to those behind this chain's place in line. */
export const NF_ACCEPT = 1;
/** On in another chain; none comes back. */
export const NFT_GOTO = -4;
/** The kind of object that is a named counter. */
export const NFT_OBJECT_COUNTER = 1;
const NFT_REG_VERDICT = 0;
const NFT_CMP_EQ = 0;
const NFT_DYNSET_OP_UPDATE = 1;

/** Writes one rule's expressions, in the order in which they are called. */
export class NfRule {
  readonly #writer: NetlinkWriter;

  constructor(writer: NetlinkWriter) {
    this.#writer = writer;
  }

  /** Does not match a packet of which this is not known. */
  meta(key: (typeof NFT_META)[keyof typeof NFT_META], register: number): void {
    this.#expression("meta", () => {
      this.#writer.u32be(2, key);
      this.#writer.u32be(1, register);
    });
  }

  /** A constant, as a part of a key. */
  load(register: number, value: readonly number[]): void {
    this.#expression("immediate", () => {
      this.#writer.u32be(1, register);
      this.#writer.nest(2, () => this.#writer.raw(1, Uint8Array.from(value)));
    });
  }

  compare(register: number, value: readonly number[]): void {
    this.#expression("cmp", () => {
      this.#writer.u32be(1, register);
      this.#writer.u32be(2, NFT_CMP_EQ);
      this.#writer.nest(3, () => this.#writer.raw(1, Uint8Array.from(value)));
    });
  }

  payload(register: number, base: (typeof NFT_PAYLOAD)[keyof typeof NFT_PAYLOAD], offset: number, bytes: number): void {
    this.#expression("payload", () => {
      this.#writer.u32be(1, register);
      this.#writer.u32be(2, base);
      this.#writer.u32be(3, offset);
      this.#writer.u32be(4, bytes);
    });
  }

  /** Clears the bits that the mask has not. */
  mask(register: number, mask: Uint8Array): void {
    this.#expression("bitwise", () => {
      this.#writer.u32be(1, register);
      this.#writer.u32be(2, register);
      this.#writer.u32be(3, mask.length);
      this.#writer.nest(4, () => this.#writer.raw(1, mask));
      this.#writer.nest(5, () => this.#writer.raw(1, new Uint8Array(mask.length)));
    });
  }

  /** Matches when the key from the first register on is in the set. */
  lookup(set: string): void {
    this.#expression("lookup", () => {
      this.#writer.text(1, set);
      this.#writer.u32be(2, NFT_REG32_00);
    });
  }

  /** Counts by the key from the first register on, which is put into the set. Does not match when the set is full. */
  countBy(set: string): void {
    this.#expression("dynset", () => {
      this.#writer.text(1, set);
      this.#writer.u32be(3, NFT_DYNSET_OP_UPDATE);
      this.#writer.u32be(4, NFT_REG32_00);
      this.#writer.nest(7, () => {
        this.#writer.text(1, "counter");
        this.#writer.nest(2, () => {});
      });
    });
  }

  /** Counts by a named counter. */
  counter(name: string): void {
    this.#expression("objref", () => {
      this.#writer.u32be(1, NFT_OBJECT_COUNTER);
      this.#writer.text(2, name);
    });
  }

  /** @param chain where to, of a verdict that leads to another chain */
  verdict(code: number, chain?: string): void {
    this.#expression("immediate", () => {
      this.#writer.u32be(1, NFT_REG_VERDICT);
      this.#writer.nest(2, () =>
        this.#writer.nest(2, () => {
          this.#writer.u32be(1, code);
          if (chain !== undefined) this.#writer.text(2, chain);
        }),
      );
    });
  }

  #expression(name: string, data: () => void): void {
    this.#writer.nest(1, () => {
      this.#writer.text(1, name);
      this.#writer.nest(2, data);
    });
  }
}
