/**
 * Cuts what is read of a log into whole lines. Holds nothing but the beginning of a line whose end is not there yet: at most 64 KiB,
 * ordinarily 0 bytes, so that thousands of files can be followed.
 */

/** Longer lines are cut: their head is matched, the rest is passed over. */
export const MAX_LINE_BYTES = 65_536;
const NEWLINE = 10;

/**
 * Takes whole lines, each with its end but perhaps the last one. Of a line that is too long: its first `MAX_LINE_BYTES + 1` bytes.
 * @param bytes valid during the call only
 * @param offset of their first byte in the file
 */
export type TakeLines = (bytes: Buffer, offset: number) => void;

/** Cuts one file from an offset on. Pieces come in order and without gaps. */
export class LineCutter {
  /** Beginning of the line at `#lineStart`; its first `#heldBytes` are used. */
  #held: Buffer | null = null;
  #heldBytes = 0;
  #lineStart: number;
  #next: number;

  /** @param offset in the file, where a line begins */
  constructor(offset = 0) {
    this.#lineStart = offset;
    this.#next = offset;
  }

  /**
   * Offset behind the last whole line that was given: a reader that begins there again loses no line and gives none twice. NULs in
   * front of a line, as a log that was truncated under its writer has them, are no part of it.
   */
  get offset(): number {
    return this.#lineStart;
  }

  /** Offset of the byte that must come next. */
  get next(): number {
    return this.#next;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** @param chunk may be used for something else as soon as this has returned */
  push(chunk: Uint8Array, take: TakeLines): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const from = this.#next;
    const begin = this.#held === null ? 0 : this.#finishHeld(bytes, take);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    this.#next = from + bytes.length;
    if (end > begin) {
      this.#lineStart = from + end;
      take(bytes.subarray(begin, end), from + begin);
    }
    this.#hold(bytes.subarray(Math.max(begin, end)));
  }

  /** Nothing comes any more: the last line is a line also without its end. */
  end(take: TakeLines): void {
    const { line, offset } = this.#letGo(this.#next);
    if (line.length > 0) take(line, offset);
  }

  /** @returns where the next line begins in `bytes`: behind all of them when the held line goes on */
  #finishHeld(bytes: Buffer, take: TakeLines): number {
    const begin = bytes.indexOf(NEWLINE) + 1;
    if (begin === 0) return 0;
    this.#append(bytes.subarray(0, begin));
    const { line, offset } = this.#letGo(this.#next + begin);
    take(line, offset);
    return begin;
  }

  #letGo(lineStart: number): { line: Buffer; offset: number } {
    const line = this.#held?.subarray(0, this.#heldBytes) ?? Buffer.alloc(0);
    const offset = this.#lineStart;
    this.#held = null;
    this.#heldBytes = 0;
    this.#lineStart = lineStart;
    return { line, offset };
  }

  #hold(rest: Buffer): void {
    let begin = 0;
    if (this.#held === null) {
      while (begin < rest.length && rest[begin] === 0) begin++;
      this.#lineStart = this.#next - (rest.length - begin);
    }
    if (begin < rest.length) this.#append(rest.subarray(begin));
  }

  /** Grows by doubling, so that a writer of single bytes costs no more than one of lines. */
  #append(more: Buffer): void {
    const length = Math.min(this.#heldBytes + more.length, MAX_LINE_BYTES + 1);
    if (this.#held === null || length > this.#held.length) {
      const grown = Buffer.alloc(this.#held === null ? length : Math.min(2 * length, MAX_LINE_BYTES + 1));
      this.#held?.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    more.copy(this.#held, this.#heldBytes, 0, length - this.#heldBytes);
    this.#heldBytes = length;
  }
}
