/**
 * Passes over lines that only end a connection of which nothing is known: most lines of a busy server. Connections are told by numbers
 * in brackets at the start of their lines, such as `sshd[4711]:`. It remembers those of the last 4,096 to 8,192 lines that can be
 * more, so it lets through some lines too many and none too few.
 */

const MAX_NUMBERS = 4096;
/** How far into a line the numbers are looked for. */
const HEAD_BYTES = 256;
/** So many connections must have had a number before lines are passed over. */
const PROOF = 8;
const OPENING = 0x5b;
const CLOSING = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;

/** One for each filter. */
export class ConnectionGate {
  #recent = new Set<number>();
  #older = new Set<number>();
  #proven = 0;

  /**
   * Whether a line is to be looked at.
   * @param isEnd whether it can only end a connection
   */
  wants(bytes: Uint8Array, start: number, end: number, isEnd: boolean): boolean {
    if (isEnd && this.#proven < PROOF) return true;
    const last = Math.min(end, start + HEAD_BYTES);
    for (let at = start; at < last; at++) {
      if (bytes[at] !== OPENING) continue;
      let number = 0;
      let next = at + 1;
      for (let byte = bytes[next]; next < last && isDigit(byte); byte = bytes[++next])
        number = (number * 10 + byte - ZERO) | 0;
      if (next === at + 1 || next >= last || bytes[next] !== CLOSING) continue;
      if (!isEnd) this.#remember(number);
      else if (this.#recent.has(number) || this.#older.has(number)) return true;
    }
    return !isEnd;
  }

  /** A connection has become known by this id. One without a number at the start of its lines tells that none can be passed over. */
  noteId(id: string): void {
    // In front of an id stands a date, which is short.
    if (id.length <= HEAD_BYTES / 2 && /\[\d+\]/.test(id)) this.#proven++;
    else this.#proven = Number.NEGATIVE_INFINITY;
  }

  #remember(number: number): void {
    this.#recent.add(number);
    if (this.#recent.size < MAX_NUMBERS) return;
    this.#older = this.#recent;
    this.#recent = new Set();
  }
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
