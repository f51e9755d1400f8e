/** Lines in a block of bytes. */
import { MAX_LINE_BYTES } from "./line-cutter.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
/** Of words of four bytes: every byte a newline; all bits but the highest of each byte. */
const NEWLINES = 0x0a0a0a0a;
const LOW_BITS = 0x7f7f7f7f;
const NO_WORDS = new Int32Array();

/** Ends of lines between two places, four bytes at a time: each line of a log goes through here. */
export function countEnds(bytes: Buffer, from: number, to: number): number {
  let at = from;
  let count = 0;
  while (at < to && ((bytes.byteOffset + at) & 3) !== 0) if (bytes[at++] === NEWLINE) count++;
  const words = to - at < 4 ? NO_WORDS : new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >> 2);
  for (let index = 0; index < words.length; ) {
    // Counted in each byte of a word by itself, as long as none runs over.
    const until = Math.min(words.length, index + 255);
    let counts = 0;
    for (; index < until; index++) {
      const word = words[index]! ^ NEWLINES;
      // The highest bit of each byte that is 0: nothing is carried from one byte into the next.
      const ends = ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
      counts = (counts + ((ends >>> 7) & 0x01010101)) | 0;
    }
    count += (counts & 0xff) + ((counts >>> 8) & 0xff) + ((counts >>> 16) & 0xff) + (counts >>> 24);
  }
  for (at += words.length * 4; at < to; at++) if (bytes[at] === NEWLINE) count++;
  return count;
}

/** Where the line begins that a place is in. */
export function startOfLine(bytes: Buffer, at: number): number {
  return at === 0 ? 0 : bytes.lastIndexOf(NEWLINE, at - 1) + 1;
}

/** Where the line ends that begins here or before: the place of its newline, or of the end of the bytes. */
export function endOfLine(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(NEWLINE, from);
  return end === -1 ? bytes.length : end;
}

/** Lines of which only the first 64 KiB are looked at. */
export function countTooLong(bytes: Buffer): number {
  let count = 0;
  let start = 0;
  while (bytes.length - start > MAX_LINE_BYTES) {
    const last = bytes.lastIndexOf(NEWLINE, start + MAX_LINE_BYTES);
    if (last < start) count++;
    start = (last < start ? endOfLine(bytes, start) : last) + 1;
  }
  return count;
}

/** What Buffer has since Node 0.x and its types have not: `toString` checks its arguments for longer than it decodes a line. */
interface Latin1Buffer extends Buffer {
  latin1Slice(start: number, end: number): string;
}

/** A line as text, one character a byte, without its end, and cut at 64 KiB. */
export function lineText(bytes: Buffer, start: number, end: number): string {
  const to = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  return (bytes as Latin1Buffer).latin1Slice(start, Math.min(to, start + MAX_LINE_BYTES));
}

/** Behind NULs that stand in front of a line, as a log that was truncated under its writer has them. */
export function skipNuls(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === 0) at++;
  return at;
}
