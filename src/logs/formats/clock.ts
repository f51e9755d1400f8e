/**
 * Instants from the numbers that stand in log lines, by arithmetic. No text is given to `Date`: what it takes for a date, and in which
 * zone, depends on the text. A log without a zone is in the host's local time.
 */

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** A date and a time of day as a clock on the wall shows them. */
export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** 0 to 60: a leap second counts as the next second. */
  readonly second: number;
  readonly millisecond: number;
}

/** Decimal number of exactly `count` digits at `at`; -1 when other characters stand there. */
export function readDigits(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1; // NaN behind the end
    value = value * 10 + digit;
  }
  return value;
}

/** 1 to 12 for an English month of three letters at `at`; 0 when none stands there. */
export function readMonth(text: string, at: number): number {
  if (at + 3 > text.length) return 0;
  const index = MONTHS.indexOf(text.slice(at, at + 3));
  return index % 3 === 0 ? index / 3 + 1 : 0;
}

/** Instant of a wall time that is `offsetMinutes` east of Greenwich; `null` when there is no such date. */
export function instantAt(wall: WallTime, offsetMinutes: number): number | null {
  const naive = naiveMs(wall);
  return naive === null ? null : naive - offsetMinutes * 60_000;
}

/** Instant of a wall time in the host's own zone; `null` when there is no such date. A time that occurs twice is the first. */
export function localInstant(wall: WallTime): number | null {
  const naive = naiveMs(wall);
  if (naive === null) return null;
  // Zones change their offset at quarters of an hour, and lines come in the order of time: one quarter is remembered.
  const quarter = Math.floor(naive / QUARTER_MS);
  if (quarter !== remembered.quarter) remembered = { quarter, offsetMs: localOffsetMs(quarter * QUARTER_MS) };
  return naive - remembered.offsetMs;
}

/**
 * Instant of a local time without a year, as RFC 3164 has it: the last such day that is not more than a day ahead of now. The day of
 * tolerance is for clocks that differ, and for zones.
 */
export function yearlessInstant(wall: Omit<WallTime, "year">, nowUnixMs: number): number | null {
  const year = new Date(nowUnixMs + DAY_MS).getFullYear();
  // Nine years hold a 29th of February, also over 2100.
  for (let back = 0; back < 9; back++) {
    const at = localInstant({ ...wall, year: year - back });
    if (at !== null && at <= nowUnixMs + DAY_MS) return at;
  }
  return null;
}

let remembered = { quarter: Number.NaN, offsetMs: 0 };

function localOffsetMs(naive: number): number {
  const utc = new Date(naive);
  const local = new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
  );
  return naive - local.getTime();
}

function naiveMs({ year, month, day, hour, minute, second, millisecond }: WallTime): number | null {
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month))) return null;
  if (!(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60)) return null;
  return Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
}

function daysOf(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : DAYS_OF_MONTH[month - 1]!;
}
