/** A reading in words. Pure. */
import { formatDuration } from "#src/lib/duration.ts";
import type { Band } from "./band.ts";
import type { LevelReading } from "./detector.ts";
import type { LevelReason } from "./finding.ts";

const DAYS = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"] as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What a series is of. */
export interface LevelSubject {
  /** Behind a number, such as `packets/s out`. @default none */
  readonly unit?: string;
  /** Who has it, such as `this host` or `account shop`. @default "this host" */
  readonly owner?: string;
}

/** A value and its moment. */
export interface LevelMoment {
  readonly value: number;
  /** Unix milliseconds as if the clock on the wall were UTC. */
  readonly localUnixMs: number;
}

/** The three parts of an alert about a level. */
export interface LevelWords {
  /** `3,412 packets/s out` */
  readonly observed: string;
  /** `for a Tuesday at 14:00 this host has 180 to 420` */
  readonly ordinary: string;
  /** `8.1 times as much`; what was rare about it when it is between the two ends; `""` when nothing was. */
  readonly why: string;
}

/** Says what a value is, what is ordinary, and how far off it is. */
export function levelWords(
  reading: LevelReading,
  { value, localUnixMs }: LevelMoment,
  { unit = "", owner = "this host" }: LevelSubject = {},
): LevelWords {
  return {
    observed: `${formatLevel(value)}${unit === "" ? "" : ` ${unit}`}`,
    ordinary: `${momentText(reading.basis, localUnixMs)} ${owner} has ${bandText(reading)}`,
    why: whyOf(reading),
  };
}

/** A number with as many digits as one reads: `3,412`, `41.5`, `0.037`. */
export function formatLevel(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  const digits = size >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return (Object.is(value, -0) ? 0 : value).toLocaleString("en", digits);
}

/** `180 to 420`, or one number when the ends read the same. */
export function bandText({ expectedLow, expectedHigh }: Band): string {
  const low = formatLevel(expectedLow);
  const high = formatLevel(expectedHigh);
  return low === high ? low : `${low} to ${high}`;
}

/** The moments that a band is of, in words: `for a Tuesday at 14:00`. */
export function momentText(basis: Band["basis"], localUnixMs: number): string {
  const day = DAYS[((Math.floor(localUnixMs / DAY_MS) % 7) + 7) % 7];
  const minutes = Math.floor((((localUnixMs % DAY_MS) + DAY_MS) % DAY_MS) / 60_000);
  const hour = String(Math.floor(minutes / 60)).padStart(2, "0");
  switch (basis) {
    case "week":
      return `for a ${day} at ${hour}:00`;
    case "day":
      return `at ${hour}:${minutes % 60 < 30 ? "00" : "30"}`;
    case "all":
      return "up to now";
  }
}

function whyOf(reading: LevelReading): string {
  const { reason, times } = reading;
  if (reason === "above-max" || reason === "below-min" || reason === "silence") return particular(reason, reading);
  if (times !== null && times !== 1) return timesText(times);
  return reason === null ? "" : particular(reason, reading);
}

function timesText(times: number): string {
  if (times === 0) return "nothing at all";
  const factor = Math.max(times, 1 / times);
  if (factor < 1.05) return `a little ${times > 1 ? "more" : "less"}`;
  return times > 1 ? `${formatLevel(factor)} times as much` : `less by a factor of ${formatLevel(factor)}`;
}

/** By what it was told when a multiple says nothing. */
function particular(reason: LevelReason, { compared, usualDistance }: LevelReading): string {
  const from = formatLevel(compared);
  const usual = `98 of 100 times within ${formatLevel(usualDistance)}`;
  switch (reason) {
    case "high":
      return `98 of 100 values are below ${formatLevel(usualDistance)}`;
    case "jump":
      return `the value before was ${from}; ordinarily the next is ${usual}`;
    case "level":
    case "factor":
      return `the mean of the last 100 values is ${from}`;
    case "burst":
      return `the last few values left their mean of ${from}; ordinarily they are ${usual}`;
    case "drift":
      return `it has moved slowly away from ${from}, its mean of the last 1,000 values; ordinarily ${usual}`;
    case "day":
    case "hour":
      return `other days have about ${from} at this hour`;
    case "week":
      return `other weeks have about ${from} at this hour`;
    case "silence":
      return `nothing was told for ${formatDuration(compared)} before; ordinarily for at most ${formatDuration(usualDistance)}`;
    case "above-max":
      return `the limit is ${from} at most`;
    case "below-min":
      return `the limit is ${from} at least`;
  }
}
