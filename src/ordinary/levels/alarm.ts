/** When rare is rare enough, and when an alert says nothing new. Pure. */
import { NUMBER, SUM } from "./layout.ts";
import type { Memory } from "./memory.ts";
import { valuesPerWeek } from "./rhythm.ts";

/** Whatever the interval, an alert is rarer than one value in a thousand. */
const LEAST_RARITY = 3;
/** For so many values an alert is repeated only when it is stronger. */
const HOLD_VALUES = 100;
/** What is held back keeps this part of its score: it stays below every alert. */
const HELD_PART = 0.2;
/** A hard limit is told again when it is exceeded so many times as far. */
const LIMIT_FACTOR = 2;

/** What came of a value. */
export interface Verdict {
  readonly score: number;
  readonly isAlert: boolean;
}

/** The rarity from which on a value is an alert. */
export function neededRarity(memory: Memory, falseAlarmsPerWeek: number): number {
  return Math.max(LEAST_RARITY, Math.log10(valuesPerWeek(memory) / falseAlarmsPerWeek));
}

/** Judges by what was learnt. @param strength rarity above the needed one, in powers of ten */
export function judgeStrength({ sums, numbers }: Memory, strength: number, isLearning: boolean): Verdict {
  const score = 1 / (1 + 10 ** -strength);
  if (isLearning) return { score: score * HELD_PART, isAlert: false };
  const isHeld = sums[SUM.values]! < sums[SUM.heldUntil]!;
  if (strength < 0) return { score: isHeld ? score * HELD_PART : score, isAlert: false };
  if (isHeld && strength <= numbers[NUMBER.held]!) return { score: score * HELD_PART, isAlert: false };
  numbers[NUMBER.held] = strength;
  sums[SUM.heldUntil] = sums[SUM.values]! + HOLD_VALUES;
  return { score, isAlert: true };
}

/** Judges by a hard limit. @param excess how far the value is beyond it, above 0 */
export function judgeLimit({ sums, numbers }: Memory, excess: number): Verdict {
  const isHeld = sums[SUM.values]! < sums[SUM.limitHeldUntil]!;
  sums[SUM.limitHeldUntil] = sums[SUM.values]! + HOLD_VALUES;
  if (isHeld && excess <= LIMIT_FACTOR * numbers[NUMBER.limitHeld]!) return { score: HELD_PART, isAlert: false };
  numbers[NUMBER.limitHeld] = excess;
  return { score: 1, isAlert: true };
}
