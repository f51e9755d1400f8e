/**
 * nf_tables messages: tables, chains, sets, elements, counters and rules of family `inet`, and the batch around them. Pure.
 * A batch is one datagram: the kernel takes all of it or nothing. Numbers are in network order.
 * @see linux v6.18 include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h
 */
import { NetlinkWriter } from "./netlink-messages.ts";
import {
  NF_ACCEPT,
  NF_DROP,
  NFT_GOTO,
  NFT_META,
  NFT_OBJECT_COUNTER,
  NFT_PAYLOAD,
  NFT_REG32_00,
  NFT_REG32_08,
  NfRule,
} from "./nf-rule.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLM_F_CREATE = 0x400;
const NLM_F_APPEND = 0x800;
const NFPROTO_INET = 1;
const NF_INET_PRE_ROUTING = 0;
// Types of data as nft(8) has them, for those who list our sets. A concatenation is 6 bits a part.
const TYPE_IPV4_ADDRESS = 7;
const TYPE_IPV6_ADDRESS = 8;
const TYPE_INET_SERVICE = 13;

/** Kinds of message. */
export const NFT_MSG = {
  newTable: 0,
  delTable: 2,
  newChain: 3,
  getChain: 4,
  newRule: 6,
  getRule: 7,
  newSet: 9,
  getSet: 10,
  newSetElement: 12,
  getSetElement: 13,
  delSetElement: 14,
  newGeneration: 15,
  newObject: 18,
  getObject: 19,
} as const;
type Message = (typeof NFT_MSG)[keyof typeof NFT_MSG];

/** Flags of a set. */
export const NFT_SET = { interval: 0x4, timeout: 0x10, dynamic: 0x20, concat: 0x80 } as const;
/** Attributes that we read of what the kernel tells. */
export const NFTA = {
  table: 1,
  handle: 3,
  setName: 2,
  setHandle: 16,
  objectName: 2,
  objectData: 4,
  chainHandle: 2,
} as const;

/** Where a payload is: IPv4 or IPv6 source address. */
const SOURCE = { 4: { offset: 12, bytes: 4 }, 6: { offset: 8, bytes: 16 } } as const;

/** One element of a set as it goes to the kernel. */
export interface SetKeys {
  /** Keys one behind the other, each of `keyBytes`. */
  readonly keys: Uint8Array;
  readonly keyBytes: number;
  /** Milliseconds for each key; `null`: for ever. Without: for ever, all of them. */
  readonly timeoutsMs?: readonly (number | null)[];
}

/** A set to be made. */
export interface NewSet {
  readonly name: string;
  readonly family: 4 | 6;
  /** Whether a port stands behind the address. */
  readonly withPort: boolean;
  readonly flags: number;
}

/**
 * A set to be made that rules fill, with at most 65,535 elements: when it is full, packets of new keys are not counted. The kernel bounds
 * it by itself; told the number, it would make a table of that size, which then takes 0.15 ms to walk though it be empty.
 */
export interface CountingSet {
  readonly name: string;
  /** As nft(8) has it, for those who list our sets. */
  readonly keyType: number;
  readonly keyBytes: number;
  /** An element that nothing was counted by for so long goes. `null`: it stays. */
  readonly timeoutMs: number | null;
}

/** A batch for the one table `table`; {@link NfBatch.finish} gives the datagram. */
export class NfBatch {
  readonly #writer = new NetlinkWriter();
  readonly #table: string;
  #sequence = 1;
  #setId = 0;

  constructor(table: string) {
    this.#table = table;
    this.#writer.begin(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, [0, 0, 0, NFNL_SUBSYS_NFTABLES]);
    this.#writer.end();
  }

  /** @returns the datagram; nothing may be added any more */
  finish(): Buffer {
    this.#writer.begin(NFNL_MSG_BATCH_END, NLM_F_REQUEST, this.#sequence, [0, 0, 0, NFNL_SUBSYS_NFTABLES]);
    this.#writer.end();
    return this.#writer.bytes;
  }

  /** The table; one that is there stays as it is. */
  addTable(): void {
    this.#message(NFT_MSG.newTable, NLM_F_CREATE, () => this.#writer.u32be(2, 0));
  }

  /** The table with all that is in it; it must be there. */
  deleteTable(): void {
    this.#message(NFT_MSG.delTable, 0, () => {});
  }

  /** A chain at a hook, by default where packets come in, before routing; policy accept. */
  addBaseChain(name: string, priority: number, hook = NF_INET_PRE_ROUTING): void {
    this.#message(NFT_MSG.newChain, NLM_F_CREATE, () => {
      this.#writer.text(3, name);
      this.#writer.nest(4, () => {
        this.#writer.u32be(1, hook);
        this.#writer.u32be(2, priority);
      });
      this.#writer.u32be(5, NF_ACCEPT);
      this.#writer.text(7, "filter");
    });
  }

  /** A chain that rules go to. */
  addChain(name: string): void {
    this.#message(NFT_MSG.newChain, NLM_F_CREATE, () => this.#writer.text(3, name));
  }

  addCounter(name: string, start: { readonly packets: number; readonly bytes: number }): void {
    this.#message(NFT_MSG.newObject, NLM_F_CREATE, () => {
      this.#writer.text(2, name);
      this.#writer.u32be(3, NFT_OBJECT_COUNTER);
      this.#writer.nest(4, () => {
        this.#writer.u64be(1, start.bytes);
        this.#writer.u64be(2, start.packets);
      });
    });
  }

  addSet({ name, family, withPort, flags }: NewSet): void {
    const address = family === 4 ? TYPE_IPV4_ADDRESS : TYPE_IPV6_ADDRESS;
    this.#message(NFT_MSG.newSet, NLM_F_CREATE, () => {
      this.#writer.text(2, name);
      this.#writer.u32be(3, flags);
      this.#writer.u32be(4, withPort ? (address << 6) | TYPE_INET_SERVICE : address);
      this.#writer.u32be(5, SOURCE[family].bytes + (withPort ? 4 : 0));
      this.#setId++;
      this.#writer.u32be(10, this.#setId);
    });
  }

  /** A set that rules fill, with a counter an element. */
  addCountingSet({ name, keyType, keyBytes, timeoutMs }: CountingSet): void {
    this.#message(NFT_MSG.newSet, NLM_F_CREATE, () => {
      this.#writer.text(2, name);
      this.#writer.u32be(3, NFT_SET.dynamic | (timeoutMs === null ? 0 : NFT_SET.timeout));
      this.#writer.u32be(4, keyType);
      this.#writer.u32be(5, keyBytes);
      this.#setId++;
      this.#writer.u32be(10, this.#setId);
      if (timeoutMs !== null) this.#writer.u64be(11, timeoutMs);
    });
  }

  /** Elements that are there already stay as they are, with the time they have. */
  addElements(set: string, elements: SetKeys): void {
    this.#elements(NFT_MSG.newSetElement, NLM_F_CREATE, set, elements);
  }

  /** Takes every element away. */
  flushSet(set: string): void {
    this.#message(NFT_MSG.delSetElement, 0, () => this.#writer.text(2, set));
  }

  /** Each must be there. */
  deleteElements(set: string, { keys, keyBytes }: SetKeys): void {
    this.#elements(NFT_MSG.delSetElement, 0, set, { keys, keyBytes });
  }

  /** Ranges of an interval set: from each first key to before each second one. An end of `null` is the end of all addresses. */
  addRanges(set: string, ranges: readonly (readonly [first: Uint8Array, behind: Uint8Array | null])[]): void {
    if (ranges.length === 0) return;
    this.#message(NFT_MSG.newSetElement, NLM_F_CREATE, () => {
      this.#writer.text(2, set);
      this.#writer.nest(3, () => {
        for (const [first, behind] of ranges) {
          this.#range(first, false);
          if (behind !== null) this.#range(behind, true);
        }
      });
    });
  }

  /** A rule behind those that the chain has. */
  addRule(chain: string, write: (rule: NfRule) => void): void {
    this.#message(NFT_MSG.newRule, NLM_F_CREATE | NLM_F_APPEND, () => {
      this.#writer.text(2, chain);
      this.#writer.nest(4, () => write(new NfRule(this.#writer)));
    });
  }

  /** Packets of one protocol family go on in another chain. */
  addFamilyRule(chain: string, family: 4 | 6, target: string): void {
    this.addRule(chain, (rule) => {
      matchFamily(rule, family);
      rule.verdict(NFT_GOTO, target);
    });
  }

  /** Packets whose source lies, by its first `prefix` bits, in the set go on in another chain. */
  addSourceRule(chain: string, look: { family: 4 | 6; prefix: number; set: string; target: string }): void {
    this.addRule(chain, (rule) => {
      loadSource(rule, look.family, look.prefix);
      rule.lookup(look.set);
      rule.verdict(NFT_GOTO, look.target);
    });
  }

  /** The same for one transport protocol (6: TCP, 17: UDP), with the destination port as a part of the key. */
  addSourcePortRule(
    chain: string,
    look: { family: 4 | 6; prefix: number; protocol: number; set: string; target: string },
  ): void {
    this.addRule(chain, (rule) => {
      rule.meta(NFT_META.l4proto, NFT_REG32_08);
      rule.compare(NFT_REG32_08, [look.protocol]);
      loadSource(rule, look.family, look.prefix);
      rule.payload(NFT_REG32_00 + SOURCE[look.family].bytes / 4, NFT_PAYLOAD.transport, 2, 2);
      rule.lookup(look.set);
      rule.verdict(NFT_GOTO, look.target);
    });
  }

  /** Packets whose source is in the set are let through: no other rule of this table sees them. */
  addAcceptRule(chain: string, family: 4 | 6, set: string): void {
    this.addRule(chain, (rule) => {
      matchFamily(rule, family);
      loadSource(rule, family, SOURCE[family].bytes * 8);
      rule.lookup(set);
      rule.verdict(NF_ACCEPT);
    });
  }

  /** All else is counted and dropped. */
  addDropRule(chain: string, counter: string): void {
    this.addRule(chain, (rule) => {
      rule.counter(counter);
      rule.verdict(NF_DROP);
    });
  }

  #message(message: Message, flags: number, write: () => void): void {
    const type = (NFNL_SUBSYS_NFTABLES << 8) | message;
    this.#writer.begin(type, NLM_F_REQUEST | flags, this.#sequence, [NFPROTO_INET, 0, 0, 0]);
    this.#sequence++;
    // The table's name is attribute 1 of every message.
    this.#writer.text(1, this.#table);
    write();
    this.#writer.end();
  }

  #elements(message: Message, flags: number, set: string, { keys, keyBytes, timeoutsMs }: SetKeys): void {
    const count = keys.length / keyBytes;
    const timeouts = timeoutsMs?.some((timeoutMs) => timeoutMs !== null) === true ? timeoutsMs : undefined;
    const perMessage = Math.floor(60_000 / elementBytes(keyBytes, timeouts !== undefined));
    for (let from = 0; from < count; from += perMessage) {
      const some = Math.min(perMessage, count - from);
      this.#message(message, flags, () => {
        this.#writer.text(2, set);
        this.#writer.nest(3, () => this.#keys(keys, keyBytes, from, some, timeouts));
      });
    }
  }

  #keys(
    keys: Uint8Array,
    keyBytes: number,
    from: number,
    count: number,
    timeoutsMs: readonly (number | null)[] | undefined,
  ): void {
    const isTimed = timeoutsMs !== undefined;
    this.#writer.records(count, elementBytes(keyBytes, isTimed), (bytes, at, index) => {
      const key = (from + index) * keyBytes;
      writeElement(bytes, at, keys.subarray(key, key + keyBytes), isTimed);
      if (isTimed) writeTimeout(bytes, at + 12 + keyBytes, timeoutsMs[from + index] ?? 0);
    });
  }

  #range(key: Uint8Array, isEnd: boolean): void {
    this.#writer.nest(1, () => {
      this.#writer.nest(1, () => this.#writer.raw(1, key));
      if (isEnd) this.#writer.u32be(3, 1);
    });
  }
}

/** A request for all chains, rules, sets or objects of a table, or for all elements of one set. */
export function nfDumpRequest(message: Message, table: string, set?: string): Buffer {
  const writer = new NetlinkWriter();
  writer.begin((NFNL_SUBSYS_NFTABLES << 8) | message, NLM_F_REQUEST | NLM_F_DUMP, 1, [NFPROTO_INET, 0, 0, 0]);
  writer.text(NFTA.table, table);
  if (set !== undefined) writer.text(NFTA.setName, set);
  writer.end();
  return writer.bytes;
}

function elementBytes(keyBytes: number, isTimed: boolean): number {
  return 12 + keyBytes + (isTimed ? 12 : 0);
}

/** NFTA_LIST_ELEM { NFTA_SET_ELEM_KEY { NFTA_DATA_VALUE } }, and room for NFTA_SET_ELEM_TIMEOUT. */
function writeElement(bytes: Buffer, at: number, key: Uint8Array, isTimed: boolean): void {
  writeHeader(bytes, at, elementBytes(key.length, isTimed), 0x8001);
  writeHeader(bytes, at + 4, key.length + 8, 0x8001);
  writeHeader(bytes, at + 8, key.length + 4, 1);
  bytes.set(key, at + 12);
}

/** A time-out of 0 is none: the element stays. */
function writeTimeout(bytes: Buffer, at: number, timeoutMs: number): void {
  writeHeader(bytes, at, 12, 4);
  bytes.writeUInt32BE(Math.floor(timeoutMs / 2 ** 32), at + 4);
  bytes.writeUInt32BE(timeoutMs % 2 ** 32, at + 8);
}

function writeHeader(bytes: Buffer, at: number, length: number, type: number): void {
  bytes[at] = length & 0xff;
  bytes[at + 1] = length >> 8;
  bytes[at + 2] = type & 0xff;
  bytes[at + 3] = type >> 8;
}

function matchFamily(rule: NfRule, family: 4 | 6): void {
  rule.meta(NFT_META.nfproto, NFT_REG32_00);
  rule.compare(NFT_REG32_00, [family === 4 ? 2 : 10]);
}

/** The source address, its bits behind the prefix cleared, into the first register of a key. */
function loadSource(rule: NfRule, family: 4 | 6, prefix: number): void {
  const { offset, bytes } = SOURCE[family];
  rule.payload(NFT_REG32_00, NFT_PAYLOAD.network, offset, bytes);
  if (prefix !== bytes * 8) rule.mask(NFT_REG32_00, maskOf(prefix, bytes));
}

function maskOf(prefix: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return (0xff << (8 - bits)) & 0xff;
  });
}
