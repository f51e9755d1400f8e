import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateLimit } from "./rate-limit.ts";

test("RateLimit.take() refuses what is too much and allows again as time passes", () => {
  const limit = new RateLimit(2, 1000);
  assert.deepEqual(
    [0, 500, 999, 1000, 1001, 1500].map((at) => limit.take(at)),
    [true, true, false, true, false, true],
  );
});

test("RateLimit.take() never allows more than its number in any span", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { maxLength: 200 }), (gaps) => {
      const limit = new RateLimit(5, 1000);
      const taken: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        if (limit.take(now)) taken.push(now);
      }
      for (const at of taken) assert.ok(taken.filter((one) => one >= at && one < at + 1000).length <= 5);
    }),
  );
});
