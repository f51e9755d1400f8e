/** The made-up hosting servers of bench/hosting-levels.ts, two of them over eight weeks: what is claimed in docs/levels.md. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LevelDetector } from "./detector.ts";
import { type Host, makeHost } from "./test-host.mts";
import { DAY_MS, MINUTE_MS } from "./test-series.mts";

const WEEKS = 8;

interface Alarm {
  readonly series: string;
  readonly at: number;
}

function alarmsOf({ series, localOffsetMs }: Host): Alarm[] {
  return series.flatMap(({ name, times, values }) => {
    const detector = new LevelDetector({ falseAlarmsPerWeek: 1 / series.length, localOffsetMs });
    return times.flatMap((at, index) => (detector.add(at, values[index]!).isAlert ? [{ series: name, at }] : []));
  });
}

suite("a hosting server", () => {
  for (const seed of [101, 102]) {
    const host = makeHost({ seed, weeks: WEEKS, everyMs: 5 * MINUTE_MS });
    const alarms = alarmsOf(host);

    for (const { name, series, from, to, isRate } of host.incidents)
      test(`server ${seed}: ${name} is told${isRate ? " within five minutes" : " before it is over"}`, () => {
        const first = alarms.find((one) => one.series === series && one.at >= from && one.at < to);
        assert.ok(first !== undefined && (!isRate || first.at - from <= 5 * MINUTE_MS));
      });

    test(`server ${seed}: backups, weekends, a holiday, summer time and a reboot give one false alarm a week at most`, () => {
      const wrong = alarms.filter(
        ({ series, at }) =>
          !host.incidents.some((one) => one.series === series && at >= one.from && at < one.to + DAY_MS),
      );
      assert.ok(wrong.length <= WEEKS, JSON.stringify(wrong));
    });
  }
});
