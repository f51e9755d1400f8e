import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HISTORY_BYTES, LevelHistory } from "./history.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// A Tuesday at midnight, UTC.
const START = Date.UTC(2026, 10, 24);

test("minutes and half hours are listed oldest first, with gaps as NaN", () => {
  const history = new LevelHistory();
  for (let minute = 1; minute <= 90; minute++) {
    if (minute !== 80) history.addMinute(minute, START + minute * MINUTE);
  }
  assert.deepEqual(history.minutes.slice(-12), [79, Number.NaN, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90]);
  // 1 to 30, 31 to 60, 61 to 90 without 80.
  assert.deepEqual(history.halfHours.slice(-4, -1), [Number.NaN, 15.5, 45.5]);
  assert.ok(Math.abs(history.halfHours.at(-1)! - (75.5 * 30 - 80) / 29) < 1e-4);
  assert.deepEqual([history.minutes.length, history.halfHours.length], [60, 48]);
});

test("highest is of seven days, and old ones are forgotten", () => {
  const history = new LevelHistory();
  assert.ok(Number.isNaN(history.highest));
  history.addPeak(900, START);
  history.addPeak(100, START + HOUR);
  assert.equal(history.highest, 900);
  history.addPeak(50, START + 7 * DAY);
  assert.equal(history.highest, 50);
});

test("a clock that was set back loses nothing", () => {
  const history = new LevelHistory();
  history.addMinute(1, START + HOUR);
  history.addMinute(2, START + 10 * MINUTE);
  assert.equal(history.minutes.at(-1), 2);
  history.addMinute(3, START + HOUR + MINUTE);
  assert.deepEqual(history.minutes.slice(-2), [2, 3]);
  history.addMinute(4, START - 30 * DAY);
  assert.deepEqual(history.minutes.filter(Number.isFinite), [4]);
});

test("what was written is read again, and bytes of chance are no level", () => {
  const step = fc.tuple(fc.integer({ min: 1, max: 10_000_000 }), fc.float({ min: 0, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 100 }),
      fc.uint8Array({ minLength: HISTORY_BYTES, maxLength: HISTORY_BYTES }),
      (steps, noise) => {
        const history = new LevelHistory();
        let at = START;
        for (const [gapMs, value] of steps) {
          at += gapMs;
          history.addMinute(value, at);
          history.addPeak(value, at);
        }
        const view = new DataView(new ArrayBuffer(HISTORY_BYTES + 3));
        history.write(view, 3);
        const again = new LevelHistory();
        again.read(view, 3);
        assert.deepEqual(
          [again.minutes, again.halfHours, again.highest],
          [history.minutes, history.halfHours, history.highest],
        );
        again.read(new DataView(noise.buffer, noise.byteOffset), 0);
        for (const value of [...again.minutes, ...again.halfHours])
          assert.ok(Number.isNaN(value) || (value >= 0 && Number.isFinite(value)));
        again.addMinute(1, at);
        assert.equal(again.minutes.length, 60);
      },
    ),
  );
});
