import assert from "node:assert/strict";
import { test } from "node:test";
import { runWithin } from "./time-limit.ts";

test("runWithin() cuts a regular expression that backtracks for ever, and what ran before is kept", () => {
  const done: string[] = [];
  const { isCut, cpuMs } = runWithin(20, () => {
    done.push("before");
    /^(?:\w+)+$/.test(`${"a".repeat(50)}!`);
    done.push("behind");
  });
  assert.deepEqual([isCut, done], [true, ["before"]]);
  assert.ok(cpuMs > 0);
});

test("runWithin() cuts an endless loop that catches everything", () => {
  const { isCut } = runWithin(20, () => {
    for (;;) {
      try {
        JSON.parse("{");
      } catch {}
    }
  });
  assert.equal(isCut, true);
});

test("runWithin() leaves what ends in time alone, and throws what it throws", () => {
  const results: number[] = [];
  assert.equal(runWithin(1000, () => void results.push(42)).isCut, false);
  assert.deepEqual(results, [42]);
  assert.throws(() => runWithin(1000, () => assert.fail("as it is")), /as it is/);
  assert.equal(runWithin(1000, () => undefined).isCut, false);
});
