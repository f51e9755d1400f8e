/** Packs bytes that are mostly zero. Pure. */

/** The least control byte that stands for zeros: for one. */
const ZEROS = 128;
const MAX_RUN = 128;

/** A control byte below 128 is followed by that many bytes and one more; one of 128 stands for a zero, of 129 for two, and so on. */
export function packZeros(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // At worst a control byte for each 128.
  const packed = new Uint8Array(bytes.length + Math.ceil(bytes.length / MAX_RUN) * 2 + 1);
  let length = 0;
  for (let index = 0; index < bytes.length; ) {
    const isZero = bytes[index] === 0;
    let end = index + 1;
    while (end < bytes.length && end - index < MAX_RUN && (isZero ? bytes[end] === 0 : !startsZeros(bytes, end))) end++;
    if (isZero) {
      packed[length++] = ZEROS - 1 + end - index;
    } else {
      packed[length++] = end - index - 1;
      packed.set(bytes.subarray(index, end), length);
      length += end - index;
    }
    index = end;
  }
  return packed.slice(0, length);
}

/** The bytes again; `null` unless they are exactly `sizeBytes`. Nothing longer is ever made. */
export function unpackZeros(packed: Uint8Array, sizeBytes: number): ArrayBuffer | null {
  const bytes = new Uint8Array(sizeBytes);
  let length = 0;
  for (let index = 0; index < packed.length; ) {
    const control = packed[index++]!;
    if (control >= ZEROS) {
      length += control - ZEROS + 1;
    } else {
      const run = packed.subarray(index, index + control + 1);
      if (run.length !== control + 1 || length + run.length > sizeBytes) return null;
      bytes.set(run, length);
      index += run.length;
      length += run.length;
    }
    if (length > sizeBytes) return null;
  }
  return length === sizeBytes ? bytes.buffer : null;
}

/** Two zeros at least: one alone is cheaper as it is. */
function startsZeros(bytes: Uint8Array, index: number): boolean {
  return bytes[index] === 0 && bytes[index + 1] === 0;
}
