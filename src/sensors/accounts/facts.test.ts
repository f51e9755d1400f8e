import assert from "node:assert/strict";
import { test } from "node:test";
import { facts } from "./facts.ts";

const userName = (uid: number): string | null => (uid === 1003 ? "shop" : null);

test("sortOf() names the account, or its uid, and knows no other series", () => {
  const scopeOf = (series: string): string | undefined => facts.levels?.sortOf(series, userName)?.scope;
  assert.equal(scopeOf("processes account:1003"), "of shop");
  assert.equal(scopeOf("connections account:1004"), "of uid 1004");
  for (const other of [
    "processes",
    "processes account:x",
    "processes account:1003 ",
    "toString account:1",
    "x account:1",
  ])
    assert.equal(scopeOf(other), undefined, other);
});

test("judge() says which account, and what to look at", () => {
  const series = "connections account:1003";
  const sort = facts.levels!.sortOf(series, userName)!;
  const ordinary = "for a Tuesday at 14:00 this host has 2 to 9 TCP connections";
  const observed = "412 TCP connections of shop, 46 times as much";
  const verdict = facts.levels!.judge({
    series,
    sort,
    direction: "high",
    because: "history",
    value: 412,
    expected: { expectedLow: 2, expectedHigh: 9 },
    ordinary,
    observed,
    detail: null,
    atUnixMs: 0,
  });
  assert.deepEqual(verdict, {
    kind: "account.connections-high",
    severity: "medium",
    ordinary,
    observed,
    evidence: { series, uid: 1003, value: 412, expected: { expectedLow: 2, expectedHigh: 9 }, because: "history" },
    next: ["ss -tnp"],
    attack: ["T1071"],
  });
});
