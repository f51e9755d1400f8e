import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { Json } from "#src/model/json.ts";
import { deriveLevels, facts, judgeDeparture, type QueueDeparture, unitOf } from "./facts.ts";

const NOW = 1_795_500_000_000;

function head(login: string, { options = "", sender = `${login}@web1.example.net` } = {}): Json {
  const text = `1xV6sx-00006m-0v-H\n${login} 2001 2001\n<${sender}>\n1795351295 0\n${options}XX\n1\nr@x.example\n\n031  X-PHP-Script: a.example/x.php\n`;
  return { mta: "exim", queue: "", head: Buffer.from(text).toString("base64") };
}

const GREW: QueueDeparture = {
  series: "queue-size exim",
  value: 1204,
  expectedLow: 2.4,
  expectedHigh: 40.2,
  unit: "messages",
  atUnixMs: NOW,
  who: { newest: [head("alice"), head("alice"), head("bob")], some: [head("carol")] },
};

suite("alerts of mail queues", () => {
  test("judgeDeparture() says how much waits, what is ordinary, and whose the newest are", () => {
    const verdict = judgeDeparture(GREW) ?? assert.fail();
    assert.equal(verdict.kind, "mail.queue-growth");
    assert.ok(Object.hasOwn(facts.kinds, verdict.kind));
    assert.equal(verdict.severity, "high");
    assert.equal(verdict.ordinary, "ordinarily at this time 2 to 41 messages wait in the queue of Exim");
    assert.equal(
      verdict.observed,
      "1,204 messages wait in the queue of Exim, 29 times the most that is ordinary; of 3 that came last 2 are of account alice, script a.example/x.php",
    );
    assert.deepEqual(verdict.next, ["garrison mail queue --by account", "garrison mail queue --by script"]);
    const { sample } = verdict.evidence as { sample: { messages: number; who: { key: string }[] } };
    assert.deepEqual([sample.messages, sample.who.map(({ key }) => key)], [3, ["alice", "bob"]]);
  });

  test("judgeDeparture() takes some of all messages where none of the newest are known", () => {
    const verdict = judgeDeparture({ ...GREW, who: { newest: [], some: [head("carol")] } });
    assert.match(verdict?.observed ?? "", /; of 1 looked at 1 are of account carol/);
  });

  test("judgeDeparture() says what it can without a sample", () => {
    const verdict = judgeDeparture({ ...GREW, who: null, value: 60 }) ?? assert.fail();
    assert.equal(verdict.observed, "60 messages wait in the queue of Exim");
    assert.equal(verdict.severity, "medium");
    assert.equal(verdict.evidence["sample"], null);
  });

  test("judgeDeparture() is silent where less waits, of age, and of what is none of its series", () => {
    assert.equal(judgeDeparture({ ...GREW, value: 0 }), null);
    assert.equal(judgeDeparture({ ...GREW, value: 40.2 }), null);
    assert.equal(judgeDeparture({ ...GREW, series: "queue-oldest exim" }), null);
    assert.equal(judgeDeparture({ ...GREW, series: "packets-out eth0" }), null);
  });

  test("judgeDeparture() names each program, and a spool of its own by its path", () => {
    for (const [series, name] of [
      ["queue-hold postfix", /messages are on hold in the queue of Postfix/],
      ["queue-deferred postfix", /messages are deferred in the queue of Postfix/],
      ["queue-size exim /srv/spool", /wait in the queue of Exim in \/srv\/spool/],
    ] as const)
      assert.match(judgeDeparture({ ...GREW, series })?.observed ?? "", name);
  });

  test("judgeDeparture() takes any detail", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.double({ min: 0, noNaN: true }), (detail, value) => {
        const who = { newest: detail as Json, some: [detail as Json, head("alice")] };
        const verdict = judgeDeparture({ ...GREW, value, who });
        assert.ok(verdict === null || verdict.observed.length > 0);
      }),
    );
  });
});

suite("levels that the content of messages tells", () => {
  const frozen = head("alice", { options: "-frozen 1795351298\n" });
  const bounce = head("Debian-exim", { options: "-localerror\n", sender: "" });

  test("deriveLevels() counts a small queue exactly, and estimates a large one", () => {
    const detail = { newest: [], some: [frozen, bounce, head("bob"), head("bob")] };
    const values = (value: number): Record<string, number> =>
      Object.fromEntries(
        deriveLevels({ series: "queue-size exim", value, detail }, NOW).map((one) => [one.series, one.value]),
      );
    assert.deepEqual(values(4), { "queue-frozen exim": 1, "queue-bounces exim": 1 });
    assert.deepEqual(values(4000), { "queue-frozen exim": 1000, "queue-bounces exim": 1000 });
    assert.deepEqual(values(0), { "queue-frozen exim": 0, "queue-bounces exim": 0 });
  });

  test("deriveLevels() gives nothing without a sample, and of other series", () => {
    assert.deepEqual(deriveLevels({ series: "queue-size exim", value: 9, detail: null }, NOW), []);
    assert.deepEqual(deriveLevels({ series: "queue-oldest exim", value: 9, detail: { some: [frozen] } }, NOW), []);
    const postfix = deriveLevels({ series: "queue-size postfix", value: 0, detail: null }, NOW);
    assert.deepEqual(
      postfix.map(({ series }) => series),
      ["queue-bounces postfix"],
    );
  });

  test("unitOf() tells what is counted", () => {
    assert.deepEqual([unitOf("queue-oldest exim"), unitOf("queue-size postfix")], ["seconds", "messages"]);
  });
});
