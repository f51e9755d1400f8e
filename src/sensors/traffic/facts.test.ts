import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HostKnowledge, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import { facts } from "./facts.ts";

const levels = facts.levels!;

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

/** A departure of a series; `high` is the most that is ordinary. */
function depart(series: string, value: number, high: number, detail: JsonObject | null = null): Verdict {
  const sort = levels.sortOf(series, (uid) => (uid === 1003 ? "alice" : null))!;
  return levels.judge({
    series,
    sort,
    direction: "high",
    because: "history",
    value,
    expected: { expectedLow: 0, expectedHigh: high },
    ordinary: `at 03:00 this host has 0 to ${high} ${sort.unit} ${sort.scope}`,
    observed: `${value} ${sort.unit} ${sort.scope}`,
    detail,
    atUnixMs: 0,
  });
}

test("levels.sortOf() names what is counted and whose, tells nothing of what comes in, and knows no other series", () => {
  const words = (series: string): string | null => {
    const sort = levels.sortOf(series, (uid) => (uid === 1003 ? "alice" : null));
    return sort === null ? null : `${sort.unit} ${sort.scope}${sort.isTold ? "" : " (not told)"}`;
  };
  assert.equal(words("packets-out account:1003"), "packets/s out by alice");
  assert.equal(words("mail-connections-out account:33"), "connections/s to mail servers out by uid 33");
  assert.equal(words("bytes-out eth0"), "bytes/s out on eth0");
  assert.equal(words("bytes-in eth0"), "bytes/s in on eth0 (not told)");
  for (const other of ["toString eth0", "", "packets-out", "packets-out "]) assert.equal(words(other), null, other);
});

test("levels.judge() adds the processes, other ends and ports of an account", () => {
  const verdict = depart("packets-out account:1003", 20_005, 420, DETAIL);
  assert.equal(verdict.kind, "traffic.out-high");
  assert.equal(verdict.severity, "high");
  assert.equal(
    verdict.observed,
    "20005 packets/s out by alice; by /usr/bin/perl (pid 4711); to 203.0.113.9 udp port 80; ports udp 80",
  );
  assert.deepEqual(verdict.next, ["ps -o pid,ppid,lstart,args -u 1003", "ls -l /proc/4711/exe /proc/4711/cwd"]);
  assert.equal(verdict.evidence["multiple"], 20_005 / 420);
});

test("levels.judge() names who sends most on an interface", () => {
  const detail = {
    accounts: [
      { uid: 1003, user: "alice", amount: 9 },
      { uid: 33, user: null, amount: 1 },
    ],
  };
  const verdict = depart("bytes-out eth0", 5e6, 2e6, detail);
  assert.equal(verdict.severity, "low");
  assert.match(verdict.observed, /; most by account alice \(uid 1003\), the account with uid 33$/);
});

test("levels.judge() is graver for a customer, for mail, and where nothing is ordinary", () => {
  assert.equal(depart("packets-out account:1003", 50, 10).severity, "medium");
  assert.equal(depart("packets-out account:1003", 100, 10).severity, "high");
  assert.equal(depart("packets-out account:1003", 100, 0).severity, "high");
  assert.equal(depart("mail-connections-out account:1003", 20, 10).severity, "high");
  assert.equal(depart("packets-out account:0", 50, 10).severity, "low");
  assert.equal(depart("packets-out other interfaces", 100, 10).severity, "medium");
});

test("levels.judge() takes any details", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.dictionary(fc.string(), fc.jsonValue()), (of, detail) => {
      const verdict = depart(`packets-out ${of}`, 2, 1, { ...DETAIL, ...detail } as JsonObject);
      assert.equal(verdict.kind, "traffic.out-high");
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
