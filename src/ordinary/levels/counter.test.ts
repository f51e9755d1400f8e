import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { CounterRate } from "./counter.ts";

suite("CounterRate", () => {
  test("add() gives the mean rate between two readings, and nothing for the first", () => {
    const counter = new CounterRate();
    assert.deepEqual(counter.add({ count: 1000n, atMs: 5000 }), { type: "first" });
    assert.deepEqual(counter.add({ count: 4000n, atMs: 7000 }), { type: "rate", perSecond: 1500, spanMs: 2000 });
    assert.deepEqual(counter.add({ count: 4000n, atMs: 8000 }), { type: "rate", perSecond: 0, spanMs: 1000 });
  });

  test("add() tells a reset, such as after a reboot, and goes on from there", () => {
    const counter = new CounterRate();
    counter.add({ count: 9_000_000n, atMs: 0 });
    assert.deepEqual(counter.add({ count: 120n, atMs: 1000 }), { type: "reset" });
    assert.deepEqual(counter.add({ count: 220n, atMs: 2000 }), { type: "rate", perSecond: 100, spanMs: 1000 });
  });

  test("add() follows a counter of 32 and of 64 bits through its wrap", () => {
    for (const end of [2n ** 32n, 2n ** 64n]) {
      const counter = new CounterRate();
      counter.add({ count: end - 40n, atMs: 0 });
      assert.deepEqual(counter.add({ count: 60n, atMs: 1000 }), { type: "rate", perSecond: 100, spanMs: 1000 });
    }
  });

  test("add() takes a fall from the middle of its range for a reset, not for a wrap", () => {
    const counter = new CounterRate();
    counter.add({ count: 2n ** 31n, atMs: 0 });
    assert.deepEqual(counter.add({ count: 5n, atMs: 1000 }), { type: "reset" });
  });

  test("add() gives no rate when the clock stands or was set back, and goes on from there", () => {
    const counter = new CounterRate();
    counter.add({ count: 10n, atMs: 10_000 });
    assert.deepEqual(counter.add({ count: 20n, atMs: 10_000 }), { type: "clock" });
    assert.deepEqual(counter.add({ count: 30n, atMs: 4000 }), { type: "clock" });
    assert.deepEqual(counter.add({ count: 50n, atMs: 5000 }), { type: "rate", perSecond: 20, spanMs: 1000 });
  });

  test("add() refuses what no counter gives", () => {
    const counter = new CounterRate();
    assert.throws(() => counter.add({ count: -1n, atMs: 0 }), RangeError);
    assert.throws(() => counter.add({ count: 1n, atMs: Number.NaN }), RangeError);
  });

  test("add() never gives a rate below 0 or none that is a number", () => {
    const reading = fc.record({ count: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), atMs: fc.integer() });
    fc.assert(
      fc.property(fc.array(reading), (readings) => {
        const counter = new CounterRate();
        for (const one of readings) {
          const step = counter.add(one);
          if (step.type === "rate") assert.ok(step.perSecond >= 0 && Number.isFinite(step.perSecond));
        }
      }),
    );
  });
});
