import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, suggest } from "./suggest.ts";

const KEYS = ["enabled", "paths", "ignore", "secretPaths", "panelPrefix", "scanEvery"];

const ALIKE: readonly (readonly [word: string, key: string])[] = [
  ["scanEvry", "scanEvery"],
  ["scanevery", "scanEvery"],
  ["scan_every", "scanEvery"],
  ["scan-every", "scanEvery"],
  ["SCANEVERY", "scanEvery"],
  ["path", "paths"],
  ["patsh", "paths"],
  ["enable", "enabled"],
  ["ignored", "ignore"],
  ["secretPath", "secretPaths"],
];

for (const [word, key] of ALIKE) {
  test(`suggest() takes "${word}" for "${key}"`, () => {
    assert.equal(suggest(word, KEYS), key);
  });
}

for (const word of ["", "x", "interval", "everyScan", "__proto__", "constructor", "a".repeat(65), "p"]) {
  test(`suggest() knows nothing like "${word}"`, () => {
    assert.equal(suggest(word, KEYS), undefined);
  });
}

test("suggest() prefers the nearest, and the first of equals", () => {
  assert.equal(suggest("cat", ["cut", "cap", "cat"]), "cat");
  assert.equal(suggest("cot", ["cut", "cat"]), "cut");
  assert.equal(suggest("cat", []), undefined);
});

test("suggest() does not take a word for a candidate of which nothing is right", () => {
  assert.equal(suggest("xy", ["a", "b"]), undefined);
});

test("editDistance() counts insertions, deletions, substitutions and swaps of neighbours", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("ab", "ba"), 1);
  // Optimal string alignment edits no part twice; Damerau-Levenshtein would say 2.
  assert.equal(editDistance("ca", "abc"), 3);
});

test("editDistance() is a bounded, symmetric distance that is 0 only for the same word", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance >= Math.abs(a.length - b.length) && distance <= Math.max(a.length, b.length));
      assert.ok(editDistance(`${a}x`, b) <= distance + 1);
    }),
  );
});

test("suggest() gives a candidate or nothing for any words, in bounded time", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.array(fc.string({ unit: "binary" })), (word, candidates) => {
      const found = suggest(word, candidates);
      assert.ok(found === undefined || candidates.includes(found));
    }),
  );
  const startedMs = performance.now();
  assert.equal(suggest("x".repeat(1_000_000), ["y".repeat(1_000_000)]), undefined);
  assert.ok(performance.now() - startedMs < 100);
});
