/** The ways in which logs write a time. Each parser reads at an offset and gives the instant and where the text of the time ends. */

import { instantAt, localInstant, readDigits, readMonth, type WallTime, yearlessInstant } from "./clock.ts";

/** A time that was read. */
export interface Stamp {
  readonly atUnixMs: number;
  /** Offset behind its last character. */
  readonly end: number;
}

type Time = Pick<WallTime, "hour" | "minute" | "second" | "millisecond">;

const SPACE = 32;
const COLON = 58;
const DOT = 46;
const COMMA = 44;

/** `Nov 22 12:41:05`, day padded by a space, by 0 or (busybox) not at all: RFC 3164 §4.1.2. Local time of the year that fits. */
export function parseRfc3164Stamp(text: string, at: number, nowUnixMs: number): Stamp | null {
  const second =
    lastMinute.nowUnixMs === nowUnixMs && text.startsWith(lastMinute.text, at) ? readSecond(text, at + 13) : -1;
  if (second !== -1) return { atUnixMs: lastMinute.atUnixMs + second * 1000, end: at + 15 };
  const read = readRfc3164Stamp(text, at, nowUnixMs);
  if (read !== null && read.end === at + 15) noteMinute(text.slice(at, at + 13), nowUnixMs);
  return read;
}

/** Lines come in the order of time: of the last minute, such as `Nov 22 12:41:`, only the second is read. */
let lastMinute = { text: "", atUnixMs: 0, nowUnixMs: Number.NaN };

/** Not a minute of which some seconds lie in this year and some, not having come yet, in the last one. */
function noteMinute(text: string, nowUnixMs: number): void {
  const first = readRfc3164Stamp(`${text}00`, 0, nowUnixMs);
  const last = readRfc3164Stamp(`${text}59`, 0, nowUnixMs);
  if (first === null || last?.atUnixMs !== first.atUnixMs + 59_000) return;
  lastMinute = { text, atUnixMs: first.atUnixMs, nowUnixMs };
}

/** 0 to 59 without a fraction; else -1. */
function readSecond(text: string, at: number): number {
  const second = readDigits(text, at, 2);
  const behind = text.charCodeAt(at + 2);
  return second > 59 || behind === DOT || behind === COMMA ? -1 : second;
}

function readRfc3164Stamp(text: string, at: number, nowUnixMs: number): Stamp | null {
  const month = readMonth(text, at);
  if (month === 0 || text.charCodeAt(at + 3) !== SPACE) return null;
  const isShort = text.charCodeAt(at + 5) === SPACE;
  const timeAt = at + (isShort ? 6 : 7);
  if (text.charCodeAt(timeAt - 1) !== SPACE) return null;
  const time = readTime(text, timeAt);
  if (time === null) return null;
  const day = isShort ? readDigits(text, at + 4, 1) : readPaddedDay(text, at + 4);
  return stamp(yearlessInstant({ month, day, ...time.value }, nowUnixMs), time.end);
}

/**
 * `2026-11-22T12:41:05.094029+00:00`, also with `/` in the date, a space for the `T`, a comma for the dot, and a zone of the forms `Z`,
 * `+01:00`, `+0100`, ` +0100`, ` UTC`, ` GMT`. Local time when it has none.
 */
export function parseIsoStamp(text: string, at: number): Stamp | null {
  const separator = text[at + 4];
  if ((separator !== "-" && separator !== "/") || text[at + 7] !== separator) return null;
  const between = text[at + 10];
  if (between !== "T" && between !== " ") return null;
  const time = readTime(text, at + 11);
  if (time === null) return null;
  const wall = {
    year: readDigits(text, at, 4),
    month: readDigits(text, at + 5, 2),
    day: readDigits(text, at + 8, 2),
    ...time.value,
  };
  return zoned(text, wall, time.end);
}

/** `22/Nov/2026:12:41:46 +0000` of access logs, and cPanel's `07/10/2013:18:43:00 -0000`, where the month stands first. */
export function parseAccessStamp(text: string, at: number): Stamp | null {
  const first = readDigits(text, at, 2);
  const isUs = text[at + 5] === "/";
  const yearAt = at + (isUs ? 6 : 7);
  if (text[at + 2] !== "/" || text[yearAt - 1] !== "/" || text.charCodeAt(yearAt + 4) !== COLON) return null;
  const second = isUs ? readDigits(text, at + 3, 2) : readMonth(text, at + 3);
  const time = readTime(text, yearAt + 5);
  if (time === null) return null;
  const [month, day] = isUs ? [first, second] : [second, first];
  return zoned(text, { year: readDigits(text, yearAt, 4), month, day, ...time.value }, time.end);
}

/** `Sun Nov 22 12:41:46.505757 2026`, as ctime(3) and Apache's error log write it. Local time. */
export function parseCtimeStamp(text: string, at: number): Stamp | null {
  const month = readMonth(text, at + 4);
  if (month === 0 || text.charCodeAt(at + 3) !== SPACE || text.charCodeAt(at + 10) !== SPACE) return null;
  const time = readTime(text, at + 11);
  if (time === null || text.charCodeAt(time.end) !== SPACE) return null;
  const year = readDigits(text, time.end + 1, 4);
  const wall = { year, month, day: readPaddedDay(text, at + 8), ...time.value };
  return stamp(localInstant(wall), time.end + 5);
}

/** `2014:07:02-13:07:40`, as DirectAdmin writes it. Local time. */
export function parseColonStamp(text: string, at: number): Stamp | null {
  if (text.charCodeAt(at + 4) !== COLON || text.charCodeAt(at + 7) !== COLON || text[at + 10] !== "-") return null;
  const time = readTime(text, at + 11);
  if (time === null) return null;
  const wall = {
    year: readDigits(text, at, 4),
    month: readDigits(text, at + 5, 2),
    day: readDigits(text, at + 8, 2),
    ...time.value,
  };
  return stamp(localInstant(wall), time.end);
}

function stamp(atUnixMs: number | null, end: number): Stamp | null {
  return atUnixMs === null ? null : { atUnixMs, end };
}

/** `HH:MM:SS` with a fraction of any length, of which milliseconds are kept. */
function readTime(text: string, at: number): { value: Time; end: number } | null {
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return null;
  const hour = readDigits(text, at, 2);
  const minute = readDigits(text, at + 3, 2);
  const second = readDigits(text, at + 6, 2);
  if (hour < 0 || minute < 0 || second < 0) return null;
  let end = at + 8;
  let millisecond = 0;
  if ((text[end] === "." || text[end] === ",") && readDigits(text, end + 1, 1) >= 0) {
    const first = ++end;
    while (readDigits(text, end, 1) >= 0) end++;
    millisecond = Number(text.slice(first, Math.min(end, first + 3)).padEnd(3, "0"));
  }
  return { value: { hour, minute, second, millisecond }, end };
}

function readPaddedDay(text: string, at: number): number {
  return text.charCodeAt(at) === SPACE ? readDigits(text, at + 1, 1) : readDigits(text, at, 2);
}

function zoned(text: string, wall: WallTime, at: number): Stamp | null {
  if (text[at] === "Z") return stamp(instantAt(wall, 0), at + 1);
  const signAt = text.charCodeAt(at) === SPACE ? at + 1 : at;
  if (signAt > at && /^(?:UTC|GMT)\b/.test(text.slice(signAt, signAt + 4)))
    return stamp(instantAt(wall, 0), signAt + 3);
  const sign = text[signAt] === "+" ? 1 : text[signAt] === "-" ? -1 : 0;
  const hours = readDigits(text, signAt + 1, 2);
  const minutesAt = signAt + (text.charCodeAt(signAt + 3) === COLON ? 4 : 3);
  const minutes = readDigits(text, minutesAt, 2);
  if (sign === 0 || hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return stamp(localInstant(wall), at);
  return stamp(instantAt(wall, sign * (hours * 60 + minutes)), minutesAt + 2);
}
