/**
 * The newest handshakes of TCP: where the data of both sides begins. It tells a banner, which the server sends before the client has
 * said anything, from the same bytes elsewhere in a connection, where a client may have had the server repeat them.
 * Memory: 4 MiB. Four handshakes share a place, and a fifth makes the oldest of them go: then a banner is not known as one, and nothing is
 * blessed. With 10,000 connections a second and a greeting within a second that befalls 1 in 10,000.
 */
import type { Packet } from "./packet/packet.ts";

const SETS = 1 << 16;
const WAYS = 4;
const WORDS = 4;

/** By the hash of a flow. Two flows with one hash are told apart by the numbers, which nobody can choose for both sides. */
export class Handshakes {
  readonly #words = new Int32Array(SETS * WAYS * WORDS);
  /** Which of a set is to go next. */
  readonly #turns = new Uint8Array(SETS);

  /** Takes the answer to a SYN. */
  note(hash: number, { sequence, acknowledgement }: Packet): void {
    let at = this.#find(hash);
    if (at === -1) {
      const set = hash & (SETS - 1);
      const turn = this.#turns[set]!;
      this.#turns[set] = (turn + 1) % WAYS;
      at = (set * WAYS + turn) * WORDS;
    }
    this.#words[at] = hash;
    this.#words[at + 1] = sequence + 1;
    this.#words[at + 2] = acknowledgement;
    this.#words[at + 3] = 1;
  }

  /** Whether the begin of the connection was seen. */
  has(hash: number): boolean {
    return this.#find(hash) !== -1;
  }

  /** Whether the packet is the first that the server says, and the client has said nothing. */
  isServerFirst(hash: number, { sequence, acknowledgement }: Packet): boolean {
    const at = this.#find(hash);
    return at !== -1 && this.#words[at + 1] === sequence && this.#words[at + 2] === acknowledgement;
  }

  #find(hash: number): number {
    const first = (hash & (SETS - 1)) * WAYS * WORDS;
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      if (this.#words[at] === hash && this.#words[at + 3] === 1) return at;
    }
    return -1;
  }
}
