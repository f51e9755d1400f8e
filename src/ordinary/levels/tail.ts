/**
 * How rare a distance is among all the distances that a series has had. Distances of one kind are counted in a histogram of
 * logarithmic bins, which forgets slowly; beyond the rarest 2 % the tail is taken to go on as it fell there (Hill's estimate), so that
 * a record is told from a huge record. No unit, scale or kind of distribution is assumed. Pure.
 *
 * A tail lives in memory that its caller packs, tails first: {@link TAIL_COUNTS} counts each, and {@link TAIL_NUMBERS} numbers:
 *
 * | number | what |
 * |---|---|
 * | 0 | logarithm, in bins, of the lower end of bin 1; {@link NO_BASE} before the first distance that is not 0 |
 * | 1 | sum of the counts |
 * | 2 | bin, with its fraction, where the tail begins |
 * | 3 | how far, on average, its members lie beyond, in bins |
 */

import type { Memory } from "./memory.ts";

/** Bin 0 is for zero; of the others there are four an octave, over 32 octaves. */
export const TAIL_COUNTS = 129;
export const TAIL_NUMBERS = 4;
/** Stands for a base that is not known yet. */
export const NO_BASE = -32_768;

const BASE = 0;
const TOTAL = 1;
const THRESHOLD = 2;
const SLOPE = 3;

const BINS_PER_OCTAVE = 4;
const LAST_BIN = TAIL_COUNTS - 1;
/** Where the first distance falls: larger ones are rarer news than smaller ones. */
const FIRST_BIN = 80;
/** What one distance weighs, so that halving leaves something of a single one. */
const WEIGHT = 4;
/** The counts are halved at this sum: 8,000 to 16,000 distances are remembered. Fits into 16 bits. */
const MAX_TOTAL = 64_000;
const TAIL_PART = 0.02;
const TAIL_LEAST = 10;
/** Below, nothing is rare yet. */
const MIN_DISTANCES = 150;
/** A tail that ends abruptly is still taken to fall by no more than e in so many bins. */
const MIN_SLOPE = 0.5;
/** A slope that few members tell of is taken to be less steep, by this many of its standard errors. */
const SLOPE_DOUBT = 0.3;
/** The largest rarity. */
export const MAX_RARITY = 30;

/** Empties a tail. */
export function clearTail({ counts, numbers }: Memory, tail: number): void {
  counts.fill(0, tail * TAIL_COUNTS, (tail + 1) * TAIL_COUNTS);
  numbers.fill(0, tail * TAIL_NUMBERS, (tail + 1) * TAIL_NUMBERS);
  numbers[tail * TAIL_NUMBERS + BASE] = NO_BASE;
}

/**
 * Counts a distance, and says how rare it was before.
 * @param distance 0 or more, finite
 * @param isCounted whether it is one of those that are counted
 * @returns negative decimal logarithm of the part of all distances that are as large or larger: 3 is one in a thousand. 0 to
 * {@link MAX_RARITY}; 0 while fewer than 150 are known, and for everything that is none of the rarest 2 %
 */
export function rankDistance(memory: Memory, tail: number, distance: number, isCounted = true): number {
  const { numbers } = memory;
  const at = tail * TAIL_NUMBERS;
  if (distance > 0 && numbers[at + BASE] === NO_BASE)
    numbers[at + BASE] = Math.floor(Math.log2(distance) * BINS_PER_OCTAVE) - FIRST_BIN;
  const bin = binOf(numbers, at, distance);
  const rarity = rarityOf(memory, tail, bin);
  if (isCounted) count(memory, tail, bin);
  return rarity;
}

/** How rare a distance would be, as {@link rankDistance} tells; it is not counted. */
export function rarityIn(memory: Memory, tail: number, distance: number): number {
  const { numbers } = memory;
  const at = tail * TAIL_NUMBERS;
  return numbers[at + BASE] === NO_BASE ? 0 : rarityOf(memory, tail, binOf(numbers, at, distance));
}

/** A distance that only the rarest 2 % reach; 0 while fewer than 150 are known. */
export function rareDistance({ numbers }: Memory, tail: number): number {
  const at = tail * TAIL_NUMBERS;
  if (numbers[at + BASE] === NO_BASE || numbers[at + TOTAL]! < MIN_DISTANCES * WEIGHT) return 0;
  return 2 ** ((numbers[at + THRESHOLD]! + numbers[at + BASE]!) / BINS_PER_OCTAVE);
}

/** Whether the numbers and counts of a tail are such as this file leaves them. */
export function isSoundTail({ counts, numbers }: Memory, tail: number): boolean {
  const at = tail * TAIL_NUMBERS;
  let sum = 0;
  for (let bin = 0; bin < TAIL_COUNTS; bin++) sum += counts[tail * TAIL_COUNTS + bin]!;
  const isWithin = (offset: number, least: number, most: number): boolean =>
    numbers[at + offset]! >= least && numbers[at + offset]! <= most;
  return (
    numbers[at + TOTAL] === sum &&
    sum < MAX_TOTAL &&
    isWithin(BASE, NO_BASE, -NO_BASE) &&
    isWithin(THRESHOLD, 0, TAIL_COUNTS) &&
    isWithin(SLOPE, 0, TAIL_COUNTS)
  );
}

function binOf(numbers: Float32Array, at: number, distance: number): number {
  return distance > 0 ? Math.max(1, Math.log2(distance) * BINS_PER_OCTAVE - numbers[at + BASE]!) : 0;
}

/** By how the tail falls, but no rarer than what was as far off before says. */
function rarityOf({ counts, numbers }: Memory, tail: number, bin: number): number {
  const at = tail * TAIL_NUMBERS;
  const total = numbers[at + TOTAL]!;
  const threshold = numbers[at + THRESHOLD]!;
  if (total < MIN_DISTANCES * WEIGHT || bin < threshold) return 0;
  const beyond = (bin - threshold) / numbers[at + SLOPE]! / Math.LN10;
  const fitted = Math.log10(total / tailWeight(total)) + beyond;
  const first = tail * TAIL_COUNTS;
  const own = Math.min(LAST_BIN, Math.floor(bin));
  let above = counts[first + own]! * Math.max(0, own + 1 - bin);
  for (let index = own + 1; index < TAIL_COUNTS; index++) above += counts[first + index]!;
  return Math.min(MAX_RARITY, fitted, above > 0 ? Math.log10(total / above) : MAX_RARITY);
}

function tailWeight(total: number): number {
  return Math.max(TAIL_LEAST * WEIGHT, TAIL_PART * total);
}

function count(memory: Memory, tail: number, bin: number): void {
  const { counts, numbers } = memory;
  const at = tail * TAIL_NUMBERS;
  if (bin >= TAIL_COUNTS) shift(memory, tail);
  counts[tail * TAIL_COUNTS + Math.min(LAST_BIN, Math.floor(bin))]! += WEIGHT;
  numbers[at + TOTAL]! += WEIGHT;
  if (numbers[at + TOTAL]! >= MAX_TOTAL) halve(memory, tail);
  // Where the tail begins moves slowly unless it has gained a member.
  if (bin >= numbers[at + THRESHOLD]! || numbers[at + TOTAL]! % (16 * WEIGHT) < WEIGHT) fit(memory, tail);
}

/** One octave more above, one fewer below. One at a time: a single huge distance does not blur all the others. */
function shift({ counts, numbers }: Memory, tail: number): void {
  const first = tail * TAIL_COUNTS + 1;
  const end = first + LAST_BIN;
  let lowest = counts[first]!;
  for (let bin = 1; bin <= BINS_PER_OCTAVE; bin++) lowest += counts[first + bin]!;
  counts.copyWithin(first, first + BINS_PER_OCTAVE, end);
  counts.fill(0, end - BINS_PER_OCTAVE, end);
  counts[first] = lowest;
  numbers[tail * TAIL_NUMBERS + BASE]! += BINS_PER_OCTAVE;
}

function halve({ counts, numbers }: Memory, tail: number): void {
  let sum = 0;
  for (let index = tail * TAIL_COUNTS; index < (tail + 1) * TAIL_COUNTS; index++) {
    counts[index]! >>= 1;
    sum += counts[index]!;
  }
  numbers[tail * TAIL_NUMBERS + TOTAL] = sum;
}

/** Finds where the tail begins, and how far its members lie beyond. Members are taken to be spread evenly over their bin. */
function fit({ counts, numbers }: Memory, tail: number): void {
  const first = tail * TAIL_COUNTS;
  const at = tail * TAIL_NUMBERS;
  const wanted = tailWeight(numbers[at + TOTAL]!);
  let bin = LAST_BIN;
  let above = 0;
  let moment = 0;
  for (; bin > 0 && above + counts[first + bin]! < wanted; bin--) {
    above += counts[first + bin]!;
    moment += counts[first + bin]! * (bin + 0.5);
  }
  const inBin = bin === 0 ? 0 : (wanted - above) / counts[first + bin]!;
  const threshold = bin === 0 ? 1 : bin + 1 - inBin;
  const beyond = moment - above * threshold + (bin === 0 ? 0 : ((wanted - above) * inBin) / 2);
  numbers[at + THRESHOLD] = threshold;
  const doubt = 1 + SLOPE_DOUBT / Math.sqrt(wanted / WEIGHT);
  numbers[at + SLOPE] = Math.max(MIN_SLOPE, (beyond / wanted) * doubt);
}
