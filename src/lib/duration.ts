const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/**
 * Milliseconds of a text such as `"15m"`, `"1h30m"`, `"0s"`. Units: ms s m h d w, largest first, each at most once.
 * @throws SyntaxError when the text is not of that form or is longer than ten years
 * @example parseDuration("1h30m") // 5_400_000
 */
export function parseDuration(text: string): number {
  const match = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === "") {
    throw new SyntaxError(
      `Cannot read "${text.slice(0, 40)}" as a duration: expected a text with a unit such as "15m" or "24h"`,
    );
  }
  const units = ["w", "d", "h", "m", "s", "ms"] as const;
  const totalMs = units.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * UNIT_MS[unit], 0);
  if (totalMs > 3653 * UNIT_MS.d) {
    throw new SyntaxError(`Cannot read "${text.slice(0, 40)}" as a duration: expected at most ten years`);
  }
  return totalMs;
}

/**
 * A span in words for people, two units at most: `"2 h 5 min"`, `"340 ms"`.
 * @param spanMs milliseconds, not negative
 */
export function formatDuration(spanMs: number): string {
  if (Math.round(spanMs) < 1000) return `${Math.round(spanMs)} ms`;
  const seconds = Math.round(spanMs / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  const shown = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}
