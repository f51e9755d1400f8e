import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RecentMap } from "./recent-map.ts";

test("RecentMap keeps what was used, and forgets the rest", () => {
  const map = new RecentMap<string, number>(4);
  for (const [value, key] of ["a", "b", "c"].entries()) map.set(key, value);
  assert.equal(map.get("a"), 0);
  map.set("d", 3);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => map.get(key)),
    [0, undefined, 2, 3],
  );
});

test("RecentMap gives what was set last, and the latest half always", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.array(fc.integer({ min: 0, max: 30 })), (max, keys) => {
      const map = new RecentMap<number, number>(max);
      for (const [index, key] of keys.entries()) map.set(key, index);
      const latest = [...new Set(keys.toReversed())].slice(0, Math.floor(max / 2));
      for (const key of latest.toReversed()) assert.equal(map.get(key), keys.lastIndexOf(key));
    }),
  );
});
