/** The time that the parts of a date mean. Pure but for the zone of this host. */
import { zoneMinutes } from "./zones.ts";

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** Names of months in lower case, January first. */
export const MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
] as const;
/** Names of the days of a week in lower case, Monday first. */
export const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** Text of each part by its letter of strptime(3): `Y y m b B d H I p M S j U W w a A z Z`. */
export type DateParts = Readonly<Record<string, string | undefined>>;

/**
 * Seconds since 1970 of a date. Without a year it is this one, or the last when it would lie more than a day ahead; without a day it
 * is today, or yesterday when it would lie ahead. Fractions of a second are left out, as fail2ban does.
 * @param zone minutes east of UTC for a date without a zone; `null`: the zone of this host
 * @returns `null` when there is no such date, or its zone is not known
 */
export function toUnixSeconds(parts: DateParts, zone: number | null, nowMs: number): number | null {
  const offset = offsetOf(parts, zone);
  if (Number.isNaN(offset)) return null;
  const now = localClock(nowMs);
  const givenYear = yearOf(parts);
  const year = givenYear ?? new Date(now).getUTCFullYear();
  const day = dayOf(parts, year);
  if (day === null) return null;
  const [month, date] = day ?? todayOf(now);
  const inDay = (hourOf(parts) * 3600 + Number(parts["M"] ?? 0) * 60 + Number(parts["S"] ?? 0)) * 1000;
  // 60 is a second of strptime(3), and none of a date.
  if (Number(parts["S"] ?? 0) > 59) return null;
  let clock = clockOf(year, month, date);
  if (clock === null) return null;
  const shift = (offset ?? 0) * 60_000;
  if (day === undefined && clock + inDay - shift > now) clock -= DAY_MS;
  if (givenYear === undefined && clock + inDay - shift > now + DAY_MS) {
    clock = clockOf(year - 1, month, date);
    if (clock === null) return null;
  }
  return Math.floor((offset === null ? fromLocalClock(clock + inDay) : clock + inDay - shift) / 1000);
}

function todayOf(clock: number): [month: number, date: number] {
  const today = new Date(clock);
  return [today.getUTCMonth(), today.getUTCDate()];
}

/** Minutes east of UTC; `null`: the host's zone; NaN: not known. */
function offsetOf(parts: DateParts, zone: number | null): number | null {
  const written = parts["z"] ?? parts["Z"];
  return written === undefined ? zone : (zoneMinutes(written) ?? Number.NaN);
}

function yearOf(parts: DateParts): number | undefined {
  if (parts["Y"] !== undefined) return Number(parts["Y"]);
  return parts["y"] === undefined ? undefined : 2000 + Number(parts["y"]);
}

/** Month from 0 and day; `undefined`: neither is given; `null`: no such day. */
function dayOf(parts: DateParts, year: number): [number, number] | undefined | null {
  const month = monthOf(parts);
  const day = parts["d"] === undefined ? undefined : Number(parts["d"]);
  if (month !== undefined && day !== undefined) return [month, day];
  const dayOfYear = parts["j"] === undefined ? dayOfWeek(parts, year) : Number(parts["j"]);
  if (dayOfYear !== undefined) {
    const date = new Date(Date.UTC(year, 0, dayOfYear));
    return date.getUTCFullYear() === year ? [date.getUTCMonth(), date.getUTCDate()] : null;
  }
  return month === undefined && day === undefined ? undefined : null;
}

function monthOf(parts: DateParts): number | undefined {
  if (parts["m"] !== undefined) return Number(parts["m"]) - 1;
  const name = (parts["b"] ?? parts["B"])?.toLowerCase();
  return name === undefined ? undefined : MONTHS.findIndex((month) => month.startsWith(name));
}

/** Day of the year of a week's number and a day of it. */
function dayOfWeek(parts: DateParts, year: number): number | undefined {
  const week = parts["U"] ?? parts["W"];
  const weekday = weekdayOf(parts);
  if (week === undefined || weekday === undefined) return undefined;
  const isMondayFirst = parts["W"] !== undefined;
  const firstOfJanuary = (new Date(Date.UTC(year, 0, 1)).getUTCDay() + 6) % 7;
  const first = isMondayFirst ? firstOfJanuary : (firstOfJanuary + 1) % 7;
  const day = isMondayFirst ? weekday : (weekday + 1) % 7;
  const beforeFirstWeek = (7 - first) % 7;
  return Number(week) === 0 ? 1 + day - first : 1 + beforeFirstWeek + 7 * (Number(week) - 1) + day;
}

function weekdayOf(parts: DateParts): number | undefined {
  if (parts["w"] !== undefined) return (Number(parts["w"]) + 6) % 7;
  const name = (parts["a"] ?? parts["A"])?.toLowerCase();
  return name === undefined ? undefined : WEEKDAYS.findIndex((day) => day.startsWith(name));
}

function hourOf(parts: DateParts): number {
  if (parts["I"] === undefined) return Number(parts["H"] ?? 0);
  const hour = Number(parts["I"]) % 12;
  const isAfternoon = parts["p"]?.toLowerCase() === "pm";
  // Hours above 12 are none of a half day, and stay.
  if (Number(parts["I"]) > 12) return Number(parts["I"]) + (isAfternoon ? 12 : 0);
  return isAfternoon ? hour + 12 : hour;
}

/** Midnight as if the clock on the wall showed UTC; `null` when there is no such day. */
function clockOf(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() : null;
}

/** What the clock on the wall of this host shows, as if it showed UTC. */
function localClock(unixMs: number): number {
  return unixMs - new Date(unixMs).getTimezoneOffset() * 60_000;
}

/** How the clock on the wall of a quarter of an hour becomes the time; `null`: not in one way. */
let lastQuarter: { readonly clock: number; readonly shift: number | null } = { clock: Number.NaN, shift: null };

/**
 * Nearly all dates lie in the quarter of an hour of the last one, and a clock that is as far from UTC at its begin as at its end has
 * not been put forward or back in it.
 */
function fromLocalClock(clock: number): number {
  const quarter = Math.floor(clock / QUARTER_MS) * QUARTER_MS;
  if (quarter !== lastQuarter.clock) {
    const shift = lookUpLocalClock(quarter) - quarter;
    const isEven = lookUpLocalClock(quarter + QUARTER_MS - 1000) - (quarter + QUARTER_MS - 1000) === shift;
    lastQuarter = { clock: quarter, shift: isEven ? shift : null };
  }
  return lastQuarter.shift === null ? lookUpLocalClock(clock) : clock + lastQuarter.shift;
}

function lookUpLocalClock(clock: number): number {
  const shown = new Date(clock);
  const local = new Date(
    shown.getUTCFullYear(),
    shown.getUTCMonth(),
    shown.getUTCDate(),
    shown.getUTCHours(),
    shown.getUTCMinutes(),
    shown.getUTCSeconds(),
  );
  return local.getTime();
}
