import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { type Memory, makeMemory } from "./memory.ts";
import {
  clearTail,
  isSoundTail,
  MAX_RARITY,
  rankDistance,
  rareDistance,
  rarityIn,
  TAIL_COUNTS,
  TAIL_NUMBERS,
} from "./tail.ts";
import { bell, random } from "./test-series.mts";

function emptyTails(): Memory {
  const memory = makeMemory({ sums: 0, numbers: 2 * TAIL_NUMBERS, counts: 2 * TAIL_COUNTS });
  clearTail(memory, 0);
  clearTail(memory, 1);
  return memory;
}

function fill(memory: Memory, distances: number, distance: () => number): void {
  for (let index = 0; index < distances; index++) rankDistance(memory, 1, distance());
}

suite("a tail", () => {
  test("rankDistance() tells a part of the past, whatever the distribution and the unit", () => {
    for (const unit of [1e-6, 1, 1e9]) {
      for (const kind of ["even", "bell", "heavy"] as const) {
        const next = random(1);
        const draw = { even: next, bell: () => Math.abs(bell(next)), heavy: () => 1 / (1 - next()) ** 2 }[kind];
        const memory = emptyTails();
        fill(memory, 10_000, () => unit * draw());
        for (const rarity of [2, 3]) {
          let above = 0;
          for (let index = 0; index < 20_000; index++) if (rarityIn(memory, 1, unit * draw()) >= rarity) above++;
          const part = above / 20_000;
          // Within a factor of three; of a distribution that ends abruptly less is told.
          const least = kind === "even" ? 0 : 10 ** -rarity / 3;
          assert.ok(part < 3 * 10 ** -rarity && part >= least, `${kind}, ${unit}: ${part} at ${rarity}`);
        }
      }
    }
  });

  test("rankDistance() says 0 while it knows little, and of what is none of the rarest", () => {
    const memory = emptyTails();
    fill(memory, 149, () => 1);
    assert.equal(rankDistance(memory, 1, 1e6), 0);
    fill(memory, 500, () => 1);
    assert.equal(rankDistance(memory, 1, 0.9), 0);
    assert.equal(rankDistance(memory, 1, 0), 0);
  });

  test("a larger distance is never less rare, up to the bound", () => {
    const memory = emptyTails();
    const next = random(2);
    fill(memory, 5000, () => Math.abs(bell(next)));
    const rarities = Array.from({ length: 300 }, (_, index) => rarityIn(memory, 1, 1.2 ** (index - 100)));
    assert.deepEqual(
      rarities,
      rarities.toSorted((one, other) => one - other),
    );
    assert.equal(rarities.at(-1), MAX_RARITY);
  });

  test("zeros are an ordinary distance, and the first that is none is rare", () => {
    const memory = emptyTails();
    fill(memory, 1000, () => 0);
    assert.equal(rareDistance(memory, 1), 0);
    fill(memory, 1, () => 1);
    assert.ok(rankDistance(memory, 1, 1) > 3);
  });

  test("a tail forgets: what came each day is ordinary, though it was a record once", () => {
    const memory = emptyTails();
    const next = random(3);
    const small = (): number => Math.abs(bell(next));
    fill(memory, 20_000, small);
    assert.ok(rarityIn(memory, 1, 100) > 10);
    for (let day = 0; day < 100; day++) {
      fill(memory, 280, small);
      fill(memory, 8, () => 100);
    }
    assert.ok(rarityIn(memory, 1, 100) < 2.5);
  });

  test("a tail beside another one is left alone, and stays sound whatever is counted", () => {
    const distance = fc.oneof(fc.double({ min: 0, max: 1e31, noNaN: true }), fc.constantFrom(0, 1, 1e-30, 1e31));
    fc.assert(
      fc.property(fc.array(distance, { maxLength: 500 }), fc.nat({ max: 40 }), (distances, times) => {
        const memory = emptyTails();
        for (let round = 0; round < times; round++) {
          for (const one of distances) {
            const rarity = rankDistance(memory, 1, one < 1e-30 ? 0 : one);
            assert.ok(rarity >= 0 && rarity <= MAX_RARITY, `${rarity}`);
          }
        }
        assert.ok(isSoundTail(memory, 1));
        assert.deepEqual(memory.counts.subarray(0, TAIL_COUNTS), emptyTails().counts.subarray(0, TAIL_COUNTS));
      }),
      { numRuns: 40 },
    );
  });
});
