import assert from "node:assert/strict";
import { test } from "node:test";
import { graverOf, isGraver, severityRank } from "./severity-order.ts";

test("graverOf() gives the higher of two in any order", () => {
  assert.equal(graverOf("low", "high"), "high");
  assert.equal(graverOf("high", "low"), "high");
  assert.equal(graverOf("low", "low"), "low");
});

test("isGraver() and severityRank() follow the order of SEVERITIES, and nothing is graver than itself", () => {
  assert.ok(isGraver("critical", "high"));
  assert.ok(!isGraver("high", "critical"));
  assert.ok(!isGraver("high", "high"));
  assert.deepEqual((["low", "medium", "high", "critical"] as const).map(severityRank), [0, 1, 2, 3]);
});
