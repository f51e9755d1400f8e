/** Numbers as a small picture of one line. */

const BARS = "▁▂▃▄▅▆▇█";
/** Stands where there is no number. */
const NOTHING = " ";

/** How to draw. */
export interface SparklineOptions {
  /** How many characters at most; where there are more values, the highest of each part is drawn. @default as many as values */
  readonly width?: number;
  /** What the lowest bar stands for. @default 0, or the least value when that is below */
  readonly low?: number;
  /** What the highest bar stands for. @default the greatest value */
  readonly high?: number;
}

/**
 * Values from left to right, as bars of eight heights. What is not finite is a gap.
 * @throws RangeError when the width is no whole number above 0
 * @example sparkline([0, 1, 2, 7]) === "▁▂▃█"
 */
export function sparkline(
  values: readonly number[],
  { width = values.length, low, high }: SparklineOptions = {},
): string {
  if (values.length === 0) return "";
  if (!Number.isSafeInteger(width) || width < 1)
    throw new RangeError(`Cannot draw a line of ${width} characters: expected a whole number above 0`);
  const parts = joinValues(values, width);
  const known = parts.filter(Number.isFinite);
  const bottom = low ?? known.reduce((least, value) => Math.min(least, value), 0);
  const top = high ?? known.reduce((most, value) => Math.max(most, value), bottom);
  return parts.map((value) => barOf(value, bottom, top)).join("");
}

function barOf(value: number, bottom: number, top: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  // Halved, because the difference of the largest numbers is none.
  const share = top > bottom ? (value / 2 - bottom / 2) / (top / 2 - bottom / 2) : 0;
  return BARS.charAt(Math.max(0, Math.min(BARS.length - 1, Math.round(share * (BARS.length - 1)))));
}

/** At most `width` values: a peak must not vanish in a mean. */
function joinValues(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, index) => {
    const from = Math.floor((index * values.length) / width);
    const to = Math.floor(((index + 1) * values.length) / width);
    const known = values.slice(from, to).filter(Number.isFinite);
    return known.reduce((most, value) => Math.max(most, value), known[0] ?? Number.NaN);
  });
}
