/** Sets of the 256 characters that a line of bytes can hold. Never changed once made. */

/** One bit a character. */
export type CharSet = Uint32Array;

/** Every character but the line's end. */
export const ANY: CharSet = setOf((code) => code !== 10);

/** The characters for which `holds` is true. */
export function setOf(holds: (code: number) => boolean): CharSet {
  const set = new Uint32Array(8);
  for (let code = 0; code < 256; code++) if (holds(code)) set[code >> 5]! |= 1 << (code & 31);
  return set;
}

/** Whether the set holds a character. */
export function has(set: CharSet, code: number): boolean {
  return code < 256 && ((set[code >> 5]! >>> (code & 31)) & 1) === 1;
}

/** Every character that is in one of the sets. */
export function unite(sets: readonly CharSet[]): CharSet {
  return setOf((code) => sets.some((set) => has(set, code)));
}

/** The set with both cases of each ASCII letter in it. */
export function foldCase(set: CharSet): CharSet {
  return setOf((code) => [code, code ^ 32].some((one) => has(set, one) && (one === code || isLetter(code))));
}

/** Whether all of `inner` is in `outer`. */
export function isWithin(inner: CharSet, outer: CharSet): boolean {
  return inner.every((word, index) => (word & ~outer[index]!) === 0);
}

/** How many characters the set holds. */
export function sizeOf(set: CharSet): number {
  let size = 0;
  for (let code = 0; code < 256; code++) if (has(set, code)) size++;
  return size;
}

/** Whether two sets have a character in common. */
export function meet(one: CharSet, other: CharSet): boolean {
  for (let index = 0; index < 8; index++) if ((one[index]! & other[index]!) !== 0) return true;
  return false;
}

/** A character that is in both sets, one that can be read where there is one; `null` when there is none. */
export function commonCharacter(one: CharSet, other: CharSet): number | null {
  for (const code of READABLE) if (has(one, code) && has(other, code)) return code;
  return null;
}

// Digits first, so that an example of an address looks like one; then letters, the rest of ASCII, the rest.
const READABLE = Array.from({ length: 256 }, (_, code) => code).sort((one, other) => rank(one) - rank(other));

function rank(code: number): number {
  if (code >= 48 && code <= 57) return code;
  if (isLetter(code)) return 256 + code;
  return (code >= 32 && code < 127 ? 512 : 1024) + code;
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}
