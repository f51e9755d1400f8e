/**
 * A made-up hosting server over weeks, the same in each run: what is ordinary there and looks alarming (backups, weekends, a holiday,
 * summer time, a reboot, a newsletter, waves of failed logins), and what is not ordinary, with labels.
 */
import { CounterRate } from "./counter.ts";
import { bell, DAY_MS, HOUR_MS, MINUTE_MS, MONDAY, random, WEEK_MS } from "./test-series.mts";

/** What was planted. */
export interface Incident {
  readonly name: string;
  readonly series: string;
  /** When its first value is measured, and the last one, Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  /** To be told at once: within five minutes. */
  readonly isRate: boolean;
}

/** Values of one series. */
export interface HostSeries {
  readonly name: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** The whole of it. */
export interface Host {
  readonly series: readonly HostSeries[];
  readonly incidents: readonly Incident[];
  readonly localOffsetMs: (atUnixMs: number) => number;
}

/** How to make one. */
export interface HostOptions {
  readonly seed: number;
  /** Five at least: the incidents come in the last two. */
  readonly weeks: number;
  readonly everyMs: number;
}

/** One moment. */
interface Moment {
  readonly at: number;
  /** Hour of the local day with its fraction, and day of the week from 0, Monday. */
  readonly hour: number;
  readonly day: number;
  readonly localDay: number;
  readonly next: () => number;
}

const SERIES: Readonly<Record<string, (moment: Moment) => number>> = {
  // The host's packets: people by day, a backup each night, a long one on Sundays.
  "packets-out": (moment) => people(moment, 900) + backup(moment, 6000),
  // One account's mail: few, a newsletter on Tuesday morning.
  "mail account:shop": ({ hour, day, next }) =>
    few(next, hour > 7 && hour < 20 ? 0.8 : 0.05) + (day === 1 && hour >= 10 && hour < 10.5 ? few(next, 40) : 0),
  "mail-queue": (moment) => 30 + people(moment, 15) + 4 * few(moment.next, 0.5),
  "failed-logins": ({ next }) => few(next, 3) + (next() < 0.004 ? few(next, 60) : 0),
  "bytes-out account:forum": (moment) => people(moment, 20_000),
  "requests site:news": (moment) => people(moment, 60),
  "connections account:shop": ({ next }) => few(next, 1.5),
};

/** Makes a host. */
export function makeHost({ seed, weeks, everyMs }: HostOptions): Host {
  const end = MONDAY + weeks * WEEK_MS;
  // Summer time begins on a Sunday at 02:00 in the middle; the holiday is a Thursday two weeks later.
  const summer = MONDAY + (Math.floor(weeks / 2) - 1) * WEEK_MS + 6 * DAY_MS + HOUR_MS;
  const holiday = Math.floor(summer / DAY_MS) + 11;
  const localOffsetMs = (at: number): number => (at < summer ? HOUR_MS : 2 * HOUR_MS);
  const incidents = plant(end);
  const series = Object.entries(SERIES).map(([name, ordinary], index) => {
    const next = random(seed * 100 + index);
    const own = incidents.filter((one) => one.series === name);
    const times: number[] = [];
    const values: number[] = [];
    for (let at = MONDAY; at < end; at += everyMs) {
      const local = at + localOffsetMs(at);
      const localDay = Math.floor(local / DAY_MS);
      const day = localDay === holiday ? 6 : (localDay + 3) % 7;
      const moment = { at, hour: (local % DAY_MS) / HOUR_MS, day, localDay, next };
      times.push(at);
      values.push(own.reduce((value, one) => disturb(one, at, value), ordinary(moment)));
    }
    return name === "packets-out" ? throughCounter({ name, times, values }, reboot(end)) : { name, times, values };
  });
  return { series, incidents, localOffsetMs };
}

/** In the last two weeks, in local time of summer. */
function plant(end: number): Incident[] {
  const at = (weeksBefore: number, day: number, hour: number): number =>
    end - weeksBefore * WEEK_MS + day * DAY_MS + (hour - 2) * HOUR_MS;
  const one = (name: string, series: string, from: number, hours: number, isRate: boolean): Incident => ({
    name,
    series,
    from,
    to: from + hours * HOUR_MS,
    isRate,
  });
  return [
    one("flood from the host", "packets-out", at(2, 1, 15), 1, true),
    one("mail burst at 03:00", "mail account:shop", at(2, 2, 3), 1, true),
    one("slow exfiltration", "bytes-out account:forum", at(2, 3, 0), 36, false),
    one("queue grows", "mail-queue", at(1, 1, 11), 3, true),
    one("site falls silent", "requests site:news", at(1, 3, 11), 2, true),
  ];
}

function disturb({ name, from, to }: Incident, at: number, value: number): number {
  if (at < from || at >= to) return value;
  switch (name) {
    case "flood from the host":
      return value + 4000;
    case "mail burst at 03:00":
      return value + 30;
    case "slow exfiltration":
      return value + (60_000 * (at - from)) / (to - from);
    case "queue grows":
      return value + 60 + (600 * (at - from)) / (to - from);
    default:
      return 0;
  }
}

/** Two days after the middle of the set, at 04:00 UTC, ten minutes long. */
function reboot(end: number): number {
  return MONDAY + Math.floor((end - MONDAY) / 2 / DAY_MS) * DAY_MS + 2 * DAY_MS + 4 * HOUR_MS;
}

/** As a sensor reads it: a counter that begins anew at the reboot. */
function throughCounter({ name, times, values }: HostSeries, rebootAt: number): HostSeries {
  const counter = new CounterRate();
  const kept: [number, number][] = [];
  let count = 0n;
  let before = times[0]!;
  times.forEach((at, index) => {
    if (at >= rebootAt && at < rebootAt + 10 * MINUTE_MS) {
      count = 0n;
      return;
    }
    count += BigInt(Math.round((values[index]! * (at - before)) / 1000));
    before = at;
    const step = counter.add({ count, atMs: at });
    if (step.type === "rate") kept.push([at, step.perSecond]);
  });
  return { name, times: kept.map(([at]) => at), values: kept.map(([, value]) => value) };
}

/** More by day than by night, fewer at the end of the week, never twice the same. */
function people({ hour, day, next }: Moment, most: number): number {
  const byHour = 0.15 + 0.85 * Math.max(0, Math.sin(((hour - 6) / 18) * Math.PI)) ** 1.5;
  return most * (hour < 6 ? 0.15 : byHour) * (day >= 5 ? 0.55 : 1) * Math.exp(0.12 * bell(next));
}

/** From about 02:00 for 50 to 70 minutes; on Sundays for three hours. */
function backup({ hour, localDay, next }: Moment, rate: number): number {
  const tonight = random(localDay);
  const start = 2 + tonight() / 4;
  const hours = ((localDay + 3) % 7 === 6 ? 3 : 0.85) + tonight() / 3;
  return hour >= start && hour < start + hours ? rate * (1 + 0.15 * bell(next)) : 0;
}

/** How many of something that comes by chance (Poisson). */
function few(next: () => number, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * bell(next)));
  let count = 0;
  for (let left = Math.exp(mean); ; count++) {
    left *= 1 - next();
    if (left < 1) return count;
  }
}
