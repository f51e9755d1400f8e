/**
 * Data connections that a control connection has announced and that have not come yet.
 * Bounds: {@link MAX_EACH} for one control connection, the newest; each for {@link EXPECT_MS}; of two with the same ends the newer.
 */
import { type Address, isSameAddress } from "../address.ts";
import type { KeyedHash } from "../keyed-hash.ts";

/** As the kernel's helper has it: linux v6.18 net/netfilter/nf_conntrack_ftp.c `ftp_exp_policy.timeout` is 5 * 60 s. */
export const EXPECT_MS = 300_000;
/** Servers close the listener of the last PASV when another comes; a client in a hurry may still be about to connect. */
export const MAX_EACH = 4;

/** Who is to connect to whom. */
export interface Expected {
  readonly isIpv6: boolean;
  /** Who listens. */
  readonly listener: Readonly<Address>;
  readonly port: number;
  /** Who connects, from any port. */
  readonly peer: Readonly<Address>;
  readonly untilUnixMs: number;
}

interface Chained<T> {
  readonly hash: number;
  readonly value: T;
  next: Chained<T> | undefined;
}

/** Found by both addresses and the port. */
export class Expectations<T extends Expected> {
  readonly #hash: KeyedHash;
  readonly #chains = new Map<number, Chained<T>>();
  #size = 0;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the one with the same ends that it takes the place of */
  add(value: T): T | undefined {
    const before = this.#find(value);
    if (before !== undefined) this.remove(before);
    const hash = this.#hashOf(value);
    this.#chains.set(hash, { hash, value, next: this.#chains.get(hash) });
    this.#size++;
    return before;
  }

  /** Takes out the one that fits. */
  take(ends: Omit<Expected, "untilUnixMs">, unixMs: number): T | undefined {
    const found = this.#find(ends);
    if (found === undefined) return undefined;
    this.remove(found);
    return found.untilUnixMs >= unixMs ? found : undefined;
  }

  remove(value: T): void {
    const hash = this.#hashOf(value);
    let before: Chained<T> | undefined;
    for (let one = this.#chains.get(hash); one !== undefined; before = one, one = one.next) {
      if (one.value !== value) continue;
      this.#size--;
      if (before !== undefined) before.next = one.next;
      else if (one.next !== undefined) this.#chains.set(hash, one.next);
      else this.#chains.delete(hash);
      return;
    }
  }

  #find(ends: Omit<Expected, "untilUnixMs">): T | undefined {
    for (let one = this.#chains.get(this.#hashOf(ends)); one !== undefined; one = one.next) {
      const { listener, peer, port, isIpv6 } = one.value;
      if (port !== ends.port || isIpv6 !== ends.isIpv6) continue;
      if (isSameAddress(listener, ends.listener) && isSameAddress(peer, ends.peer)) return one.value;
    }
    return undefined;
  }

  #hashOf({ listener, peer, port, isIpv6 }: Omit<Expected, "untilUnixMs">): number {
    return this.#hash.pair(this.#hash.address(listener, isIpv6, port), this.#hash.address(peer, isIpv6, 0));
  }
}
