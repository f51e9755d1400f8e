import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HostKnowledge, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import { facts, judgeLevel } from "./facts.ts";

const DETAIL: JsonObject = {
  uid: 1003,
  user: "alice",
  processes: [{ pid: 4711, exe: "/usr/bin/perl", comm: "perl", unit: "cron.service", sockets: 1 }],
  destinations: [{ protocol: "udp", address: "203.0.113.9", port: 80, sockets: 1 }],
  ports: [{ protocol: "udp", port: 80, count: 20_000 }],
};

function host(mailers: number): HostKnowledge {
  const members = Array.from({ length: mailers }, (_, uid) => ({ key: String(uid), group: "mail", facts: { uid } }));
  return { members: () => members, membersOf: () => [], packageOf: () => null };
}

function judgeMailer(seen: JsonObject, mailers = 2): Verdict {
  const observation = {
    sensor: "traffic",
    type: "present",
    key: "k",
    group: "mail",
    subject: { type: "account", name: "alice" },
    facts: seen,
    who: null,
    atUnixMs: 0,
    scanned: false,
  } as const;
  return facts.judge({ type: "new", observation, before: null, fields: [] }, host(mailers)) as Verdict;
}

test("judgeLevel() names the account, its processes, other ends and ports, the band and the multiple", () => {
  const seen = {
    series: "packets-out account:1003",
    value: 20_005,
    expectedLow: 180,
    expectedHigh: 420,
    detail: DETAIL,
  };
  const verdict = judgeLevel(seen)!;
  assert.equal(verdict.kind, "traffic.out-high");
  assert.equal(verdict.severity, "high");
  assert.equal(verdict.ordinary, "account alice (uid 1003) ordinarily sends 180 to 420 packets/s");
  assert.equal(
    verdict.observed,
    "account alice (uid 1003) sends 20,005 packets/s, 48 times the ordinary most; by /usr/bin/perl (pid 4711); " +
      "to 203.0.113.9 udp port 80; ports udp 80",
  );
  assert.deepEqual(verdict.next, ["ps -o pid,ppid,lstart,args -u 1003", "ls -l /proc/4711/exe /proc/4711/cwd"]);
  assert.equal(verdict.evidence["expectedHigh"], 420);
});

test("judgeLevel() judges an interface, and names who sends most there", () => {
  const detail = {
    accounts: [
      { uid: 1003, user: "alice", amount: 9 },
      { uid: 33, user: null, amount: 1 },
    ],
  };
  const verdict = judgeLevel({ series: "bytes-out eth0", value: 5e6, expectedLow: 0.5, expectedHigh: 2e6, detail })!;
  assert.equal(verdict.severity, "low");
  assert.equal(verdict.ordinary, "interface eth0 ordinarily sends 0.5 to 2,000,000 bytes/s");
  assert.match(
    verdict.observed,
    /2\.5 times the ordinary most; most by account alice \(uid 1003\), the account with uid 33$/,
  );
});

test("judgeLevel() is graver for a customer, for mail, and where nothing is ordinary", () => {
  const severity = (series: string, value: number, expectedHigh: number) =>
    judgeLevel({ series, value, expectedLow: 0, expectedHigh, detail: null })?.severity;
  assert.equal(severity("packets-out account:1003", 50, 10), "medium");
  assert.equal(severity("packets-out account:1003", 100, 10), "high");
  assert.equal(severity("packets-out account:1003", 100, 0), "high");
  assert.equal(severity("mail-connections-out account:1003", 20, 10), "high");
  assert.equal(severity("packets-out account:0", 50, 10), "low");
  assert.equal(severity("packets-out other interfaces", 100, 10), "medium");
});

test("judgeLevel() alerts of nothing that comes in, of nothing that is not high, and of no series that it does not know", () => {
  const band = { value: 9e9, expectedLow: 0, expectedHigh: 1, detail: null };
  assert.equal(judgeLevel({ ...band, series: "bytes-in eth0" }), null);
  assert.equal(judgeLevel({ ...band, series: "toString eth0" }), null);
  assert.equal(judgeLevel({ ...band, series: "" }), null);
  assert.equal(judgeLevel({ ...band, series: "packets-out eth0", value: 1 }), null);
});

test("judgeLevel() takes any details", () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (of, detail) => {
      const series = `packets-out ${of}`;
      const seen = {
        series,
        value: 2,
        expectedLow: 0,
        expectedHigh: 1,
        detail: { ...DETAIL, ...detail } as JsonObject,
      };
      assert.equal(judgeLevel(seen)?.kind, "traffic.out-high");
    }),
  );
});

test("facts.judge() tells of an account that mails for the first time", () => {
  const verdict = judgeMailer({
    ...DETAIL,
    destinations: [{ protocol: "tcp", address: "192.0.2.5", port: 25, sockets: 3 }],
  });
  assert.equal(verdict.kind, "traffic.mail-new");
  assert.equal(verdict.severity, "high");
  assert.equal(
    verdict.ordinary,
    "2 accounts of this host ordinarily connect to mail servers, and account alice (uid 1003) does not",
  );
  assert.match(
    verdict.observed,
    /^account alice \(uid 1003\) connects to mail servers; by \/usr\/bin\/perl \(pid 4711\); to 192\.0\.2\.5 tcp port 25/,
  );
  assert.equal(judgeMailer({ ...DETAIL, uid: 8 }).severity, "medium");
  assert.match(judgeMailer(DETAIL, 0).ordinary, /^no account of this host ordinarily connects to mail servers, and /);
  assert.match(judgeMailer(DETAIL, 1).ordinary, /^1 account of this host ordinarily connects to mail servers, and /);
});
