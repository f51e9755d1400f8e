import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CountedMember, HostKnowledge, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import { facts } from "./facts.ts";

const BLOCK = {
  type: "block",
  kind: "auth.bruteforce",
  network: "203.0.113.5/32",
  address: "203.0.113.5",
  account: null,
  forMs: 3_600_000,
  offence: 1,
  withheld: null,
  because: "limit",
  rule: "sshd.failed",
  service: "sshd",
  points: 10,
  failures: 10,
  limit: 10,
  withinMs: 600_000,
  ports: [],
  accounts: ["root", "admin"],
  accountCount: 2,
  sites: [],
  addressCount: 1,
  lines: [],
  action: "x7",
  until: "2026-11-03T15:00:00.000Z",
  isOver: false,
  isMany: false,
};

function knowing(members: readonly CountedMember[] = []): HostKnowledge {
  return { members: () => [], membersOf: () => members, packageOf: () => null };
}

function judge(given: JsonObject, host = knowing()): Verdict {
  const observation = {
    sensor: "logs",
    type: "present",
    key: "k",
    group: "g",
    who: null,
    atUnixMs: 0,
    scanned: false,
    subject: { type: "account", name: "x" },
    facts: given,
  } as const;
  const verdict = facts.judge({ type: "new", observation, before: null, fields: [] }, host);
  assert.ok(verdict !== null && !Array.isArray(verdict));
  return verdict as Verdict;
}

const decide = (given: JsonObject) => judge({ event: "decision", decision: { ...BLOCK, ...given } });
const BREAK_IN = {
  type: "alert",
  kind: "auth.break-in-suspected",
  account: "bob",
  action: null,
  until: null,
  limit: 5,
};

describe("facts.judge() of a decision", () => {
  test("says of a block until when it lasts, why, and what undoes it; as routine", () => {
    const verdict = decide({});
    assert.partialDeepStrictEqual(verdict, { kind: "auth.bruteforce", severity: "low", isRoutine: true });
    assert.equal(
      verdict.observed,
      "203.0.113.5 has 10 points within 10 min by sshd.failed; 2 accounts: root, admin; " +
        "203.0.113.5/32 is blocked for 1 h until 2026-11-03T15:00:00.000Z, the first time within 30 days",
    );
    assert.deepEqual(verdict.next, ["garrison unblock 203.0.113.5/32", "garrison undo x7"]);
  });

  test("says to which ports a jail has blocked, or would have", () => {
    const blocked = decide({ ports: [22, 1234] });
    assert.match(blocked.observed, /203\.0\.113\.5\/32 is blocked at ports 22, 1234 for 1 h until/);
    assert.partialDeepStrictEqual(blocked.evidence["block"], { network: "203.0.113.5/32", ports: [22, 1234] });
    const observed = decide({ ports: [22], action: null });
    assert.match(observed.observed, /observe only: 203\.0\.113\.5\/32 would have been blocked at port 22 for 1 h/);
    assert.deepEqual(observed.evidence["wouldBlock"], {
      ...{ network: "203.0.113.5/32", ports: [22], for: "1 h", offence: 1 },
    });
  });

  for (const [withheld, severity, words] of [
    ["allowed", "medium", /not blocked: it is on the allow-list$/],
    ["proxy", "low", /not blocked: it is a proxy/],
    ["history", "low", /not blocked: logins from there have worked for days/],
  ] as const) {
    test(`says why nothing is blocked: ${withheld}`, () => {
      const verdict = decide({ type: "alert", withheld, action: null, until: null });
      assert.equal(verdict.severity, severity);
      assert.match(verdict.observed, words);
    });
  }

  test("takes a break-in behind fast guesses for critical, behind slow ones for high", () => {
    assert.equal(decide({ ...BREAK_IN, points: 6, accountCount: 1 }).severity, "critical");
    assert.equal(decide({ ...BREAK_IN, points: 0, accountCount: 7 }).severity, "critical");
    assert.equal(decide({ ...BREAK_IN, points: 1, accountCount: 1 }).severity, "high");
    assert.equal(decide({ ...BREAK_IN, points: 6 }).isRoutine, false);
  });

  test("gives as evidence what a person wants, without what is not known", () => {
    const lines = [
      {
        ...{ atUnixMs: Date.UTC(2026, 10, 3, 14), rule: "sshd.failed", source: "auth", file: "/var/log/auth.log" },
        ...{ offset: 4711, text: "Failed password for \x1b[31m", isForgeable: false },
      },
      {
        ...{ atUnixMs: Date.UTC(2026, 10, 3, 14), rule: "sshd.failed", source: "journal", file: "" },
        ...{ offset: 0, text: "Failed password for root", isForgeable: true },
      },
    ];
    assert.deepEqual(decide({ lines, sites: ["a.example"], accountCount: 7 }).evidence, {
      address: "203.0.113.5",
      network: "203.0.113.5/32",
      rule: "sshd.failed",
      service: "sshd",
      points: 10,
      failures: 10,
      limit: 10,
      within: "10 min",
      accounts: ["root", "admin"],
      accountCount: 7,
      sites: ["a.example"],
      block: { network: "203.0.113.5/32", action: "x7", until: "2026-11-03T15:00:00.000Z", offence: 1 },
      lines: [
        {
          ...{ at: "2026-11-03T14:00:00.000Z", file: "/var/log/auth.log", offset: 4711, rule: "sshd.failed" },
          text: "Failed password for \x1b[31m",
        },
        {
          ...{ at: "2026-11-03T14:00:00.000Z", source: "journal", rule: "sshd.failed", forgeable: true },
          text: "Failed password for root",
        },
      ],
    });
    const observed = decide({ action: null, accounts: [], accountCount: 0 }).evidence;
    assert.deepEqual(observed["wouldBlock"], { network: "203.0.113.5/32", for: "1 h", offence: 1 });
    assert.deepEqual(
      ["block", "accounts", "account", "addresses"].filter((name) => name in observed),
      [],
    );
    assert.equal("wouldBlock" in decide({ action: null, isOver: true }).evidence, false);
    assert.equal(decide({ isMany: true, addressCount: 40 }).evidence["networks"], 40);
  });

  test("offers no command that holds what an attacker chose", () => {
    for (const account of ["$(id)", "-rf", "a;b", "a b", "a\nb", "ROOT`id`", "", "'"]) {
      assert.deepEqual(decide({ ...BREAK_IN, account }).next, ["garrison block 203.0.113.5"], account);
    }
    assert.deepEqual(decide({ ...BREAK_IN, account: "bob" }).next.at(-1), "last -i -n 20 bob");
  });

  test("has a sentence for each kind that it gives", () => {
    const kinds = ["auth.spray", "auth.distributed", "web.probe", "waf.hit", "logs.forged", "auth.break-in-suspected"];
    for (const kind of kinds) assert.ok(facts.kinds[decide({ kind, account: "bob" }).kind], kind);
  });
});

describe("facts.judge() of a login", () => {
  const login = { about: "network", account: "bob", service: "sshd", address: "203.0.113.5", network: "203.0.0.0/12" };
  const hourOf = (hour: number, given: JsonObject = {}): JsonObject => ({
    ...login,
    about: "hour",
    hour,
    isWeekend: false,
    ...given,
  });
  const member = (given: JsonObject, count = 1): CountedMember => ({ key: "k", group: "g", facts: given, count });
  const wait = (given: JsonObject, members: readonly CountedMember[]) =>
    facts.stillLearns?.({ facts: given, group: "g" } as never, knowing(members));

  test("is graver for root, and for who gets a shell", () => {
    assert.equal(judge(login).severity, "medium");
    assert.equal(judge({ ...login, service: "dovecot" }).severity, "low");
    assert.equal(judge({ ...login, account: "root" }).severity, "high");
  });

  test("names the networks that are ordinary", () => {
    assert.match(judge(login, knowing([member({ network: "198.48.0.0/12" })])).ordinary, /from 198\.48\.0\.0\/12$/);
  });

  test("takes the first network of an account in, and of mailboxes as many as forty sightings have", () => {
    const known = [member({ network: "198.48.0.0/12" }, 10)];
    assert.deepEqual(
      [wait(login, []), wait(login, known), wait({ ...login, service: "dovecot" }, known)],
      [true, false, true],
    );
    assert.equal(wait({ ...login, service: "dovecot" }, [member({}, 41)]), false);
  });

  test("knows an hour beside a known one, also around midnight, and tells of another", () => {
    const known = [member(hourOf(23), 40)];
    const observation = (hour: number) => ({ facts: hourOf(hour), group: "g" }) as never;
    const change = (hour: number) =>
      ({ type: "new", observation: observation(hour), before: null, fields: [] }) as const;
    assert.equal(facts.judge(change(0), knowing(known)), null);
    assert.equal(judge(hourOf(4), knowing(known)).kind, "login.unusual-hour");
    assert.equal(judge(hourOf(23, { isWeekend: true }), knowing(known)).ordinary, "bob logs in at weekends at no hour");
  });

  test("learns hours until thirty sightings, and for ever of who comes at any hour", () => {
    assert.equal(wait(hourOf(4), [member(hourOf(9), 29)]), true);
    assert.equal(wait(hourOf(4), [member(hourOf(9), 30)]), false);
    assert.equal(
      wait(
        hourOf(4),
        Array.from({ length: 13 }, (_, hour) => member(hourOf(hour), 30)),
      ),
      true,
    );
  });
});

test("facts.judge() says what is wrong with the reading", () => {
  assert.match(
    judge({ event: "trouble", trouble: "behind", source: "domlogs", behindBytes: 2 ** 30 }).observed,
    /^1 GiB of/,
  );
  assert.equal(
    judge({ event: "trouble", trouble: "rule-disabled", rule: "x", reason: "slow" }).kind,
    "logs.rule-disabled",
  );
});
