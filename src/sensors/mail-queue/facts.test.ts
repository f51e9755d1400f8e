import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { Verdict } from "#src/judge/contract.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { facts } from "./facts.ts";

const levels = facts.levels!;

const NOW = 1_795_500_000_000;

function head(login: string, { options = "", sender = `${login}@web1.example.net` } = {}): Json {
  const text = `1xV6sx-00006m-0v-H\n${login} 2001 2001\n<${sender}>\n1795351295 0\n${options}XX\n1\nr@x.example\n\n031  X-PHP-Script: a.example/x.php\n`;
  return { mta: "exim", queue: "", head: Buffer.from(text).toString("base64") };
}

const DETAIL: JsonObject = { newest: [head("alice"), head("alice"), head("bob")], some: [head("carol")] };

/** A departure of a series; at most 40 are ordinary. */
function depart(series: string, value: number, detail: JsonObject | null): Verdict {
  const sort = levels.sortOf(series, () => null)!;
  return levels.judge({
    series,
    sort,
    direction: "high",
    because: "history",
    value,
    expected: { expectedLow: 2, expectedHigh: 40 },
    ordinary: `at 03:00 this host has 2 to 40 ${sort.unit} ${sort.scope}`,
    observed: `${value} ${sort.unit} ${sort.scope}`,
    detail,
    atUnixMs: NOW,
  });
}

suite("alerts of mail queues", () => {
  test("levels.judge() says how much waits, and whose the newest are", () => {
    const verdict = depart("queue-size exim", 1204, DETAIL);
    assert.equal(verdict.kind, "mail.queue-growth");
    assert.ok(Object.hasOwn(facts.kinds, verdict.kind));
    assert.equal(verdict.severity, "high");
    assert.equal(
      verdict.observed,
      "1204 messages waiting in the queue of Exim; of 3 that came last 2 are of account alice, script a.example/x.php",
    );
    assert.deepEqual(verdict.next, ["garrison mail queue --by account", "garrison mail queue --by script"]);
    const { sample } = verdict.evidence as { sample: { messages: number; who: { key: string }[] } };
    assert.deepEqual([sample.messages, sample.who.map(({ key }) => key)], [3, ["alice", "bob"]]);
  });

  test("levels.judge() takes some of all messages where none of the newest are known", () => {
    const verdict = depart("queue-size exim", 1204, { newest: [], some: [head("carol")] });
    assert.match(verdict.observed, /; of 1 looked at 1 are of account carol/);
  });

  test("levels.judge() says what it can without a sample", () => {
    const verdict = depart("queue-size exim", 60, null);
    assert.equal(verdict.observed, "60 messages waiting in the queue of Exim");
    assert.equal(verdict.severity, "medium");
    assert.equal(verdict.evidence["sample"], null);
  });

  test("levels.sortOf() names each program, a spool of its own by its path, and no other series", () => {
    const words = (series: string): string | null => {
      const sort = levels.sortOf(series, () => null);
      return sort === null ? null : `${sort.unit} ${sort.scope}${sort.isTold ? "" : " (not told)"}`;
    };
    assert.equal(words("queue-hold postfix"), "messages on hold in the queue of Postfix");
    assert.equal(words("queue-size exim /srv/spool"), "messages waiting in the queue of Exim in /srv/spool");
    assert.equal(words("queue-oldest exim"), "seconds since the oldest message came into the queue of Exim (not told)");
    for (const other of ["packets-out eth0", "queue-size", "queue-size sendmail", ""]) assert.equal(words(other), null);
  });

  test("levels.judge() takes any detail", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (detail) => {
        const who = { newest: detail as Json, some: [detail as Json, head("alice")] };
        assert.ok(depart("queue-size exim", 60, who).observed.length > 0);
      }),
    );
  });
});

suite("levels that the content of messages tells", () => {
  const frozen = head("alice", { options: "-frozen 1795351298\n" });
  const bounce = head("Debian-exim", { options: "-localerror\n", sender: "" });

  test("levels.derive() counts a small queue exactly, and estimates a large one", () => {
    const detail = { newest: [], some: [frozen, bounce, head("bob"), head("bob")] };
    const values = (value: number): Record<string, number> =>
      Object.fromEntries(
        levels.derive!({ series: "queue-size exim", value, detail }, NOW).map((one) => [one.series, one.value]),
      );
    assert.deepEqual(values(4), { "queue-frozen exim": 1, "queue-bounces exim": 1 });
    assert.deepEqual(values(4000), { "queue-frozen exim": 1000, "queue-bounces exim": 1000 });
    assert.deepEqual(values(0), { "queue-frozen exim": 0, "queue-bounces exim": 0 });
  });

  test("levels.derive() gives nothing without a sample, and of other series", () => {
    assert.deepEqual(levels.derive!({ series: "queue-size exim", value: 9, detail: null }, NOW), []);
    assert.deepEqual(levels.derive!({ series: "queue-oldest exim", value: 9, detail: { some: [frozen] } }, NOW), []);
    const postfix = levels.derive!({ series: "queue-size postfix", value: 0, detail: null }, NOW);
    assert.deepEqual(
      postfix.map(({ series }) => series),
      ["queue-bounces postfix"],
    );
  });
});
