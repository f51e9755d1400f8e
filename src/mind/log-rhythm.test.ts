import assert from "node:assert/strict";
import { test } from "node:test";
import { beat, type Rhythm, silence } from "./log-rhythm.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function beats(count: number, everyMs: number): Rhythm {
  let rhythm: Rhythm | undefined;
  for (let index = 0; index < count; index++) rhythm = beat(rhythm, index * everyMs);
  return rhythm!;
}

test("silence() waits for twenty times the median gap, and six hours at least", () => {
  const hourly = beats(100, HOUR);
  assert.equal(silence(hourly, 99 * HOUR + 19 * HOUR), null);
  assert.deepEqual(silence(hourly, 99 * HOUR + 21 * HOUR), { silentMs: 21 * HOUR, medianMs: HOUR });
  const busy = beats(5000, MINUTE);
  assert.equal(silence(busy, 4999 * MINUTE + 5 * HOUR), null);
  assert.equal(silence(busy, 4999 * MINUTE + 7 * HOUR)?.medianMs, MINUTE);
});

test("silence() says nothing of a source without a rhythm", () => {
  assert.equal(silence(beats(20, HOUR), 1e12), null);
  assert.equal(silence(beats(40, MINUTE), 1e12), null, "known for less than two days");
});

test("beat() keeps 32 gaps, and one of each minute", () => {
  assert.equal(beats(1000, MINUTE).gapsMs.length, 32);
  const once = beats(2, MINUTE);
  assert.equal(beat(once, MINUTE + 59_000), once);
});
