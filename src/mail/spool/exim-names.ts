/**
 * Names of files in a spool of Exim, as bytes: a name is looked at where the kernel has put it. Pure.
 * @see Exim specification 4.98, chapter "Format of spool files", and section 3.4 "Message identification"
 */

/** Bytes of `ID-H` with an id of 6-6-2, as Exim wrote it until 4.96. */
const OLD_BYTES = 18;
/** Bytes of `ID-H` with an id of 6-11-4, as Exim writes it since 4.97. */
const NEW_BYTES = 25;
const DASH = 0x2d;
const LETTER_H = 0x48;
const TIME_DIGITS = 6;

// Value of each base-62 digit; -1 for other bytes. The digits are in the order of ASCII.
const DIGITS = new Int8Array(256).fill(-1);
for (const [value, digit] of [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"].entries())
  DIGITS[digit.charCodeAt(0)] = value;

/** Whether the name from `start` to `end` is that of a header file: each message has one, and has arrived when it is there. */
export function isEximHeader(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length !== OLD_BYTES && length !== NEW_BYTES) return false;
  if (bytes[end - 1] !== LETTER_H || bytes[end - 2] !== DASH) return false;
  const secondDash = length === OLD_BYTES ? 13 : 18;
  for (let index = 0; index < length - 2; index++) {
    const byte = bytes[start + index] ?? 0;
    if (index === 6 || index === secondDash ? byte !== DASH : DIGITS[byte] === -1) return false;
  }
  return true;
}

/** When a message came, by its id: Unix seconds. */
export function eximIdUnixSeconds(bytes: Uint8Array, start: number): number {
  let seconds = 0;
  for (let index = 0; index < TIME_DIGITS; index++) seconds = seconds * 62 + (DIGITS[bytes[start + index] ?? 0] ?? 0);
  return seconds;
}

/** Whether a name is that of a folder of a split spool: the sixth character of the ids in it. */
export function isEximSubfolder(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && DIGITS[bytes[start] ?? 0] !== -1;
}
