import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LevelBounds, type LevelFinding, WatchedLevel } from "./watched-level.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP_MS = 10_000;
const START = Date.UTC(2026, 10, 23);
const BOUNDS: LevelBounds = { floor: 50, limit: null, isLowTold: false, othersHigh: () => null };

/** A series with a clock; values come each ten seconds. */
class Run {
  readonly found: LevelFinding[] = [];
  level = new WatchedLevel({});
  now = START;
  bounds = BOUNDS;

  /** @param valueAt by Unix milliseconds */
  go(forMs: number, valueAt: (atUnixMs: number) => number): this {
    for (const until = this.now + forMs; this.now < until; ) {
      this.now += STEP_MS;
      const finding = this.level.take({ value: valueAt(this.now), endUnixMs: this.now, spanMs: STEP_MS }, this.bounds);
      if (finding !== null) this.found.push(finding);
    }
    return this;
  }

  get told(): string[] {
    return this.found.map(({ type, direction, because }) => `${type} ${direction} ${because}`);
  }
}

/** Between 80 and 220 by the hour, with some noise that is the same each time. */
function ordinary(atUnixMs: number): number {
  const hour = (atUnixMs / HOUR_MS) % 24;
  const noise = Math.sin(atUnixMs / 7919) + Math.sin(atUnixMs / 104_729);
  return 150 - 60 * Math.cos((hour / 24) * 2 * Math.PI) + noise * 5;
}

describe("WatchedLevel", () => {
  test("tells a jump at once, once, and its end five minutes after it", () => {
    const run = new Run().go(3 * DAY_MS, ordinary);
    assert.deepEqual(run.told, []);
    const before = run.now;
    run.go(STEP_MS, () => 5000);
    assert.deepEqual(run.told, ["departed high peak"]);
    assert.equal(run.level.departure?.value, 5000);
    run.go(20 * MINUTE_MS, () => 5000).go(10 * MINUTE_MS, ordinary);
    assert.deepEqual(run.told, ["departed high peak", "calm high peak"]);
    const { expected } = run.found[0]!;
    assert.ok(
      expected !== null &&
        expected.expectedLow <= ordinary(before) &&
        expected.expectedHigh >= ordinary(before) &&
        expected.expectedHigh < 1000,
    );
    assert.equal(run.level.departure, null);
  });

  test("tells what is far from ordinary for the hour, without a peak that was never there", () => {
    const run = new Run().go(4 * DAY_MS, ordinary);
    // As much as at noon, at midnight.
    run.go(20 * MINUTE_MS, () => 215);
    assert.deepEqual(run.told, ["departed high history"]);
  });

  test("tells a departure again when it has doubled", () => {
    const run = new Run()
      .go(3 * DAY_MS, ordinary)
      .go(MINUTE_MS, () => 5000)
      .go(MINUTE_MS, () => 9000);
    run.go(MINUTE_MS, () => 12_000);
    assert.deepEqual(run.told, ["departed high peak", "departed high peak"]);
    assert.deepEqual(
      run.found.map(({ value }) => value),
      [5000, 12_000],
    );
  });

  test("tells nothing below the floor", () => {
    const run = new Run();
    run.go(3 * DAY_MS, () => 0).go(HOUR_MS, () => 49);
    assert.deepEqual(run.told, []);
    run.go(HOUR_MS, () => 200);
    assert.equal(run.told.length, 1);
  });

  test("tells nothing in the first day, but what is beyond the limit or far beyond all others", () => {
    const run = new Run().go(HOUR_MS, ordinary).go(HOUR_MS, () => 100_000);
    assert.deepEqual(run.told, []);
    assert.equal(run.level.expected, null);
    run.bounds = { ...BOUNDS, limit: 200_000 };
    run.go(STEP_MS, () => 200_001);
    assert.deepEqual(run.told, ["departed high limit"]);
    const newcomer = new Run();
    newcomer.bounds = { ...BOUNDS, othersHigh: () => 1000 };
    newcomer.go(HOUR_MS, () => 4000);
    assert.deepEqual(newcomer.told, []);
    newcomer.go(STEP_MS, () => 4001);
    assert.deepEqual(newcomer.told, ["departed high newcomer"]);
    assert.equal(newcomer.found[0]?.expected, null);
  });

  test("tells a silence only where that is asked for", () => {
    const silent = new Run().go(3 * DAY_MS, ordinary).go(HOUR_MS, () => 0);
    assert.deepEqual(silent.told, []);
    const asked = new Run();
    asked.bounds = { ...BOUNDS, isLowTold: true };
    asked
      .go(3 * DAY_MS, ordinary)
      .go(HOUR_MS, () => 0)
      .go(HOUR_MS, ordinary);
    assert.deepEqual(asked.told, ["departed low history", "calm low history"]);
  });

  test("passes over a value that comes twice, and goes on behind a gap and a clock that was set back", () => {
    const run = new Run().go(HOUR_MS, ordinary);
    const { atUnixMs } = run.level.latest;
    assert.equal(run.level.take({ value: 1e6, endUnixMs: atUnixMs, spanMs: STEP_MS }, { ...BOUNDS, limit: 10 }), null);
    run.now += DAY_MS;
    run.go(HOUR_MS, ordinary);
    run.now -= 30 * DAY_MS;
    run.go(HOUR_MS, ordinary);
    assert.equal(run.level.latest.atUnixMs, run.now);
    assert.deepEqual(run.told, []);
  });

  test("accept() makes so much of it ordinary, for as long as it holds", () => {
    const burst = (): number => 5000;
    const run = new Run().go(3 * DAY_MS, ordinary).go(MINUTE_MS, burst);
    run.level.accept(run.now + HOUR_MS);
    assert.equal(run.level.departure, null);
    run.go(30 * MINUTE_MS, burst);
    assert.deepEqual(run.told, ["departed high peak"]);
    run.go(STEP_MS, () => 50_000);
    assert.equal(run.told.length, 2);
  });
});
