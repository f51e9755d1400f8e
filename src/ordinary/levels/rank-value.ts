/** A value is compared with what was before it in several ways, and then learnt. Pure. */
import type { Finding } from "./finding.ts";
import { DAY, NUMBER, STREAMS, type Stream, SUM, WEEK } from "./layout.ts";
import type { Memory } from "./memory.ts";
import { addToSeason, middleOf, type Season, slotAt, spreadOf, visitsOf } from "./season.ts";
import { rankDistance, rareDistance } from "./tail.ts";

/** Parts that a new value makes of the means: of about 7, 100 and 1,000 values. */
const FAST = 0.15;
const SLOW = 0.01;
const SLOWEST = 0.001;
/** The same for the distance from other days: about 20 values. */
const DAY_FAST = 0.05;
/** A season moves by no more than this many rare distances a visit: one bad night is not ordinary the night after. */
const SEASON_LIMIT = 2;
/** Differences below this part of the value are rounding. */
const ROUNDING = 1e-6;
/** This part of a mean stands for nothing when a factor is taken. */
const NEXT_TO_NOTHING = 1e-3;

/** A distance from other weeks is ranked from so many visits on: two are a band already, but no spread. */
const RANKED_WEEKS = 3;
/** What moves slowly is no news each second: it is judged as if values came so far apart at least. */
const SLOW_MS = 300_000;
/** Shares of the spread around the mean, and of the middle, that a slot's own spread is eked out by. */
const OTHER_SPREAD = 0.1;
const OWN_SIZE = 0.02;
/** Nothing is measured in less. */
const LEAST_SCALE = 1e-30;
/** What tells of a sudden change. */
const SUDDEN: ReadonlySet<Stream> = new Set(["high", "jump", "level", "factor", "burst"]);

/** What tells of a slow one. */
const SLOW_STREAMS: ReadonlySet<Stream> = new Set(["drift", "day"]);

const TAIL = Object.fromEntries(STREAMS.map((stream, index) => [stream, index])) as Readonly<Record<Stream, number>>;

/** One value and its circumstances. */
export interface Arrival {
  readonly value: number;
  /** As if the clock on the wall were UTC. */
  readonly localUnixMs: number;
  /** The value before it is long ago. */
  readonly isAfterGap: boolean;
  /** It lies within what is known of this hour of the week. */
  readonly isOrdinary: boolean;
  /** Smaller differences are nothing. */
  readonly leastChange: number;
}

/** Ranks a value and learns it. @param found gets what was rarest */
export function rankValue(memory: Memory, arrival: Arrival, found: Finding): void {
  const { numbers, sums } = memory;
  const { value, isAfterGap } = arrival;
  if (sums[SUM.values] === 0) startMeans(numbers, value);
  const mean = numbers[NUMBER.slow]!;
  const last = numbers[NUMBER.last]!;
  const smallest = smallestDifference(mean, arrival);
  const see = (stream: Stream, distance: number, compared: number): void => {
    const far = distance <= smallest ? 0 : distance;
    const rarity = SLOW_STREAMS.has(stream)
      ? rankSlow(memory, TAIL[stream], far)
      : rankDistance(memory, TAIL[stream], far);
    if (!isExcused(stream, arrival)) take(memory, found, { rarity, stream, compared });
  };
  see("high", Math.max(0, value), 0);
  if (!isAfterGap) see("jump", Math.abs(value - last), last);
  see("level", Math.abs(value - mean), mean);
  const factor = Math.abs(value - mean) <= smallest ? 0 : factorBetween(value, mean, arrival.leastChange);
  seeRatio(memory, found, { stream: "factor", ratio: factor, compared: mean, isExcused: isExcused("factor", arrival) });
  moveMeans(memory, value);
  see("burst", Math.abs(numbers[NUMBER.fast]! - numbers[NUMBER.slow]!), numbers[NUMBER.slow]!);
  see("drift", Math.abs(numbers[NUMBER.slow]! - numbers[NUMBER.slowest]!), numbers[NUMBER.slowest]!);
  seeDay(memory, arrival, found, see);
  seeWeek(memory, arrival, found);
}

/** Counts one of all that come in {@link SLOW_MS}. It has that many fewer occasions to be wrong. */
function rankSlow(memory: Memory, tail: number, distance: number): number {
  const perSlow = valuesPerSlow(memory);
  const rarity = rankDistance(memory, tail, distance, memory.sums[SUM.values]! % perSlow === 0);
  return rarity === 0 ? 0 : rarity + Math.log10(perSlow);
}

/** 1, or how many values come in {@link SLOW_MS}. */
function valuesPerSlow({ sums }: Memory): number {
  const intervalMs = sums[SUM.intervalMs]!;
  return intervalMs === 0 ? 1 : Math.max(1, Math.round(SLOW_MS / intervalMs));
}

/** What comes each week at this hour may come as suddenly as it likes. */
function isExcused(stream: Stream, { isOrdinary }: Arrival): boolean {
  return isOrdinary && SUDDEN.has(stream);
}

interface Ranked {
  readonly stream: Stream;
  readonly rarity: number;
  readonly compared: number;
}

/** Keeps the rarest. */
function take(memory: Memory, found: Finding, { stream, rarity, compared }: Ranked): void {
  if (rarity <= found.rarity) return;
  found.rarity = rarity;
  found.reason = stream;
  found.compared = compared;
  found.usualDistance = rareDistance(memory, TAIL[stream]);
}

interface Ratio {
  readonly stream: Stream;
  /** Of no unit. */
  readonly ratio: number;
  readonly compared: number;
  readonly isExcused?: boolean;
}

function seeRatio(memory: Memory, found: Finding, { stream, ratio, compared, isExcused = false }: Ratio): void {
  const rarity = rankDistance(memory, TAIL[stream], ratio);
  if (!isExcused) take(memory, found, { rarity, stream, compared });
}

function seeDay(
  memory: Memory,
  arrival: Arrival,
  found: Finding,
  see: (stream: Stream, distance: number, compared: number) => void,
): void {
  const { numbers } = memory;
  const { value } = arrival;
  const slot = slotAt(DAY, arrival.localUnixMs);
  if (visitsOf(memory, DAY, slot) > 0) {
    const middle = middleOf(memory, DAY, slot);
    numbers[NUMBER.dayDistance]! +=
      (DAY_FAST / valuesPerSlow(memory)) * (value - middle - numbers[NUMBER.dayDistance]!);
    see("day", Math.abs(numbers[NUMBER.dayDistance]!), middle);
    seeRatio(memory, found, { stream: "hour", ratio: ratioIn(memory, DAY, slot, arrival), compared: middle });
  }
  addToSeason(memory, DAY, slot, value, SEASON_LIMIT * rareDistance(memory, TAIL.day));
}

function seeWeek(memory: Memory, arrival: Arrival, found: Finding): void {
  const slot = slotAt(WEEK, arrival.localUnixMs);
  let limit = 0;
  if (visitsOf(memory, WEEK, slot) >= RANKED_WEEKS) {
    const ratio = ratioIn(memory, WEEK, slot, arrival);
    seeRatio(memory, found, { stream: "week", ratio, compared: middleOf(memory, WEEK, slot) });
    limit = SEASON_LIMIT * rareDistance(memory, TAIL.week) * scaleOf(memory, WEEK, slot);
  }
  addToSeason(memory, WEEK, slot, arrival.value, limit);
}

/** How far a value is from the middle of a slot, in the slot's own measure. */
function ratioIn(memory: Memory, season: Season, slot: number, arrival: Arrival): number {
  const middle = middleOf(memory, season, slot);
  const distance = Math.abs(arrival.value - middle);
  return distance <= smallestDifference(middle, arrival) ? 0 : distance / scaleOf(memory, season, slot);
}

/**
 * What a distance from the middle of a slot is measured in: its own spread, because a steady hour and the hour of the backup have
 * nothing in common; and a little of what is usual elsewhere, because a slot that has never varied has been visited twice.
 */
function scaleOf(memory: Memory, season: Season, slot: number): number {
  const [above, below] = spreadOf(memory, season, slot);
  const elsewhere = OTHER_SPREAD * memory.numbers[NUMBER.spread]! + OWN_SIZE * Math.abs(middleOf(memory, season, slot));
  return Math.max(above + below + elsewhere, LEAST_SCALE);
}

function startMeans(numbers: Float32Array, value: number): void {
  const { last, fast, slow, slowest, lowest } = NUMBER;
  for (const at of [last, fast, slow, slowest, lowest]) numbers[at] = value;
}

/** The first values weigh more, so that the means do not hang on the very first. */
function moveMeans({ numbers, sums }: Memory, value: number): void {
  const newest = 1 / (sums[SUM.values]! + 1);
  const away = Math.abs(value - numbers[NUMBER.slow]!);
  numbers[NUMBER.spread]! += Math.max(SLOW, newest) * (away - numbers[NUMBER.spread]!);
  numbers[NUMBER.fast]! += Math.max(FAST, newest) * (value - numbers[NUMBER.fast]!);
  numbers[NUMBER.slow]! += Math.max(SLOW, newest) * (value - numbers[NUMBER.slow]!);
  numbers[NUMBER.slowest]! += Math.max(SLOWEST, newest) * (value - numbers[NUMBER.slowest]!);
  numbers[NUMBER.last] = value;
  numbers[NUMBER.lowest] = Math.min(numbers[NUMBER.lowest]!, value);
}

function smallestDifference(mean: number, { value, leastChange }: Arrival): number {
  return Math.max(leastChange, ROUNDING * Math.max(Math.abs(mean), Math.abs(value)));
}

/** Natural logarithm of how many times as much, or as little. A mean of 0 is next to nothing. */
function factorBetween(value: number, mean: number, leastChange: number): number {
  const size = Math.abs(mean) || Math.abs(value);
  const nothing = Math.max(NEXT_TO_NOTHING * size, leastChange);
  return Math.abs(Math.log((Math.abs(value) + nothing) / (Math.abs(mean) + nothing)));
}
