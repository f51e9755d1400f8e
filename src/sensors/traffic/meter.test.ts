import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Rate, TrafficMeter } from "./meter.ts";

const SPAN_MS = 10_000;

/** Ten looks of a second each, of `amounts` packets; then all are told. */
function span(meter: TrafficMeter, amounts: readonly number[], nowMs = 0): { early: Rate[]; told: Rate[] } {
  const early = amounts.flatMap((amount) => {
    meter.add("packets-out", "eth0", amount, nowMs);
    return meter.endLook(1000);
  });
  return { early, told: meter.endSpan(SPAN_MS, nowMs) };
}

const STEADY = Array.from({ length: 10 }, () => 300);

test("TrafficMeter tells means a second of each span", () => {
  const meter = new TrafficMeter(8);
  const { early, told } = span(meter, [100, 0, 200, 0, 0, 0, 0, 0, 0, 5]);
  assert.deepEqual(early, []);
  assert.deepEqual(told, [{ measure: "packets-out", of: "eth0", perSecond: 30.5, isHigh: false }]);
  assert.equal(meter.endSpan(SPAN_MS, 0)[0]?.perSecond, 0);
});

test("TrafficMeter tells at once what is four times the last, and again only when it is four times that", () => {
  const meter = new TrafficMeter(8);
  span(meter, STEADY);
  const { early } = span(meter, [300, 1199, 1300, 1400, 5000, 5100, 300, 300, 300, 300]);
  assert.deepEqual(
    early.map(({ perSecond }) => perSecond),
    [1300],
  );
  // The span's mean, 1,550, is the last now.
  assert.deepEqual(
    span(meter, [6000, 7000, 0, 0, 0, 0, 0, 0, 0, 0]).early.map(({ perSecond }) => perSecond),
    [7000],
  );
});

test("TrafficMeter tells nothing at once of what comes in, of little, and before the first span has ended", () => {
  const meter = new TrafficMeter(8);
  assert.deepEqual(span(meter, [90_000, 0, 0, 0, 0, 0, 0, 0, 0, 0]).early, []);
  meter.add("packets-in", "eth0", 1_000_000, 0);
  meter.add("packets-out", "account:1003", 499, 0);
  meter.add("mail-connections-out", "account:1003", 5, 0);
  meter.add("connections-out", "account:1003", 19, 0);
  assert.deepEqual(
    meter.endLook(1000).map(({ measure }) => measure),
    ["mail-connections-out"],
  );
});

test("TrafficMeter tells a newcomer at once, the highest first", () => {
  const meter = new TrafficMeter(8);
  span(meter, STEADY);
  meter.add("packets-out", "account:1003", 20_005, 0);
  meter.add("packets-out", "account:1004", 30_005, 0);
  assert.deepEqual(
    meter.endLook(1000).map(({ of }) => of),
    ["account:1004", "account:1003"],
  );
  assert.deepEqual(meter.most("packets-out", "lastLook", 1), [{ of: "account:1004", amount: 30_005 }]);
});

test("TrafficMeter calls high what is half as much again as of late, and no more when it has lasted", () => {
  const meter = new TrafficMeter(8);
  const busy = Array.from({ length: 10 }, () => 1000);
  for (let round = 0; round < 3; round++) span(meter, busy);
  const twice = busy.map((amount) => amount * 2);
  assert.equal(span(meter, busy).told[0]?.isHigh, false);
  assert.equal(span(meter, twice).told[0]?.isHigh, true);
  for (let round = 0; round < 20; round++) span(meter, twice);
  assert.equal(span(meter, twice).told[0]?.isHigh, false);
});

test("TrafficMeter begins a series when there is something, tells silence for ten minutes, and forgets it then", () => {
  const meter = new TrafficMeter(8);
  meter.add("packets-out", "account:1003", 0, 0);
  assert.deepEqual(meter.endSpan(SPAN_MS, 0), []);
  meter.add("packets-out", "account:1003", 1, 0);
  assert.equal(meter.endSpan(SPAN_MS, 600_000).length, 1);
  assert.equal(meter.endSpan(SPAN_MS, 600_001).length, 1);
  assert.deepEqual(meter.endSpan(SPAN_MS, 600_002), []);
  meter.add("packets-out", "eth0", 0, 700_000, true);
  assert.equal(meter.endSpan(SPAN_MS, 700_000).length, 1);
});

test("TrafficMeter keeps no more series than it may, and counts what has no place", () => {
  const meter = new TrafficMeter(2);
  for (const uid of [1, 2, 3, 2]) meter.add("packets-out", `account:${uid}`, 7, 0);
  assert.deepEqual(
    meter.endSpan(1000, 0).map(({ of, perSecond }) => [of, perSecond]),
    [
      ["account:1", 7],
      ["account:2", 14],
    ],
  );
  assert.equal(meter.notKept, 1);
  meter.keep((of) => of === "account:2");
  assert.equal(meter.endSpan(1000, 0).length, 1);
});

test("TrafficMeter tells all that was counted, however it is spread over looks", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1e9), { minLength: 1, maxLength: 30 }), (amounts) => {
      const meter = new TrafficMeter(1);
      for (const amount of amounts) {
        meter.add("bytes-out", "eth0", amount, 0, true);
        meter.endLook(1000);
      }
      const [told] = meter.endSpan(1000, 0);
      assert.equal(
        told?.perSecond,
        amounts.reduce((sum, amount) => sum + amount, 0),
      );
    }),
  );
});
