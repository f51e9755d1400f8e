/** A value is compared with what was before it in several ways, and then learnt. Pure. */
import type { Finding } from "./finding.ts";
import { DAY, NUMBER, STREAMS, type Stream, SUM, WEEK } from "./layout.ts";
import type { Memory } from "./memory.ts";
import { addToSeason, middleOf, slotAt, visitsOf } from "./season.ts";
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

const TAIL = Object.fromEntries(STREAMS.map((stream, index) => [stream, index])) as Readonly<Record<Stream, number>>;

/** One value and its circumstances. */
export interface Arrival {
  readonly value: number;
  /** As if the clock on the wall were UTC. */
  readonly localUnixMs: number;
  /** The value before it is long ago. */
  readonly isAfterGap: boolean;
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
    const rarity = rankDistance(memory, TAIL[stream], distance <= smallest ? 0 : distance);
    if (rarity > found.rarity) take(memory, found, { rarity, stream, compared });
  };
  see("high", Math.max(0, value), 0);
  if (!isAfterGap) see("jump", Math.abs(value - last), last);
  see("level", Math.abs(value - mean), mean);
  const factor = Math.abs(value - mean) <= smallest ? 0 : factorBetween(value, mean, arrival.leastChange);
  const rarity = rankDistance(memory, TAIL.factor, factor);
  if (rarity > found.rarity) take(memory, found, { rarity, stream: "factor", compared: mean });
  moveMeans(memory, value);
  see("burst", Math.abs(numbers[NUMBER.fast]! - numbers[NUMBER.slow]!), numbers[NUMBER.slow]!);
  see("drift", Math.abs(numbers[NUMBER.slow]! - numbers[NUMBER.slowest]!), numbers[NUMBER.slowest]!);
  seeSeasons(memory, arrival, see);
}

function take(
  memory: Memory,
  found: Finding,
  { rarity, stream, compared }: { rarity: number; stream: Stream; compared: number },
): void {
  found.rarity = rarity;
  found.reason = stream;
  found.compared = compared;
  found.usualDistance = rareDistance(memory, TAIL[stream]);
}

function seeSeasons(
  memory: Memory,
  { value, localUnixMs }: Arrival,
  see: (stream: Stream, distance: number, compared: number) => void,
): void {
  const { numbers } = memory;
  const day = slotAt(DAY, localUnixMs);
  if (visitsOf(memory, DAY, day) > 0) {
    const middle = middleOf(memory, DAY, day);
    numbers[NUMBER.dayDistance]! += DAY_FAST * (value - middle - numbers[NUMBER.dayDistance]!);
    see("day", Math.abs(numbers[NUMBER.dayDistance]!), middle);
  }
  const week = slotAt(WEEK, localUnixMs);
  if (visitsOf(memory, WEEK, week) > 0) {
    const middle = middleOf(memory, WEEK, week);
    see("week", Math.abs(value - middle), middle);
  }
  addToSeason(memory, DAY, day, value, SEASON_LIMIT * rareDistance(memory, TAIL.day));
  addToSeason(memory, WEEK, week, value, SEASON_LIMIT * rareDistance(memory, TAIL.week));
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
