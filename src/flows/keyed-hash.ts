/**
 * The hash of the tables of flows: by tables of random numbers that nobody outside knows (tabulation hashing). Addresses and ports
 * are chosen by attackers; sums and products of them collide for whoever chooses well, whatever the seed.
 */
import { getRandomValues } from "node:crypto";
import type { Address } from "./address.ts";

const ADDRESS_BYTES = 16;
const TABLE = 256;
const PORT_HIGH = ADDRESS_BYTES * TABLE;
const PORT_LOW = PORT_HIGH + TABLE;

/** Made once a table; two of them give different hashes. */
export class KeyedHash {
  readonly #table = new Uint32Array((ADDRESS_BYTES + 2) * TABLE);

  constructor() {
    for (let at = 0; at < this.#table.length; at += TABLE) getRandomValues(this.#table.subarray(at, at + TABLE));
  }

  /**
   * Of an address at `at`, 4 or 16 bytes, and a port.
   * @returns 32 bits, signed
   */
  endpoint(bytes: Uint8Array, at: number, length: number, port: number): number {
    const table = this.#table;
    let hash = table[PORT_HIGH + (port >>> 8)]! ^ table[PORT_LOW + (port & 255)]!;
    for (let index = 0; index < length; index++) hash ^= table[(index << 8) + bytes[at + index]!]!;
    return spread(hash);
  }

  /** As {@link KeyedHash.endpoint}, of an address that was read. */
  address({ w0, w1, w2, w3 }: Readonly<Address>, isIpv6: boolean, port: number): number {
    const table = this.#table;
    const hash = table[PORT_HIGH + (port >>> 8)]! ^ table[PORT_LOW + (port & 255)]! ^ this.#word(0, w0);
    return spread(isIpv6 ? hash ^ this.#word(1, w1) ^ this.#word(2, w2) ^ this.#word(3, w3) : hash);
  }

  #word(index: number, word: number): number {
    const table = this.#table;
    const at = index << 10;
    return (
      table[at + (word >>> 24)]! ^
      table[at + 256 + ((word >>> 16) & 255)]! ^
      table[at + 512 + ((word >>> 8) & 255)]! ^
      table[at + 768 + (word & 255)]!
    );
  }

  /** Of both ends of a flow, the same in both directions. Ends are mixed before they are put together: a swap of ports is another flow. */
  pair(one: number, other: number): number {
    return spread((one + other) | 0);
  }
}

/** Not linear, so that what is put together afterwards does not cancel out. */
function spread(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
