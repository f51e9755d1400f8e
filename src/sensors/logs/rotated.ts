/** Names that rotation gives to a log, and which of them is the older. Pure. */

// logrotate: .1, .1.gz, -20261124, -20261124.gz, -20261124-1764000000; others: .2026-11-24, .old, .bak, .0
const SUFFIX =
  /(?:[.-](\d{1,4}|\d{8}(?:-\d{2,10})?|\d{4}-\d\d-\d\d(?:[-T.]\d{2,6})?|\d{10})|\.old|\.bak)?(\.(?:gz|xz|bz2|zst|lz4))?$/;

/** A name in pieces. */
export interface RotatedName {
  /** The name of the log itself. */
  readonly stem: string;
  /** `null`: `.old`, `.bak` or only compressed. */
  readonly mark: string | null;
  /** Such as `.gz`; `""` when it is not compressed. */
  readonly compression: string;
}

/** @returns `undefined` for a name that bears no sign of rotation */
export function parseRotatedName(name: string): RotatedName | undefined {
  const match = SUFFIX.exec(name);
  if (match === null || match[0] === "" || match.index === 0) return undefined;
  return { stem: name.slice(0, match.index), mark: match[1] ?? null, compression: match[2] ?? "" };
}

/** Older first. Numbers grow with age, dates do not; of other names the time of the last write decides. */
export function compareAge(a: Aged, b: Aged): number {
  const numbers = [a.mark, b.mark].map((mark) => (mark !== null && /^\d{1,4}$/.test(mark) ? Number(mark) : null));
  const [one = null, other = null] = numbers;
  if (one !== null && other !== null) return other - one;
  const isDated = one === null && other === null && a.mark?.length === b.mark?.length;
  const byDate = isDated && a.mark !== null && b.mark !== null ? order(a.mark, b.mark) : 0;
  return byDate === 0 ? order(a.mtimeNs, b.mtimeNs) : byDate;
}

function order<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}

/** What {@link compareAge} looks at. */
export interface Aged {
  readonly mark: string | null;
  readonly mtimeNs: bigint;
}
