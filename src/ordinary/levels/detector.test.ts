import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LevelDetector } from "./detector.ts";
import {
  alertsOf,
  bell,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  MONDAY,
  random,
  seasoned,
  traffic,
  WEEK_MS,
  watch,
} from "./test-series.mts";

const reasonsOf = (told: Parameters<typeof alertsOf>[0]): unknown[] =>
  alertsOf(told).map(({ reading }) => reading.reason);

suite("LevelDetector: what it tells", () => {
  test("add() tells a burst at its first value, with the band of the hour and the multiple", () => {
    const { detector, now } = seasoned(21);
    const [first] = watch(detector, () => 4000, { from: now + 14 * HOUR_MS, forMs: HOUR_MS });
    const { isAlert, score, expectedLow, expectedHigh, times, basis } = first!.reading;
    assert.ok(isAlert && score > 0.9, `${score}`);
    assert.equal(basis, "week");
    assert.ok(expectedLow > 300 && expectedHigh < 700, `${expectedLow} to ${expectedHigh}`);
    assert.equal(times, 4000 / expectedHigh);
  });

  test("add() tells traffic of the day that comes at night", () => {
    const { detector, now } = seasoned(21);
    const night = watch(detector, traffic(2), { from: now, forMs: 3 * HOUR_MS });
    assert.deepEqual(reasonsOf(night), []);
    const byDay = traffic(3);
    const told = watch(detector, (at) => byDay(at + 12 * HOUR_MS), { from: now + 3 * HOUR_MS, forMs: 2 * HOUR_MS });
    assert.ok(alertsOf(told)[0]!.atUnixMs - now <= 3 * HOUR_MS + 5 * MINUTE_MS);
  });

  test("add() tells a slow ramp that never jumps, within a day, and not the same noise without it", () => {
    for (const part of [0, 1]) {
      const { detector, now } = seasoned(28);
      const noise = traffic(4);
      const ramp = (at: number): number => noise(at) + (part * 300 * (at - now)) / DAY_MS;
      assert.equal(alertsOf(watch(detector, ramp, { from: now, forMs: DAY_MS })).length > 0, part === 1);
    }
  });

  test("add() tells a service that falls silent while it gives 0, but not the zeros of each night", () => {
    const noise = traffic(5);
    const office = (at: number): number => {
      const hour = (at % DAY_MS) / HOUR_MS;
      return hour >= 8 && hour < 18 ? noise(at) + 100 : 0;
    };
    const { detector, told, now } = seasoned(28, {}, office);
    assert.deepEqual(reasonsOf(told.slice(-7 * 288)), []);
    watch(detector, office, { from: now, forMs: 12 * HOUR_MS });
    const dead = watch(detector, () => 0, { from: now + 12 * HOUR_MS, forMs: HOUR_MS });
    assert.ok(dead[0]!.reading.isAlert);
  });

  test("add() does not tell a backup of each night once it knows it, also at a slightly other time", () => {
    const noise = traffic(6);
    const next = random(7);
    let start = 0;
    const backup = (at: number): number => {
      if (at % DAY_MS === 0) start = 2 * HOUR_MS + Math.round(next() * 3) * 5 * MINUTE_MS;
      const since = (at % DAY_MS) - start;
      return noise(at) + (since >= 0 && since < HOUR_MS ? 5000 * (1 + 0.1 * bell(next)) : 0);
    };
    const { told } = seasoned(28, {}, backup);
    assert.deepEqual(reasonsOf(told.slice(7 * 288)), []);
  });

  test("add() tells a backup at noon, though each night has one that is as large", () => {
    const noise = traffic(8);
    const backup = (at: number): number => noise(at) + (Math.floor((at % DAY_MS) / HOUR_MS) === 2 ? 5000 : 0);
    const { detector, now } = seasoned(21, {}, backup);
    assert.deepEqual(reasonsOf(watch(detector, backup, { from: now, forMs: 12 * HOUR_MS })), []);
    const [first] = watch(detector, (at) => noise(at) + 5000, { from: now + 12 * HOUR_MS, forMs: HOUR_MS });
    assert.ok(first!.reading.isAlert);
  });

  test("add() repeats an alert only when it is stronger, or long after", () => {
    const { detector, now } = seasoned(21);
    const noise = traffic(9);
    const burst = (at: number): number =>
      noise(at) + (at - now < 2 * HOUR_MS ? 2000 : at - now < 3 * HOUR_MS ? 40_000 : 0);
    const told = alertsOf(watch(detector, burst, { from: now, forMs: 6 * HOUR_MS }));
    assert.equal(told[0]!.atUnixMs, now);
    assert.ok(told.some(({ atUnixMs }) => atUnixMs === now + 2 * HOUR_MS));
    assert.ok(told.length <= 5, `${told.length}`);
  });
});

suite("LevelDetector: how often it is wrong", () => {
  const kinds: Readonly<Record<string, (next: () => number) => number>> = {
    "a bell": (next) => 100 + 10 * bell(next),
    "a few": (next) => Math.floor(-3 * Math.log(1 - next())),
    "mostly 0": (next) => (next() < 0.01 ? Math.ceil(5 * next()) : 0),
    "with a heavy tail": (next) => 1 / Math.sqrt(1 - next()),
  };
  for (const [name, kind] of Object.entries(kinds))
    test(`one setting holds for a series of values that are ${name}`, () => {
      const alerts = (falseAlarmsPerWeek: number): number => {
        const next = random(11);
        const detector = new LevelDetector({ falseAlarmsPerWeek });
        return alertsOf(watch(detector, () => kind(next), { forMs: 12 * WEEK_MS })).length;
      };
      const one = alerts(1);
      assert.ok(one <= 24, `${one} in 12 weeks`);
      assert.ok(alerts(0.1) < Math.max(one, 1) / 2 + 1);
    });

  test("a series that never changes is no alert, and its first change is one", () => {
    const detector = new LevelDetector();
    assert.deepEqual(reasonsOf(watch(detector, () => 5, { forMs: WEEK_MS })), []);
    assert.deepEqual(detector.expectedAt(MONDAY + WEEK_MS), { expectedLow: 5, expectedHigh: 5, basis: "day" });
    assert.equal(detector.add(MONDAY + WEEK_MS, 6).isAlert, true);
  });

  test("differences below leastChange are nothing", () => {
    const detector = new LevelDetector({ leastChange: 2 });
    watch(detector, () => 5, { forMs: WEEK_MS });
    assert.equal(detector.add(MONDAY + WEEK_MS, 6.9).isAlert, false);
    assert.equal(detector.add(MONDAY + WEEK_MS + 5 * MINUTE_MS, 60).isAlert, true);
  });
});

suite("LevelDetector: learning, limits, silence", () => {
  test("nothing is told on the first day, and the reading says so", () => {
    const { told } = seasoned(2, {}, (at) => (at - MONDAY < DAY_MS / 2 ? 10 : 5000));
    const firstDay = told.slice(0, 288);
    assert.ok(firstDay.every(({ reading }) => reading.isLearning && !reading.isAlert && reading.score < 0.5));
    assert.ok(told.slice(290).every(({ reading }) => !reading.isLearning));
  });

  test("learning takes at least 150 values, and waits out the time in which there were none", () => {
    const detector = new LevelDetector();
    watch(detector, () => 1, { forMs: 149 * HOUR_MS, everyMs: HOUR_MS });
    assert.ok(detector.isLearning);
    watch(detector, () => 1, { from: MONDAY + 149 * HOUR_MS, forMs: HOUR_MS, everyMs: HOUR_MS });
    assert.ok(!detector.isLearning);
    const paused = new LevelDetector();
    watch(paused, () => 1, { forMs: 12 * HOUR_MS });
    watch(paused, () => 1, { from: MONDAY + WEEK_MS, forMs: 11 * HOUR_MS });
    assert.ok(paused.isLearning);
  });

  test("a hard limit is told at once, also while learning, and again only when it is exceeded twice as far", () => {
    const detector = new LevelDetector({ max: 100, min: 10 });
    const values = [50, 130, 150, 170, 500, 50, 9];
    const told = values.map((value, index) => detector.add(MONDAY + index * MINUTE_MS, value));
    assert.deepEqual(
      told.map(({ isAlert }) => isAlert),
      [false, true, false, true, true, false, false],
    );
    assert.deepEqual([told[1]!.reason, told[1]!.compared, told[1]!.score], ["above-max", 100, 1]);
    const other = new LevelDetector({ min: 10 });
    assert.equal(other.add(MONDAY, 3).reason, "below-min");
  });

  test("silenceAt() tells a silence once, when it is longer than this series ever was silent", () => {
    const { detector, now } = seasoned(7);
    const last = now - 5 * MINUTE_MS;
    assert.equal(detector.silenceAt(last + 5 * MINUTE_MS), null);
    assert.equal(detector.silenceAt(last + 20 * MINUTE_MS), null);
    const silence = detector.silenceAt(last + 30 * MINUTE_MS);
    assert.equal(silence?.isAlert, true);
    assert.equal(silence?.sinceUnixMs, last);
    assert.equal(detector.silenceAt(last + HOUR_MS)?.isAlert, false);
    assert.notEqual(detector.add(last + HOUR_MS, 50).reason, "silence");
  });

  test("add() tells the silence behind it when nobody had asked, but none that is ordinary here", () => {
    const { detector, now } = seasoned(7);
    const { reason, isAlert, compared } = detector.add(now + 3 * HOUR_MS, 250);
    assert.deepEqual({ reason, isAlert }, { reason: "silence", isAlert: true });
    assert.equal(compared, 3 * HOUR_MS + 5 * MINUTE_MS);
    const office = new LevelDetector();
    for (let day = 0; day < 21; day++) {
      const from = MONDAY + day * DAY_MS;
      const told = watch(office, traffic(day), { from, forMs: 8 * HOUR_MS });
      if (day > 3) assert.deepEqual(reasonsOf(told.slice(0, 1)), []);
    }
  });
});

suite("LevelDetector: clocks", () => {
  test("add() goes on when the clock is set back or forward, or stands", () => {
    for (const stepMs of [-WEEK_MS, -HOUR_MS, -10 * MINUTE_MS, 0]) {
      const { detector, now } = seasoned(21);
      const noise = traffic(12);
      const told = watch(detector, (at) => noise(at - stepMs), { from: now + stepMs, forMs: 4 * HOUR_MS });
      assert.ok(told.every(({ reading }) => reading.reason !== "silence"));
      assert.ok(told.every(({ reading }) => Number.isFinite(reading.score)));
    }
  });

  test("a season follows the clock on the wall through summer time", () => {
    // Traffic of people: by the clock on the wall. Summer time begins after four weeks.
    const begins = MONDAY + 27 * DAY_MS;
    const localOffsetMs = (at: number): number => (at < begins ? HOUR_MS : 2 * HOUR_MS);
    const people = (seed: number, offset: (at: number) => number) => {
      const noise = traffic(seed);
      return (at: number): number => noise(at + offset(at)) * ((at + offset(at)) % DAY_MS >= 8 * HOUR_MS ? 5 : 1);
    };
    const told = watch(new LevelDetector({ localOffsetMs }), people(13, localOffsetMs), { forMs: 35 * DAY_MS });
    assert.deepEqual(reasonsOf(told.slice(27 * 288)), []);
  });

  test("a slow ramp is told with a value a minute too", () => {
    const noise = traffic(18);
    const detector = new LevelDetector();
    watch(detector, noise, { forMs: 28 * DAY_MS, everyMs: MINUTE_MS });
    const now = MONDAY + 28 * DAY_MS;
    const ramp = (at: number): number => noise(at) + (600 * (at - now)) / DAY_MS;
    const told = watch(detector, ramp, { from: now, forMs: DAY_MS, everyMs: MINUTE_MS });
    assert.ok(alertsOf(told).length > 0);
  });

  test("the interval is learnt: five minutes, one, an hour", () => {
    for (const everyMs of [10_000, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS]) {
      const next = random(14);
      const told = watch(new LevelDetector(), () => 100 + bell(next), { forMs: 3000 * everyMs, everyMs });
      const alerts = alertsOf(told).length;
      assert.ok(alerts <= 6, `${alerts} with a value each ${everyMs} ms`);
    }
  });
});

suite("LevelDetector: whatever comes", () => {
  const values = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, 1e30, -1e30, 5e-324, Number.MAX_VALUE),
    fc.integer({ min: 0, max: 100 }),
  );
  const moments = fc.oneof(fc.integer({ min: -8.64e15, max: 8.64e15 }), fc.integer({ min: 0, max: WEEK_MS }));
  const steps = fc.array(fc.tuple(moments, values), { maxLength: 400 });

  test("add() gives finite numbers and a score from 0 to 1", () => {
    fc.assert(
      fc.property(steps, (added) => {
        const detector = new LevelDetector({ learnMs: 0 });
        for (const [at, value] of added) {
          const { score, isAlert, expectedLow, expectedHigh, times, compared, usualDistance } = detector.add(at, value);
          assert.ok(score >= 0 && score <= 1 && isAlert === score >= 0.5, `${score}`);
          assert.ok(expectedLow <= expectedHigh, `${expectedLow} to ${expectedHigh}`);
          for (const one of [times ?? 0, compared, usualDistance]) assert.ok(Number.isFinite(one), `${one}`);
        }
      }),
    );
  });

  test("add() goes on behind save() as if nothing had happened", () => {
    fc.assert(
      fc.property(steps, fc.nat({ max: 400 }), (added, cut) => {
        const whole = new LevelDetector({ learnMs: 0 });
        let parted = new LevelDetector({ learnMs: 0 });
        added.forEach(([at, value], index) => {
          if (index === cut) parted = new LevelDetector({ learnMs: 0 }, parted.save());
          assert.deepEqual(parted.add(at, value), whole.add(at, value));
        });
        assert.deepEqual(parted.save(), whole.save());
      }),
    );
  });

  test("the state of ordinary traffic goes on as well, and is bounded", () => {
    const { detector, now } = seasoned(21);
    const parted = new LevelDetector({}, detector.save());
    assert.ok(detector.save().length <= LevelDetector.sizeBytes + 64);
    assert.deepEqual(
      watch(parted, traffic(15), { from: now, forMs: DAY_MS }),
      watch(detector, traffic(15), { from: now, forMs: DAY_MS }),
    );
  });

  test("the unit does not matter: a series times 1,024 or 1/1,024 is judged the same", () => {
    const judge = (factor: number): unknown[] => {
      const series = traffic(16);
      const { told } = seasoned(15, {}, (at) => factor * (series(at) + (at - MONDAY === 10 * DAY_MS ? 4000 : 0)));
      return told.map(({ reading }) => [reading.isAlert, reading.reason, reading.score.toFixed(3)]);
    };
    const plain = judge(1);
    assert.deepEqual(judge(1024), plain);
    assert.deepEqual(judge(1 / 1024), plain);
  });

  test("one huge value is told and does not blind", () => {
    for (const huge of [1e12, 1e30, Number.MAX_VALUE]) {
      const { detector, now } = seasoned(21);
      assert.ok(detector.add(now, huge).isAlert);
      const noise = traffic(17);
      watch(detector, noise, { from: now + 5 * MINUTE_MS, forMs: 4 * DAY_MS });
      const [first] = watch(detector, () => 4000, { from: now + 5 * DAY_MS, forMs: HOUR_MS });
      assert.ok(first!.reading.isAlert, `after ${huge}`);
    }
  });

  test("add() and the constructor refuse what is no number or no setting", () => {
    const detector = new LevelDetector();
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => detector.add(MONDAY, wrong), RangeError);
      assert.throws(() => detector.add(wrong, 1), RangeError);
    }
    for (const options of [
      { falseAlarmsPerWeek: 0 },
      { falseAlarmsPerWeek: Number.NaN },
      { learnMs: -1 },
      { max: Number.NaN },
    ])
      assert.throws(() => new LevelDetector(options), RangeError);
    assert.equal(detector.values, 0);
  });
});
