/**
 * What is ordinary at an hour: for each slot of a day or of a week a middle, and how far values lie above and below it. A visit to
 * a slot is folded in when it is over: the present is compared with other days, never with itself. Pure.
 *
 * A season lives in memory that its caller packs: a slot has {@link SLOT_NUMBERS} numbers and one count of its visits, the present
 * visit {@link VISIT_SUMS} sums.
 */
import type { Memory } from "./memory.ts";

/** Middle, mean distance of what lies above it, of what lies below it. */
export const SLOT_NUMBERS = 3;
/** Slot, values, sum, sum of what lies above the middle, sum of what lies below it. */
export const VISIT_SUMS = 5;

const ABOVE = 1;
const BELOW = 2;
const SLOT = 0;
const VALUES = 1;
const SUM = 2;
const SUM_ABOVE = 3;
const SUM_BELOW = 4;

/** The part of a middle that its newest visit makes, once several are known. */
const NEWEST_PART = 0.2;
const MAX_VISITS = 60_000;
/** Values are no farther from 0, nor are middles. */
const MAX_VALUE = 1.1e30;

/** A season, and where it lies in packed memory. */
export interface Season {
  readonly slots: number;
  readonly slotMs: number;
  readonly firstNumber: number;
  readonly firstCount: number;
  readonly firstSum: number;
}

/** The slot of a moment. @param localUnixMs Unix milliseconds as if the clock on the wall were UTC */
export function slotAt({ slots, slotMs }: Season, localUnixMs: number): number {
  return ((Math.floor(localUnixMs / slotMs) % slots) + slots) % slots;
}

/** How often a slot was visited before the present visit. */
export function visitsOf({ counts }: Memory, { firstCount }: Season, slot: number): number {
  return counts[firstCount + slot]!;
}

/** The middle of a slot; 0 when it was never visited. */
export function middleOf({ numbers }: Memory, { firstNumber }: Season, slot: number): number {
  return numbers[firstNumber + slot * SLOT_NUMBERS]!;
}

/** How far values of a slot lie above and below its middle, on average of all values. */
export function spreadOf({ numbers }: Memory, { firstNumber }: Season, slot: number): [above: number, below: number] {
  const at = firstNumber + slot * SLOT_NUMBERS;
  return [numbers[at + ABOVE]!, numbers[at + BELOW]!];
}

/**
 * Takes a value in.
 * @param limit a middle is moved as if the visit had been no farther from it than this; 0: no limit
 */
export function addToSeason(memory: Memory, season: Season, slot: number, value: number, limit: number): void {
  const { sums } = memory;
  const at = season.firstSum;
  if (sums[at + SLOT] !== slot) {
    if (sums[at + VALUES]! > 0) foldVisit(memory, season, limit);
    sums.fill(0, at, at + VISIT_SUMS);
    sums[at + SLOT] = slot;
  }
  const isKnown = visitsOf(memory, season, slot) > 0;
  const values = sums[at + VALUES]!;
  const middle = isKnown ? middleOf(memory, season, slot) : values > 0 ? sums[at + SUM]! / values : value;
  sums[at + VALUES]! += 1;
  sums[at + SUM]! += value;
  sums[at + SUM_ABOVE]! += Math.max(0, value - middle);
  sums[at + SUM_BELOW]! += Math.max(0, middle - value);
}

function foldVisit({ sums, numbers, counts }: Memory, season: Season, limit: number): void {
  const sumAt = season.firstSum;
  const slot = sums[sumAt + SLOT]!;
  const at = season.firstNumber + slot * SLOT_NUMBERS;
  const values = sums[sumAt + VALUES]!;
  const visits = counts[season.firstCount + slot]!;
  const part = Math.max(NEWEST_PART, 1 / (visits + 1));
  const moved = sums[sumAt + SUM]! / values - numbers[at]!;
  numbers[at]! += part * (limit > 0 && visits > 0 ? Math.max(-limit, Math.min(limit, moved)) : moved);
  numbers[at + ABOVE]! += part * (sums[sumAt + SUM_ABOVE]! / values - numbers[at + ABOVE]!);
  numbers[at + BELOW]! += part * (sums[sumAt + SUM_BELOW]! / values - numbers[at + BELOW]!);
  counts[season.firstCount + slot] = Math.min(MAX_VISITS, visits + 1);
}

/** Whether a season is such as this file leaves it. The numbers are known to be finite. */
export function isSoundSeason({ sums, numbers, counts }: Memory, season: Season): boolean {
  const at = season.firstSum;
  const slot = sums[at + SLOT]!;
  const values = sums[at + VALUES]!;
  if (!Number.isInteger(slot) || slot < 0 || slot >= season.slots || !Number.isSafeInteger(values) || values < 0)
    return false;
  if (!(Math.abs(sums[at + SUM]!) <= MAX_VALUE * values)) return false;
  for (const offset of [SUM_ABOVE, SUM_BELOW])
    if (!(sums[at + offset]! >= 0 && sums[at + offset]! <= 2 * MAX_VALUE * values)) return false;
  for (let index = 0; index < season.slots; index++) {
    const number = season.firstNumber + index * SLOT_NUMBERS;
    if (!(numbers[number + ABOVE]! >= 0 && numbers[number + BELOW]! >= 0)) return false;
    if (counts[season.firstCount + index]! > MAX_VISITS) return false;
  }
  return true;
}
