/**
 * Eight weeks of made-up hosting servers with labels: what is found of what was planted, how soon, and how often it is wrong; beside it
 * the usual ways to watch a number, each at the best threshold that it can have here.
 */
import { LevelDetector } from "#src/ordinary/levels/detector.ts";
import { type Host, type HostSeries, makeHost } from "#src/ordinary/levels/test-host.mts";
import { ewma, holtWinters, type Judge, rollingMad } from "./levels-peers.mts";

const HOSTS = Number(process.argv[2] ?? 10);
/** Settings were chosen on other seeds. */
const FIRST_SEED = 201;
const WEEKS = 8;
const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
/** Alerts of a peer are held as ours are. */
const HOLD_VALUES = 100;
const FALSE_ALARMS_PER_WEEK = 1;

/** An alert of a host. */
interface Alarm {
  readonly series: string;
  readonly at: number;
  readonly why: string;
}

/** Scores of one series of one host. */
interface Scored {
  readonly host: Host;
  readonly series: HostSeries;
  readonly scores: Float64Array;
}

for (const everyMs of [5 * MINUTE_MS, MINUTE_MS]) {
  const hosts = Array.from({ length: HOSTS }, (_, index) =>
    makeHost({ seed: FIRST_SEED + index, weeks: WEEKS, everyMs }),
  );
  const before = process.cpuUsage();
  const alarms = hosts.map(ours);
  const values = hosts.reduce((sum, { series }) => sum + series.reduce((all, one) => all + one.values.length, 0), 0);
  const cpuSeconds = process.cpuUsage(before).user / 1e6;
  print(
    {
      detector: "garrison",
      setting: "default",
      ...summary(hosts, alarms),
      valuesPerCpuSecond: Math.round(values / cpuSeconds),
    },
    everyMs,
  );
  if (everyMs !== 5 * MINUTE_MS) continue;
  const peers: [string, () => Judge, number][] = [
    ["rolling median/MAD of a day", rollingMad, 3.5],
    ["EWMA", ewma, 3],
    ["Holt-Winters, daily", holtWinters, 3],
  ];
  for (const [detector, make, usual] of peers) {
    const scored = hosts.flatMap((host) =>
      host.series.map((series): Scored => {
        const judge = make();
        return { host, series, scores: Float64Array.from(series.values, judge) };
      }),
    );
    const at = (threshold: number) =>
      hosts.map((host) => scored.filter((one) => one.host === host).flatMap((one) => alarmsOf(one, threshold)));
    print({ detector, setting: `usual threshold ${usual}`, ...summary(hosts, at(usual)) }, everyMs);
    let threshold = usual;
    while (summary(hosts, at(threshold)).falseAlarmsPerHostWeek > 1) threshold *= 1.1;
    print(
      {
        detector,
        setting: `lowest threshold with 1 false alarm: ${threshold.toFixed(1)}`,
        ...summary(hosts, at(threshold)),
      },
      everyMs,
    );
  }
}

function ours({ series, localOffsetMs }: Host): Alarm[] {
  return series.flatMap(({ name, times, values }) => {
    const detector = new LevelDetector({ falseAlarmsPerWeek: FALSE_ALARMS_PER_WEEK / series.length, localOffsetMs });
    return times.flatMap((at, index) => {
      const { isAlert, reason } = detector.add(at, values[index] ?? 0);
      return isAlert ? [{ series: name, at, why: String(reason) }] : [];
    });
  });
}

function alarmsOf({ series, scores }: Scored, threshold: number): Alarm[] {
  const alarms: Alarm[] = [];
  let heldUntil = 0;
  let held = 0;
  const first = series.times[0] ?? 0;
  scores.forEach((score, index) => {
    const at = series.times[index] ?? 0;
    if (at < first + DAY_MS || score < threshold || (index < heldUntil && score <= held)) return;
    heldUntil = index + HOLD_VALUES;
    held = score;
    alarms.push({ series: series.name, at, why: "" });
  });
  return alarms;
}

function summary(hosts: readonly Host[], alarms: readonly (readonly Alarm[])[]) {
  const delays: number[] = [];
  const missed: Record<string, number> = {};
  let planted = 0;
  let rates = 0;
  let soon = 0;
  let wrong = 0;
  hosts.forEach(({ incidents }, index) => {
    const own = alarms[index] ?? [];
    for (const { name, series, from, to, isRate } of incidents) {
      planted++;
      if (isRate) rates++;
      const first = own.find((alarm) => alarm.series === series && alarm.at >= from && alarm.at < to);
      if (first === undefined) missed[name] = (missed[name] ?? 0) + 1;
      else if (!isRate) delays.push((first.at - from) / MINUTE_MS);
      else if (first.at - from <= 5 * MINUTE_MS) soon++;
    }
    // What is told of its end, or on the day behind it, is still about the incident.
    wrong += own.filter(
      ({ series, at }) => !incidents.some((one) => one.series === series && at >= one.from && at < one.to + DAY_MS),
    ).length;
  });
  return {
    found: `${planted - Object.values(missed).reduce((sum, one) => sum + one, 0)} of ${planted}`,
    rateIncidentsWithin5Minutes: `${soon} of ${rates}`,
    slowFoundAfterHours:
      delays.length === 0 ? null : Math.round(delays.sort((a, b) => a - b)[delays.length >> 1]! / 60),
    falseAlarmsPerHostWeek: Number((wrong / hosts.length / WEEKS).toFixed(2)),
    missed,
  };
}

function print(result: object, everyMs: number): void {
  console.log(
    JSON.stringify({
      bench: "hosting-levels",
      everyMinutes: everyMs / MINUTE_MS,
      hosts: HOSTS,
      weeks: WEEKS,
      ...result,
    }),
  );
}
