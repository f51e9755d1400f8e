import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "#src/judge/alerter.ts";
import type { SensorFacts } from "#src/judge/contract.ts";
import { openHost, type TestHost } from "#src/judge/test-host.mts";
import { LevelStore } from "#src/store/level-store.ts";
import type { Store } from "#src/store/store.ts";
import { LevelCenter } from "./level-center.ts";

const STEP_MS = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
// A Monday.
const START = Date.UTC(2026, 10, 23);

const FACTS: SensorFacts = {
  kinds: { "test.high": "Much" },
  levels: {
    sortOf: (series) =>
      series.startsWith("unknown")
        ? null
        : { unit: "packets/s", scope: `out by ${series.split(":")[1]}`, isTold: true, floor: 20, limit: 100_000 },
    judge: ({ ordinary, observed, detail, because }) => ({
      kind: "test.high",
      severity: "high",
      ordinary,
      observed,
      evidence: { because, ...detail },
      next: [],
      attack: [],
    }),
  },
  judge: () => null,
};

/** A center over a real store, with a clock. */
class Bench implements Disposable {
  readonly host: TestHost;
  readonly outcomes: Outcome[] = [];
  readonly logged: string[] = [];
  readonly center: LevelCenter;
  now = START;

  constructor(store?: Store) {
    const facts = new Map([["plain", FACTS]]);
    this.host = openHost({ learnMs: 0, facts: FACTS, ...(store === undefined ? {} : { store }) });
    this.center = new LevelCenter({
      facts,
      limits: [{ series: "packets-out account:7?", above: 300 }],
      store: this.host.store,
      judge: this.host.judge,
      userName: () => null,
      log: { error: (text) => this.logged.push(text), warn: (text) => this.logged.push(text), info: () => undefined },
      now: () => this.now,
      tell: (outcomes) => this.outcomes.push(...outcomes),
    });
  }

  /** Values each ten seconds. @param valuesAt by Unix milliseconds */
  go(
    forMs: number,
    valuesAt: (atUnixMs: number) => Readonly<Record<string, number>>,
    wholeOf = ["packets-out "],
  ): void {
    for (const until = this.now + forMs; this.now < until; ) {
      this.now += STEP_MS;
      const values = Object.entries(valuesAt(this.now)).map(([series, value]) => ({
        series,
        value,
        detail: { port: 25 },
      }));
      this.center.take({ sensor: "plain", type: "levels", atUnixMs: this.now, spanMs: STEP_MS, wholeOf, values });
    }
  }

  get told(): string[] {
    return this.outcomes.map(({ type, alert }) => `${type} ${alert.kind} ${alert.state}`);
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

function ordinary(atUnixMs: number): Record<string, number> {
  return {
    "packets-out account:1003": 150 + 20 * Math.sin(atUnixMs / 7919) + 60 * Math.sin((atUnixMs / DAY_MS) * 2 * Math.PI),
  };
}

describe("LevelCenter", () => {
  test("tells what departs from the ordinary with its words, once, and closes it when it is over", () => {
    using bench = new Bench();
    bench.go(3 * DAY_MS, ordinary);
    assert.deepEqual(bench.told, []);
    bench.go(STEP_MS, () => ({ "packets-out account:1003": 5000 }));
    assert.deepEqual(bench.told, ["new test.high open"]);
    const { alert } = bench.outcomes[0]!;
    assert.deepEqual(alert.subject, { type: "level", series: "packets-out account:1003" });
    assert.match(alert.observed, /^5,000 packets\/s out by 1003, \d+(\.\d+)? times as much$/);
    assert.match(alert.ordinary, /^at 00:00 this host has \d+ to \d+ packets\/s out by 1003$/);
    assert.deepEqual(alert.evidence, { because: "peak", port: 25 });
    bench.go(20 * 60_000, ordinary);
    assert.deepEqual(bench.told, ["new test.high open", "closed test.high closed"]);
  });

  test("takes a series that a whole list leaves out for nothing of it, and one that another leaves out for not told", () => {
    using bench = new Bench();
    bench.go(STEP_MS, ordinary);
    bench.go(STEP_MS, () => ({}), ["bytes-out "]);
    assert.ok(Number(bench.center.describe()[0]?.["value"]) > 0);
    bench.go(STEP_MS, () => ({}));
    assert.equal(bench.center.describe()[0]?.["value"], 0);
  });

  test("goes on after a restart with what it had learnt, and with what it had told", () => {
    using first = new Bench();
    first.go(3 * DAY_MS, ordinary);
    first.go(STEP_MS, () => ({ "packets-out account:1003": 5000 }));
    first.center[Symbol.dispose]();
    const second = new Bench(first.host.store);
    second.now = first.now;
    assert.deepEqual(second.center.describe(), first.center.describe());
    second.go(60_000, () => ({ "packets-out account:1003": 5000 }));
    assert.deepEqual(second.told, []);
    second.go(20 * 60_000, ordinary);
    assert.deepEqual(second.told, ["closed test.high closed"]);
  });

  test("stores all within an hour of ticks, a few at a time", () => {
    using bench = new Bench();
    bench.go(STEP_MS, () =>
      Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`packets-out account:${index}`, 1])),
    );
    const levels = new LevelStore(bench.host.store);
    bench.center.tick();
    assert.equal(levels.list(10_000).length, 3);
    for (let tick = 0; tick < 720; tick++) bench.center.tick();
    assert.equal(levels.list(10_000).length, 1500);
  });

  test("learns anew what is damaged in the store, and says so", () => {
    using first = new Bench();
    first.go(HOUR_MS, ordinary);
    first.center[Symbol.dispose]();
    new LevelStore(first.host.store).put({
      sensor: "plain",
      series: "packets-out account:1003",
      atUnixMs: 0,
      state: "{",
      past: new Uint8Array(9),
    });
    const second = new Bench(first.host.store);
    assert.deepEqual(second.center.describe(), []);
    assert.equal(second.logged.length, 1);
  });

  test("has a bound, and says what is beyond it", () => {
    using bench = new Bench();
    const many = Object.fromEntries(Array.from({ length: 10_003 }, (_, index) => [`packets-out account:${index}`, 1]));
    bench.go(STEP_MS, () => many);
    assert.equal(bench.center.describe().length, 10_000);
    assert.deepEqual(bench.center.blindTo("plain"), ["3 values of more than 10000 series of levels"]);
    assert.deepEqual(bench.center.blindTo("other"), []);
  });

  test("tells of a newcomer that has far more than all others of its kind, and of none of an unknown kind", () => {
    using bench = new Bench();
    bench.go(3 * DAY_MS, ordinary);
    bench.go(STEP_MS, (at) => ({
      ...ordinary(at),
      "packets-out account:1004": 90_000,
      "bytes-out account:1004": 90_000,
      "unknown x": 1e9,
    }));
    assert.deepEqual(
      bench.outcomes.map(({ alert }) => [alert.subject, alert.evidence["because"]]),
      [[{ type: "level", series: "packets-out account:1004" }, "newcomer"]],
    );
  });

  test("tells what is above a limit that is set, while it is learnt too, and says so", () => {
    using bench = new Bench();
    bench.go(60_000, () => ({ "packets-out account:77": 300, "packets-out account:8": 5000 }));
    assert.deepEqual(bench.told, []);
    bench.go(STEP_MS, () => ({ "packets-out account:77": 301 }));
    const [outcome] = bench.outcomes;
    assert.equal(outcome?.alert.observed, "301 packets/s out by 77, the limit is 300");
    assert.equal(outcome?.alert.ordinary, "this host has not been watched long enough to know");
  });

  test("accept() makes so much of it ordinary", () => {
    using bench = new Bench();
    const burst = (): Record<string, number> => ({ "packets-out account:1003": 5000 });
    bench.go(3 * DAY_MS, ordinary);
    bench.go(STEP_MS, burst);
    const [outcome] = bench.host.judge.accept(bench.outcomes[0]!.alert.id, "root", 0, bench.now);
    assert.equal(outcome?.type, "accepted");
    bench.center.accept(outcome!.alert, null);
    bench.go(HOUR_MS, burst);
    bench.go(HOUR_MS, ordinary);
    bench.go(HOUR_MS, burst);
    assert.deepEqual(bench.told, ["new test.high open"]);
  });
});
