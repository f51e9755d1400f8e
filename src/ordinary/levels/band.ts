/** What is ordinary at an hour, as two ends. Pure. */
import { DAY, NUMBER, WEEK, WEEK_VISITS } from "./layout.ts";
import type { Memory } from "./memory.ts";
import { middleOf, type Season, slotAt, spreadOf, visitsOf } from "./season.ts";

/** Of values that are spread as a bell, 19 of 20 lie within five mean excesses. */
const WIDTH = 5;
/** Ends of what is ordinary. */
export interface Band {
  readonly expectedLow: number;
  readonly expectedHigh: number;
  /** What it was learnt of: this hour of other weeks, this half hour of other days, or all the time up to now. */
  readonly basis: "week" | "day" | "all";
}

/** The band at a moment. @param localUnixMs Unix milliseconds as if the clock on the wall were UTC */
export function bandAt(memory: Memory, localUnixMs: number): Band {
  const week = slotAt(WEEK, localUnixMs);
  if (visitsOf(memory, WEEK, week) >= WEEK_VISITS) return bandOf(memory, WEEK, week, "week");
  const day = slotAt(DAY, localUnixMs);
  if (visitsOf(memory, DAY, day) > 0) return bandOf(memory, DAY, day, "day");
  const { numbers } = memory;
  const half = numbers[NUMBER.spread]! / 2;
  return makeBand(memory, numbers[NUMBER.slow]!, half, half, "all");
}

function bandOf(memory: Memory, season: Season, slot: number, basis: Band["basis"]): Band {
  const [above, below] = spreadOf(memory, season, slot);
  return makeBand(memory, middleOf(memory, season, slot), above, below, basis);
}

/** What never was negative is not expected to be. */
function makeBand({ numbers }: Memory, middle: number, above: number, below: number, basis: Band["basis"]): Band {
  const low = middle - WIDTH * below;
  return {
    expectedLow: low < 0 && numbers[NUMBER.lowest]! >= 0 ? 0 : low,
    expectedHigh: middle + WIDTH * above,
    basis,
  };
}
