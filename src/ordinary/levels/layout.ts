/** Where everything lies in the packed memory of one series. A change here is a new version of the state (state.ts). */
import type { MemorySize } from "./memory.ts";
import { type Season, SLOT_NUMBERS, VISIT_SUMS } from "./season.ts";
import { TAIL_COUNTS, TAIL_NUMBERS } from "./tail.ts";

const HOUR_MS = 3_600_000;

/**
 * What is ranked, each in its own past: the value itself; its distance from the last value; from its slow mean, as a difference and as
 * a factor; of the fast mean from the slow one, and of the slow one from the slowest; of the last values from the same half hour of
 * other days; and how many times the spread of this half hour of other days, of this hour of other weeks, it is away from them.
 */
export const STREAMS = ["high", "jump", "level", "factor", "burst", "drift", "day", "hour", "week"] as const;
/** One of {@link STREAMS}. */
export type Stream = (typeof STREAMS)[number];

/** The tail of spans without a value, behind those of the streams. */
export const SILENCE_TAIL = STREAMS.length;
/** How many tails there are. */
export const TAILS = SILENCE_TAIL + 1;

/** Sums (64 bits): instants and counts. */
export const SUM = {
  /** Unix milliseconds of the last value. */
  lastAt: 0,
  /** Median span between values, ms; 0 while unknown. */
  intervalMs: 1,
  values: 2,
  /** How long it was watched, gaps left out. */
  watchedMs: 3,
  /** An alert is repeated before this count of values only when it is stronger. */
  heldUntil: 4,
  /** The same for hard limits. */
  limitHeldUntil: 5,
} as const;
const OWN_SUMS = 6;

const FIRST_OWN_NUMBER = TAILS * TAIL_NUMBERS;
/** Numbers (32 bits). */
export const NUMBER = {
  last: FIRST_OWN_NUMBER,
  fast: FIRST_OWN_NUMBER + 1,
  slow: FIRST_OWN_NUMBER + 2,
  slowest: FIRST_OWN_NUMBER + 3,
  /** Mean distance from the slow mean. */
  spread: FIRST_OWN_NUMBER + 4,
  /** Fast mean of the distance from the same half hour of other days. */
  dayDistance: FIRST_OWN_NUMBER + 5,
  lowest: FIRST_OWN_NUMBER + 6,
  /** Strength of the last alert. */
  held: FIRST_OWN_NUMBER + 7,
  /** How far beyond a hard limit was told. */
  limitHeld: FIRST_OWN_NUMBER + 8,
  /** 1 when the present silence was told. */
  silenceTold: FIRST_OWN_NUMBER + 9,
} as const;
const OWN_NUMBERS = 10;

/** Half hours of a day. */
export const DAY: Season = {
  slots: 48,
  slotMs: HOUR_MS / 2,
  firstNumber: FIRST_OWN_NUMBER + OWN_NUMBERS,
  firstCount: TAILS * TAIL_COUNTS,
  firstSum: OWN_SUMS,
};
/** Hours of a week. */
export const WEEK: Season = {
  slots: 168,
  slotMs: HOUR_MS,
  firstNumber: DAY.firstNumber + DAY.slots * SLOT_NUMBERS,
  firstCount: DAY.firstCount + DAY.slots,
  firstSum: DAY.firstSum + VISIT_SUMS,
};

/** From so many visits on an hour of the week is known; until then that of the day. */
export const WEEK_VISITS = 2;

/** All of it. */
export const SIZE: MemorySize = {
  sums: WEEK.firstSum + VISIT_SUMS,
  numbers: WEEK.firstNumber + WEEK.slots * SLOT_NUMBERS,
  counts: WEEK.firstCount + WEEK.slots,
};
