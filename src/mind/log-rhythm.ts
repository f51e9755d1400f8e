/**
 * How often something is found in a source. One that ordinarily has something and has had nothing for long is told: its form may have
 * changed, or nobody writes it any more. Pure; bounded: 32 gaps a source.
 */

const GAPS = 32;
const MINUTE_MS = 60_000;
const LEAST_SILENCE_MS = 6 * 3_600_000;
const MEDIANS_OF_SILENCE = 20;
const KNOWN_AFTER_MS = 2 * 86_400_000;

/** What is known of one source; JSON. */
export interface Rhythm {
  readonly firstAtUnixMs: number;
  readonly lastAtUnixMs: number;
  /** The latest gaps between minutes in which something was found, latest last. */
  readonly gapsMs: readonly number[];
  readonly isSilent: boolean;
}

/** Something was found. The same object while the minute is the same. */
export function beat(rhythm: Rhythm | undefined, nowUnixMs: number): Rhythm {
  if (rhythm === undefined) return { firstAtUnixMs: nowUnixMs, lastAtUnixMs: nowUnixMs, gapsMs: [], isSilent: false };
  const gapMs = nowUnixMs - rhythm.lastAtUnixMs;
  if (gapMs < MINUTE_MS && !rhythm.isSilent) return rhythm;
  return { ...rhythm, lastAtUnixMs: nowUnixMs, gapsMs: [...rhythm.gapsMs, gapMs].slice(-GAPS), isSilent: false };
}

/**
 * How long a source has been silent beyond what is ordinary for it: 20 times its median gap, and six hours at least.
 * @returns `null`: it is not, or it has no rhythm yet (32 gaps and two days make one)
 */
export function silence(
  rhythm: Rhythm,
  nowUnixMs: number,
): { readonly silentMs: number; readonly medianMs: number } | null {
  const { firstAtUnixMs, lastAtUnixMs, gapsMs } = rhythm;
  if (gapsMs.length < GAPS || lastAtUnixMs - firstAtUnixMs < KNOWN_AFTER_MS) return null;
  const medianMs = gapsMs.toSorted((one, other) => one - other)[GAPS / 2] ?? 0;
  const silentMs = nowUnixMs - lastAtUnixMs;
  return silentMs > Math.max(LEAST_SILENCE_MS, medianMs * MEDIANS_OF_SILENCE) ? { silentMs, medianMs } : null;
}
