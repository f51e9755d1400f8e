import assert from "node:assert/strict";
import { test } from "node:test";
import { facts } from "./facts.ts";

const levels = facts.levels!;
const userName = (): null => null;

test("sortOf() says what is counted and of whom, and knows no other series", () => {
  const words = (series: string): string | null => {
    const sort = levels.sortOf(series, userName);
    return sort === null ? null : `${sort.unit} ${sort.scope}${sort.isTold ? "" : " (not told)"}`;
  };
  assert.deepEqual(
    ["mail-accepted info@a.example", "failed-logins sshd", "requests a.example", "server-errors a.example"].map(words),
    [
      "messages/min accepted of info@a.example",
      "failed logins/min at sshd",
      "requests/min to a.example (not told)",
      "requests/min answered 5xx by a.example",
    ],
  );
  for (const other of ["requests", "requests ", "constructor x", "packets-out eth0", ""])
    assert.equal(words(other), null, other);
});

test("judge() names who sends, and gives a command that is safe to copy", () => {
  const series = "mail-accepted a'; rm -rf / #@x.example";
  const verdict = levels.judge({
    series,
    sort: levels.sortOf(series, userName)!,
    direction: "high",
    because: "peak",
    value: 900,
    expected: { expectedLow: 0, expectedHigh: 3 },
    ordinary: "at 03:00 this host has 0 to 3",
    observed: "900 messages/min",
    detail: null,
    atUnixMs: 0,
  });
  assert.equal(verdict.kind, "mail.sent-high");
  assert.equal(verdict.severity, "high");
  assert.deepEqual(verdict.next[1], String.raw`exigrep 'a'\''; rm -rf / #@x.example' /var/log/exim4/mainlog`);
  assert.deepEqual(verdict.evidence["of"], "a'; rm -rf / #@x.example");
});

test("every kind that a level can be told as is listed", () => {
  for (const series of ["mail-accepted x", "failed-logins x", "server-errors x"]) {
    const departure = {
      series,
      direction: "high" as const,
      because: "limit" as const,
      value: 1,
      expected: null,
      detail: null,
      atUnixMs: 0,
    };
    const { kind } = levels.judge({ ...departure, sort: levels.sortOf(series, userName)!, ordinary: "", observed: "" });
    assert.ok(Object.hasOwn(facts.kinds, kind), kind);
  }
});
