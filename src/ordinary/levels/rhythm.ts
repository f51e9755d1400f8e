/** How often values come: the interval is learnt, a long silence is told. Pure. */
import { NUMBER, SILENCE_TAIL, SUM } from "./layout.ts";
import type { Memory } from "./memory.ts";
import { rankDistance, rareDistance, rarityIn } from "./tail.ts";

/** What follows so many intervals is no jump from what was before. */
const GAP_INTERVALS = 3;
/** Shorter spans are never a silence. */
const SILENCE_INTERVALS = 5;
const SILENCE_MS = 900_000;
/** How fast the learnt interval follows the spans, as a factor a value. */
const INTERVAL_STEP = 1.02;

/** No value for long. */
export interface Silence {
  /** When the last value came, Unix milliseconds. */
  readonly sinceUnixMs: number;
  readonly forMs: number;
  /** 98 of 100 spans between values are no longer. */
  readonly usualMs: number;
  /** `true` once a silence. */
  readonly isAlert: boolean;
}

/** The span before a value. */
export interface Span {
  readonly spanMs: number;
  readonly isGap: boolean;
  /** How rare such a silence is; 0 when it is none, or was told. */
  readonly rarity: number;
}

/** Takes the moment of a value in. A clock that was set back, or stands, gives no span. */
export function addMoment(memory: Memory, atUnixMs: number): Span {
  const { sums, numbers } = memory;
  const spanMs = sums[SUM.values] === 0 ? 0 : atUnixMs - sums[SUM.lastAt]!;
  sums[SUM.lastAt] = atUnixMs;
  const wasTold = numbers[NUMBER.silenceTold] === 1;
  numbers[NUMBER.silenceTold] = 0;
  if (spanMs <= 0) return { spanMs, isGap: false, rarity: 0 };
  const intervalMs = sums[SUM.intervalMs]!;
  const isSilence = spanMs >= shortestSilence(memory);
  const rarity = rankDistance(memory, SILENCE_TAIL, spanMs);
  sums[SUM.watchedMs]! += intervalMs === 0 ? 0 : Math.min(spanMs, GAP_INTERVALS * intervalMs);
  sums[SUM.intervalMs] = nextInterval(intervalMs, spanMs);
  return {
    spanMs,
    isGap: intervalMs > 0 && spanMs > GAP_INTERVALS * intervalMs,
    rarity: isSilence && !wasTold ? rarity : 0,
  };
}

/** The silence at a moment, when it is one. @param needed rarity of an alert */
export function silenceAt(memory: Memory, nowUnixMs: number, needed: number): Silence | null {
  const { sums, numbers } = memory;
  const forMs = nowUnixMs - sums[SUM.lastAt]!;
  if (sums[SUM.values] === 0 || forMs < shortestSilence(memory)) return null;
  if (rarityIn(memory, SILENCE_TAIL, forMs) < needed) return null;
  const isAlert = numbers[NUMBER.silenceTold] === 0;
  numbers[NUMBER.silenceTold] = 1;
  return { sinceUnixMs: sums[SUM.lastAt]!, forMs, usualMs: rareDistance(memory, SILENCE_TAIL), isAlert };
}

/** How many values come in a week, at least 1. */
export function valuesPerWeek({ sums }: Memory): number {
  return Math.max(1, (7 * 86_400_000) / Math.max(1, sums[SUM.intervalMs]!));
}

function shortestSilence({ sums }: Memory): number {
  return Math.max(SILENCE_MS, SILENCE_INTERVALS * sums[SUM.intervalMs]!);
}

/** Goes to the median of the spans, in small steps. */
function nextInterval(intervalMs: number, spanMs: number): number {
  if (intervalMs === 0) return spanMs;
  if (spanMs > intervalMs) return Math.min(spanMs, intervalMs * INTERVAL_STEP);
  return Math.max(spanMs, intervalMs / INTERVAL_STEP);
}
