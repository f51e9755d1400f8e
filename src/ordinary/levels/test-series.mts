/** Made-up series for tests: the same ones in each run. */
import { LevelDetector, type LevelOptions, type LevelReading } from "./detector.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;
/** A Monday, 00:00 UTC. */
export const MONDAY = Date.UTC(2026, 0, 5);

/** Numbers from 0 to 1 that are the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers that are spread as a bell of width 1 around 0. */
export function bell(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Traffic of an ordinary host: more by day than by night, less at the end of the week, with some noise. */
export function traffic(seed: number): (atUnixMs: number) => number {
  const next = random(seed);
  return (atUnixMs) => {
    const hour = (atUnixMs % DAY_MS) / HOUR_MS;
    const isWeekend = (Math.floor(atUnixMs / DAY_MS) + 3) % 7 >= 5;
    const byHour = 1 + 0.8 * Math.sin(((hour - 9) / 24) * 2 * Math.PI);
    return Math.max(0, 300 * byHour * (isWeekend ? 0.6 : 1) * (1 + 0.1 * bell(next)));
  };
}

/** A value, and what was made of it. */
export interface Told {
  readonly atUnixMs: number;
  readonly value: number;
  readonly reading: LevelReading;
}

/** Runs a detector over a span of a series, and gives all readings. */
export function watch(
  detector: LevelDetector,
  series: (atUnixMs: number) => number,
  { from = MONDAY, forMs, everyMs = 5 * MINUTE_MS }: { from?: number; forMs: number; everyMs?: number },
): Told[] {
  return Array.from({ length: Math.round(forMs / everyMs) }, (_, index) => {
    const atUnixMs = from + index * everyMs;
    const value = series(atUnixMs);
    return { atUnixMs, value, reading: detector.add(atUnixMs, value) };
  });
}

/** A detector that has seen ordinary traffic, and the moment up to when. */
export function seasoned(days: number, options: LevelOptions = {}, series = traffic(1)) {
  const detector = new LevelDetector(options);
  const told = watch(detector, series, { forMs: days * DAY_MS });
  return { detector, told, now: MONDAY + days * DAY_MS };
}

/** Those that are alerts. */
export function alertsOf(told: readonly Told[]): Told[] {
  return told.filter(({ reading }) => reading.isAlert);
}
