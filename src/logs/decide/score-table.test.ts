import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "./address.ts";
import { BYTES_PER_KEY, ScoreTable } from "./score-table.ts";

const WINDOW = { tag: 0, withinMs: 600_000 };
const key = (low: number) => ({ family: 4, high: 0, low }) as const;

describe("ScoreTable", () => {
  test("counts all within the window, and nothing that is a fifteenth of it older", () => {
    const hits = fc.array(fc.record({ afterMs: fc.nat(200_000), points: fc.integer({ min: 1, max: 5 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(hits, (list) => {
        const table = new ScoreTable(10);
        const past: { atUnixMs: number; points: number }[] = [];
        let atUnixMs = 1.7e12;
        for (const { afterMs, points } of list) {
          atUnixMs += afterMs;
          past.push({ atUnixMs, points });
          const counted = table.add(key(1), WINDOW, atUnixMs, points);
          const since = (spanMs: number) =>
            past.filter((one) => one.atUnixMs > atUnixMs - spanMs).reduce((sum, one) => sum + one.points, 0);
          assert.ok(counted >= since(WINDOW.withinMs) && counted <= since((WINDOW.withinMs * 16) / 15 + 1));
        }
      }),
    );
  });

  test("is a map that forgets what was longest unused", () => {
    const keys = fc.array(fc.nat(40), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), keys, (maxKeys, list) => {
        const table = new ScoreTable(maxKeys);
        const model = new Map<number, number>();
        for (const low of list) {
          const points = (model.get(low) ?? 0) + 1;
          model.delete(low);
          model.set(low, points);
          if (model.size > maxKeys) model.delete(model.keys().next().value!);
          assert.equal(table.add(key(low), WINDOW, 1.7e12, 1), points);
        }
        assert.equal(table.size, model.size);
      }),
    );
  });

  test("takes points away, the newest first, and never more than there are", () => {
    const table = new ScoreTable(10);
    table.add(key(1), WINDOW, 1.7e12, 3);
    table.add(key(1), WINDOW, 1.7e12 + 300_000, 2.5);
    table.subtract(key(1), WINDOW, 3);
    assert.equal(table.pointsOf(key(1), WINDOW, 1.7e12 + 300_000), 2.5);
    table.subtract(key(1), WINDOW, 100);
    assert.equal(table.pointsOf(key(1), WINDOW, 1.7e12 + 300_000), 0);
  });

  test("tells apart families, tags and keys that differ in one bit", () => {
    const table = new ScoreTable(1000);
    const keys = [key(1), { family: 6, high: 0, low: 1 } as const, { family: 6, high: 1, low: 1 } as const];
    for (const one of keys) for (const tag of [0, 1]) table.add(one, { tag, withinMs: 1000 }, 1.7e12, 1);
    for (let bit = 0; bit < 32; bit++) table.add(key((1 << bit) >>> 0), WINDOW, 1.7e12, 0);
    assert.equal(table.size, 6 + 31);
  });

  test("keeps counting what comes late, as long as the window holds it", () => {
    const table = new ScoreTable(10);
    table.add(key(1), WINDOW, 1.7e12, 1);
    assert.equal(table.add(key(1), WINDOW, 1.7e12 - 300_000, 1), 2);
    assert.equal(table.add(key(1), WINDOW, 1.7e12 - 3_600_000, 1), 2);
  });

  test("takes 62 bytes a key", () => {
    const table = new ScoreTable(1_000_000);
    for (let low = 0; low < 2048; low++) table.add(key(low), WINDOW, 1.7e12, 1);
    assert.deepEqual([table.sizeBytes, BYTES_PER_KEY], [2048 * 62, 62]);
  });
});

test("parseAddress() keeps of IPv6 what is counted", () => {
  assert.deepEqual(parseAddress("203.0.113.5"), { family: 4, high: 0, low: 0xcb007105 });
  assert.deepEqual(parseAddress("2001:db8:1:2:3:4:5:6"), { family: 6, high: 0x20010db8, low: 0x00010002 });
  assert.equal(parseAddress("203.0.113"), undefined);
});
