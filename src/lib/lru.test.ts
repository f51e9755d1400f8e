import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LruMap } from "./lru.ts";

test("LruMap forgets what was set first when nothing was used", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [undefined, 2, 3]);
  assert.equal(map.size, 2);
});

test("LruMap keeps what get() or set() used", () => {
  const map = new LruMap<string, number>(3);
  for (const key of ["a", "b", "c"]) map.set(key, 0);
  map.get("a");
  map.set("b", 1);
  map.set("d", 0);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c"), map.get("d")], [0, 1, undefined, 0]);
});

test("LruMap holds falsy values and keys that an object could not", () => {
  const map = new LruMap<unknown, unknown>(8);
  for (const [key, value] of [
    ["__proto__", null],
    [Number.NaN, 0],
    ["", false],
    [null, ""],
  ])
    map.set(key, value);
  assert.deepEqual([map.get("__proto__"), map.get(Number.NaN), map.get(""), map.get(null)], [null, 0, false, ""]);
  assert.equal(map.get("constructor"), undefined);
});

for (const maxEntries of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`LruMap refuses to be a map of ${maxEntries} entries`, () => {
    const message = `Cannot make a map of ${maxEntries} entries: expected a whole number above 0`;
    assert.throws(() => new LruMap(maxEntries), { name: "RangeError", message });
  });
}

test("LruMap does what a list of the last used keys does", () => {
  const step = fc.tuple(fc.constantFrom("get", "set"), fc.nat(8));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 100 }), (maxEntries, steps) => {
      const map = new LruMap<number, number>(maxEntries);
      let recent: (readonly [key: number, value: number])[] = [];
      for (const [index, [operation, key]] of steps.entries()) {
        const known = recent.find(([one]) => one === key)?.[1];
        if (operation === "get") assert.equal(map.get(key), known);
        else map.set(key, index);
        const value = operation === "set" ? index : known;
        if (value === undefined) continue;
        recent = [...recent.filter(([one]) => one !== key), [key, value] as const].slice(-maxEntries);
        assert.equal(map.size, recent.length);
      }
      for (const [key, value] of recent) assert.equal(map.get(key), value);
    }),
  );
});
