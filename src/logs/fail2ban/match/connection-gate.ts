/**
 * Passes over lines that only end a connection of which nothing is known: most lines of a busy server. Connections are told by numbers
 * in brackets at the start of their lines, such as `sshd[4711]:`. It lets through some lines too many and none too few.
 */
import type { Connections } from "./connections.ts";

/** How far into a line the numbers are looked for. */
const HEAD_BYTES = 256;
/** So many connections must have had a number before lines are passed over. */
const PROOF = 8;
/** Numbers that are remembered; while there are more, no line is passed over. */
const MAX_WAITING = 100_000;
const OPENING = 0x5b;
const CLOSING = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;

/** One for each filter. */
export class ConnectionGate {
  readonly #connections: Connections;
  /** Of lines that were asked for and are not concluded yet: their connections may become known. */
  readonly #waiting = new Set<number>();
  #isConcluded = false;
  #proven = 0;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /**
   * Whether a line is to be looked at.
   * @param end where the numbers of its connection have come to an end: that of the line, or a place behind them
   * @param isEnd whether it can only end a connection
   */
  wants(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    if (this.#isConcluded) {
      this.#isConcluded = false;
      this.#waiting.clear();
    }
    if (isEnd && (this.#proven < PROOF || this.#waiting.size > MAX_WAITING)) return true;
    const last = Math.min(end, start + HEAD_BYTES);
    for (let at = start; at < last; at++) {
      if (bytes[at] !== OPENING) continue;
      let number = 0;
      let next = at + 1;
      for (let byte = bytes[next]; next < last && isDigit(byte); byte = bytes[++next])
        number = (number * 10 + byte - ZERO) | 0;
      if (next === at + 1 || next >= last || bytes[next] !== CLOSING) continue;
      if (!isEnd && this.#waiting.size <= MAX_WAITING) this.#waiting.add(number);
      else if (this.#waiting.has(number) || this.#connections.knows(number)) return true;
    }
    return !isEnd;
  }

  /**
   * A line has been concluded, and so will all be that were asked for before the next is. A connection that has become known by an id
   * without a number at the start of its lines tells that none can be passed over.
   */
  noteConcluded(id: string | undefined): void {
    this.#isConcluded = true;
    if (id === undefined) return;
    // In front of an id stands a date, which is short.
    if (id.length <= HEAD_BYTES / 2 && /\[\d+\]/.test(id)) this.#proven++;
    else this.#proven = Number.NEGATIVE_INFINITY;
  }
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
