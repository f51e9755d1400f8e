import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { explainLearning, type Group, isLearning, seeGroup } from "./learning.ts";

const SINCE = Date.UTC(2026, 10, 3);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const group: Group = { sinceUnixMs: SINCE, latestUnixMs: SINCE, isScanned: false };

test("isLearning() holds from the first moment until the time is over", () => {
  assert.equal(isLearning(group, DAY, SINCE), true);
  assert.equal(isLearning(group, DAY, SINCE + DAY - 1), true);
  assert.equal(isLearning(group, DAY, SINCE + DAY), false);
});

test("isLearning() takes facts that come a little out of order", () => {
  assert.equal(isLearning(group, DAY, SINCE - 500), true);
});

test("isLearning() never holds when nothing is to be learnt, whatever the clock says", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (latest, at) => !isLearning({ ...group, latestUnixMs: latest }, 0, at)),
  );
});

test("isLearning() does not begin anew when the clock is set back", () => {
  const later = seeGroup(group, SINCE + 2 * DAY, false);
  assert.equal(isLearning(later, DAY, SINCE + HOUR), false);
  assert.equal(isLearning(group, DAY, SINCE - 10 * DAY), false);
});

test("seeGroup() gives the same object while there is nothing worth a write", () => {
  assert.equal(seeGroup(group, SINCE + 1000, false), group);
  assert.equal(seeGroup(group, SINCE - DAY, false), group);
  const scanned = seeGroup(group, SINCE - DAY, true);
  assert.deepEqual(scanned, { ...group, isScanned: true });
  assert.equal(seeGroup(scanned, SINCE, false), scanned);
});

test("once a sighting was past the end, isLearning() is over at any later sighting", () => {
  const sightings = fc.array(fc.integer({ min: -2 * DAY, max: 3 * DAY }), { minLength: 1 });
  fc.assert(
    fc.property(sightings, (offsets) => {
      let state = group;
      let isOver = false;
      for (const offset of offsets) {
        state = seeGroup(state, SINCE + offset, false);
        if (isOver) assert.equal(isLearning(state, DAY, SINCE + offset), false);
        // Within a minute of the end a sighting need not have been written down.
        isOver ||= offset >= DAY + 60_000;
      }
    }),
  );
});

test("explainLearning() says how long more, or that it is over", () => {
  assert.equal(
    explainLearning(group, DAY, SINCE + 20 * HOUR),
    "still learning: known for 20 h, newcomers are taken in for 4 h more",
  );
  assert.equal(explainLearning(group, DAY, SINCE + 2 * DAY), "learnt: known for 2 d, anything new is an alert");
  assert.equal(explainLearning(group, 0, SINCE), "learnt: known for 0 ms, anything new is an alert");
});
