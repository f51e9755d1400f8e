/** Ids as people type them: a letter and the number of a row. Pure. */

/** The number in `a17`; 0 (which no row has) for anything that is not `prefix` and a number. */
export function idNumber(prefix: "a" | "i" | "x", id: string): number {
  return id.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(id.slice(1)) ? Number(id.slice(1)) : 0;
}
