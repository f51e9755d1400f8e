/**
 * Names of files in a queue of Postfix, as bytes. Pure.
 * @see postconf(5) `enable_long_queue_ids`: short are 5 hex digits of microseconds and the inode in hex; long are seconds (6 digits or
 *   more) and microseconds (4) in base 52, `z`, and the inode in base 51
 */

const MIN_NAME = 6;
const MAX_NAME = 40;
const LONG_USEC_DIGITS = 4;
const LETTER_Z = 0x7a;

const NAME_BYTES = tableOf("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const HEX = tableOf("0123456789ABCDEF");
// Without vowels, so that no id is a word.
const BASE_52 = tableOf("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz");

/** Whether the name from `start` to `end` can be that of a message. */
export function isPostfixMessage(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < MIN_NAME || length > MAX_NAME) return false;
  for (let at = start; at < end; at++) if (NAME_BYTES[bytes[at] ?? 0] === -1) return false;
  return true;
}

/** When a message came, by its long id: Unix seconds. `null`: a short id does not say. */
export function postfixIdUnixSeconds(bytes: Uint8Array, start: number, end: number): number | null {
  const separator = bytes.lastIndexOf(LETTER_Z, end - 1);
  const secondsEnd = separator - LONG_USEC_DIGITS;
  if (secondsEnd - start < 6 || secondsEnd - start > 8 || separator >= end - 1) return null;
  let seconds = 0;
  for (let at = start; at < secondsEnd; at++) {
    const digit = BASE_52[bytes[at] ?? 0] ?? -1;
    if (digit === -1) return null;
    seconds = seconds * 52 + digit;
  }
  return seconds;
}

/** Whether a name is that of a folder of a hashed queue: one hex digit. */
export function isPostfixSubfolder(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && HEX[bytes[start] ?? 0] !== -1;
}

/** Value of each digit by its byte; -1 for other bytes. */
function tableOf(digits: string): Int8Array {
  const table = new Int8Array(256).fill(-1);
  for (const [value, digit] of [...digits].entries()) table[digit.charCodeAt(0)] = value;
  return table;
}
