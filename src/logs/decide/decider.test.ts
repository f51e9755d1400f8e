import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { PlacedHit } from "../contract.ts";
import { Decider, type DeciderOptions } from "./decider.ts";
import type { Decision } from "./decision.ts";
import { DAY, failure, HOUR, MINUTE, POLICY, probe, SECOND, START, success } from "./test-hits.mts";

const ATTACKER = "203.0.113.5";
const OFFICE = "198.51.100.7";

class Bench {
  readonly decider: Decider;
  at = START;

  constructor(options: DeciderOptions = {}, policy = POLICY) {
    this.decider = new Decider(policy, options);
  }

  /** Hits one after the other, `everyMs` apart. */
  take(hits: readonly PlacedHit[], everyMs = 20 * SECOND): readonly Decision[] {
    return hits.flatMap((hit) => {
      this.at += everyMs;
      return this.decider.take(hit, this.at);
    });
  }

  repeat(times: number, make: (index: number) => PlacedHit, everyMs?: number): readonly Decision[] {
    return this.take(
      Array.from({ length: times }, (_, index) => make(index)),
      everyMs,
    );
  }

  /** Logins on several days. */
  live(address: string, users: readonly string[], days = 4): void {
    for (let day = 0; day < days; day++) {
      this.take(
        users.map((user) => success(address, user)),
        MINUTE,
      );
      this.at += DAY;
    }
  }
}

const told = (decisions: readonly Decision[]) =>
  decisions.map(({ type, kind, network, account, withheld }) => [type, kind, network ?? account, withheld]);

describe("Decider.take(), one address", () => {
  test("blocks at the tenth failed password within ten minutes, with the lines, the rule and the accounts", () => {
    const bench = new Bench();
    assert.deepEqual(
      bench.repeat(9, () => failure(ATTACKER)),
      [],
    );
    const [decision, ...more] = bench.take([failure(ATTACKER)]);
    assert.deepEqual(more, []);
    assert.partialDeepStrictEqual(decision, {
      type: "block",
      kind: "auth.bruteforce",
      network: "203.0.113.5/32",
      address: ATTACKER,
      forMs: HOUR,
      offence: 1,
      rule: "sshd.failed-password",
      service: "sshd",
      points: 10,
      limit: 10,
      accounts: ["root"],
      because: "limit",
    });
    assert.equal(decision?.lines.length, 6);
    assert.match(decision?.lines[0]?.text ?? "", /^Nov {2}3 .* Failed password for root from 203\.0\.113\.5/);
    assert.equal(decision?.lines[0]?.file, "/var/log/auth.log");
  });

  test("does not block ten failed passwords within eleven minutes and more", () => {
    assert.deepEqual(
      new Bench().repeat(30, () => failure(ATTACKER), 80 * SECOND),
      [],
    );
  });

  test("says nothing more of an address while its block lasts, then blocks for longer", () => {
    const bench = new Bench();
    const attack = () => bench.repeat(10, () => failure(ATTACKER), SECOND);
    const spans = [1, 2, 3, 4, 5, 6].map(() => {
      const [block] = attack();
      assert.deepEqual(
        bench.repeat(50, () => failure(ATTACKER), SECOND),
        [],
      );
      bench.at += block?.forMs ?? 0;
      return (block?.forMs ?? 0) / HOUR;
    });
    assert.deepEqual(spans, [1, 3, 9, 27, 81, 168]);
    bench.at += 31 * DAY;
    assert.equal(attack()[0]?.forMs, HOUR);
  });

  test("counts by weight, and probes without accounts", () => {
    const [block] = new Bench().repeat(4, () => probe(ATTACKER, "shop.example", { weight: 3 }));
    assert.partialDeepStrictEqual(block, { kind: "web.probe", points: 12, sites: ["shop.example"], accountCount: 0 });
  });

  test("takes a jail's own limits for its rules, and counts them apart", () => {
    const policy = { points: 3, withinMs: MINUTE, firstMs: 2 * HOUR };
    const bench = new Bench({ rulePolicies: [{ prefix: "fail2ban:sshd", policy }] });
    const hit = () => failure(ATTACKER, "root", { rule: "fail2ban:sshd" });
    assert.deepEqual(
      bench.repeat(2, () => failure(ATTACKER), SECOND),
      [],
    );
    assert.deepEqual(bench.repeat(2, hit, SECOND), []);
    assert.partialDeepStrictEqual(bench.take([hit()], SECOND)[0], { limit: 3, points: 3, forMs: 2 * HOUR });
    assert.deepEqual(new Bench().repeat(5, hit, SECOND), []);
  });

  describe("with a jail that keeps to its ports", () => {
    const JAIL = {
      prefix: "fail2ban:sshd",
      ports: [22, 1234],
      policy: { points: 3, withinMs: MINUTE, firstMs: 2 * HOUR, factor: 1 },
    };
    const jailed = (index: number) => failure(ATTACKER, `user${index}`, { rule: "fail2ban:sshd", service: "sshd" });
    const blocks = (decisions: readonly Decision[]) =>
      decisions.filter(({ type }) => type === "block").map(({ rule, ports, offence }) => [rule, ports, offence]);

    test("blocks these alone, and goes on to block for all whom another rule finds meanwhile", () => {
      const bench = new Bench({ rulePolicies: [JAIL] });
      assert.deepEqual(blocks(bench.repeat(3, jailed, SECOND)), [["fail2ban:sshd", [22, 1234], 1]]);
      assert.deepEqual(blocks(bench.repeat(6, jailed, SECOND)), [], "it is blocked");
      const probes = bench.repeat(10, () => probe(ATTACKER), SECOND);
      assert.deepEqual(blocks(probes), [["apache.probe", [], 1]]);
      assert.deepEqual(blocks(bench.repeat(20, () => probe(ATTACKER), SECOND)), []);
      assert.deepEqual(blocks(bench.repeat(6, jailed, SECOND)), [], "all are blocked");
    });

    test("counts its blocks apart, also of before a restart, and lets both go by hand", () => {
      const bench = new Bench({ rulePolicies: [JAIL] });
      bench.decider.restoreBlock("203.0.113.5/32", "fail2ban:sshd", START - HOUR, START + HOUR);
      assert.deepEqual(blocks(bench.repeat(6, jailed, SECOND)), []);
      assert.deepEqual(blocks(bench.repeat(10, () => probe(ATTACKER), SECOND)), [["apache.probe", [], 1]]);
      bench.decider.pardon("203.0.113.5/32", bench.at);
      assert.deepEqual(blocks(bench.repeat(3, jailed, SECOND)), [["fail2ban:sshd", [22, 1234], 1]]);
      bench.at += 3 * HOUR;
      assert.deepEqual(blocks(bench.repeat(3, jailed, SECOND)), [["fail2ban:sshd", [22, 1234], 2]]);
    });
  });

  test("never blocks who is allowed or a proxy, and says so once a window", () => {
    for (const [options, withheld] of [
      [{ allow: ["203.0.113.0/24"] }, "allowed"],
      [{ proxies: ["203.0.113.5"] }, "proxy"],
    ] as const) {
      const bench = new Bench(options);
      assert.deepEqual(told(bench.repeat(25, () => failure(ATTACKER))), [
        ["alert", "auth.bruteforce", "203.0.113.5/32", withheld],
      ]);
    }
  });

  test("says spray when five accounts or more were tried", () => {
    const bench = new Bench();
    assert.deepEqual(told(bench.repeat(10, (index) => failure(ATTACKER, `user${index % 5}`))), [
      ["block", "auth.spray", "203.0.113.5/32", null],
    ]);
  });

  test("sees a spray that takes an hour for each account", () => {
    const bench = new Bench();
    const blocks = bench.repeat(10, (index) => failure(ATTACKER, `user${index}`), HOUR);
    assert.deepEqual(told(blocks), [["block", "auth.spray", "203.0.113.5/32", null]]);
  });

  test("blocks a /24 only when the policy says so", () => {
    const attackOf = (bench: Bench) =>
      [1, 2, 3].flatMap((last) => bench.repeat(10, () => failure(`203.0.113.${last}`), SECOND));
    assert.equal(attackOf(new Bench()).length, 3);
    const blocks = attackOf(new Bench({}, { ...POLICY, networkAt: 3 }));
    assert.deepEqual(
      blocks.map(({ network }) => network),
      ["203.0.113.1/32", "203.0.113.2/32", "203.0.113.3/32", "203.0.113.0/24"],
    );
  });

  test("begins anew with an address that the admin has let go", () => {
    const bench = new Bench();
    bench.repeat(10, (index) => failure(ATTACKER, `user${index}`));
    bench.decider.pardon("203.0.113.5/32", bench.at);
    assert.deepEqual(
      bench.repeat(9, () => failure(ATTACKER)),
      [],
    );
    assert.equal(bench.take([failure(ATTACKER)])[0]?.forMs, HOUR);
  });

  test("knows a block of before it was started", () => {
    const bench = new Bench();
    bench.decider.restoreBlock("203.0.113.5/32", "sshd.failed", START - HOUR, START + HOUR);
    assert.deepEqual(
      bench.repeat(20, () => failure(ATTACKER), SECOND),
      [],
    );
    bench.at = START + HOUR;
    assert.partialDeepStrictEqual(bench.repeat(10, () => failure(ATTACKER), SECOND)[0], {
      offence: 2,
      forMs: 3 * HOUR,
    });
  });
});

describe("Decider.take(), IPv6", () => {
  test("counts by /64", () => {
    const bench = new Bench();
    const blocks = bench.repeat(10, (index) => failure(`2001:db8:1:2::${(index + 1).toString(16)}`));
    assert.deepEqual(told(blocks), [["block", "auth.bruteforce", "2001:db8:1:2::/64", null]]);
  });

  test("grows to a /56 when many /64 of it offend, each below the limit", () => {
    const bench = new Bench();
    const blocks = bench.repeat(60, (index) => failure(`2001:db8:1:2${(index % 8).toString(16)}::1`), SECOND);
    assert.deepEqual(told(blocks), [["block", "auth.bruteforce", "2001:db8:1::/56", null]]);
    assert.equal(blocks[0]?.addressCount, 8);
  });

  test("grows to a /48 when many /56 of it offend", () => {
    const bench = new Bench();
    const blocks = bench.repeat(200, (index) => failure(`2001:db8:1:${(index % 64).toString(16)}00::1`), SECOND);
    assert.equal(blocks.at(-1)?.network, "2001:db8:1::/48");
  });

  test("does not grow for the neighbours of one offender", () => {
    const bench = new Bench();
    const blocks = bench.repeat(100, () => failure("2001:db8:1:2::1"), SECOND);
    assert.deepEqual(
      blocks.map(({ network }) => network),
      ["2001:db8:1:2::/64"],
    );
  });
});

describe("Decider.take(), logins that work", () => {
  test("forgives who mistypes and then gets in, however often a day", () => {
    const bench = new Bench();
    for (let login = 0; login < 20; login++) {
      assert.deepEqual(bench.take([failure(OFFICE, "bob"), failure(OFFICE, "bob"), success(OFFICE, "bob")]), []);
    }
  });

  test("suspects a break-in when a login works behind five failures from the same address", () => {
    const bench = new Bench();
    const decisions = bench.take([
      ...Array.from({ length: 5 }, () => failure(ATTACKER, "bob")),
      success(ATTACKER, "bob"),
    ]);
    assert.partialDeepStrictEqual(decisions, [
      { type: "alert", kind: "auth.break-in-suspected", account: "bob", address: ATTACKER, points: 5, failures: 5 },
    ]);
    assert.match(decisions[0]?.lines.at(-1)?.text ?? "", /Accepted password for bob/);
  });

  test("learns nothing good of a login that it suspects, however long after, until it is accepted", () => {
    const bench = new Bench();
    bench.take([...Array.from({ length: 5 }, () => failure(ATTACKER, "bob")), success(ATTACKER, "bob")]);
    for (let day = 0; day < 5; day++) bench.take([success(ATTACKER, "bob")], DAY);
    assert.deepEqual(bench.decider.takeStandings(), []);
    assert.deepEqual(
      ["203.0.113.5/32", "192.0.2.1/32"].map((network) => bench.decider.suspicionOf("bob", network)),
      ["login", "account"],
    );
    assert.equal(bench.decider.suspicionOf("alice", "203.0.113.5/32"), null);
    bench.decider.acceptBreakIn("bob", "203.0.113.5/32", "sshd.accepted", bench.at);
    assert.equal(bench.decider.suspicionOf("bob", "203.0.113.5/32"), null);
    assert.partialDeepStrictEqual(bench.decider.takeStandings(), [{ network: "203.0.113.5/32", accounts: ["bob"] }]);
  });

  test("does not suspect again, at once, what was accepted, nor forgive it what comes then", () => {
    const bench = new Bench();
    bench.take([...Array.from({ length: 9 }, () => failure(ATTACKER, "bob")), success(ATTACKER, "bob")]);
    bench.decider.acceptBreakIn("bob", "203.0.113.5/32", "sshd.accepted", bench.at);
    assert.deepEqual(bench.take([success(ATTACKER, "bob")]), []);
    assert.deepEqual(
      told(bench.repeat(10, () => failure(ATTACKER, "bob"), SECOND)).map(([type]) => type),
      ["block"],
    );
  });

  test("suspects a break-in of before a restart as it did then", () => {
    const bench = new Bench();
    bench.decider.restoreBreakIn("bob", "203.0.113.5/32");
    bench.take([success(ATTACKER, "bob"), success(ATTACKER, "alice")]);
    assert.partialDeepStrictEqual(bench.decider.takeStandings(), [{ accounts: ["alice"] }]);
  });

  test("suspects a break-in when the guess comes right behind what should have blocked it", () => {
    const bench = new Bench();
    const failures = bench.repeat(12, () => failure(ATTACKER, "bob"), SECOND);
    assert.deepEqual(
      failures.map(({ type }) => type),
      ["block"],
    );
    assert.partialDeepStrictEqual(bench.take([success(ATTACKER, "bob")], HOUR), [
      { kind: "auth.break-in-suspected", points: 12 },
    ]);
  });

  test("suspects a break-in when one of many accounts lets the address in at the first try", () => {
    const bench = new Bench();
    bench.repeat(6, (index) => failure(ATTACKER, `user${index}`));
    assert.deepEqual(told(bench.take([success(ATTACKER, "alice")])), [
      ["alert", "auth.break-in-suspected", "203.0.113.5/32", null],
    ]);
  });

  test("does not suspect the owner, whose device has an old password, when he logs in from the same place", () => {
    const bench = new Bench();
    bench.live(OFFICE, ["bob"]);
    const phone = bench.repeat(9, () => failure(OFFICE, "bob"));
    assert.deepEqual([...phone, ...bench.take([success(OFFICE, "bob")])], []);
  });

  test("does not suspect a newcomer of an office who needs six tries", () => {
    const bench = new Bench();
    bench.live(OFFICE, ["alice", "bob"]);
    bench.repeat(6, () => failure(OFFICE, "carol"));
    assert.deepEqual(bench.take([success(OFFICE, "carol")]), []);
  });

  test("does not block an office for one device with an old password, and says it", () => {
    const bench = new Bench();
    bench.live(OFFICE, ["alice", "bob"]);
    assert.deepEqual(told(bench.repeat(30, () => failure(OFFICE, "phone"))), [
      ["alert", "auth.bruteforce", "198.51.100.7/32", "history"],
    ]);
  });

  test("blocks an office too when it goes on at five times the limit", () => {
    const bench = new Bench();
    bench.live(OFFICE, ["alice", "bob"]);
    const decisions = bench.repeat(60, () => failure(OFFICE, "phone"), 2 * SECOND);
    assert.deepEqual(
      decisions.map(({ type }) => type),
      ["alert", "block"],
    );
    assert.equal(decisions.at(-1)?.limit, 50);
  });

  test("gives no favour to a customer who tries many accounts of others between logins of his own", () => {
    const bench = new Bench();
    bench.live(ATTACKER, ["customer"]);
    const hits = Array.from({ length: 12 }, (_, index) => [
      failure(ATTACKER, `victim${index}`),
      success(ATTACKER, "customer"),
    ]);
    const decisions = bench.take(hits.flat(), SECOND);
    assert.deepEqual(told(decisions), [["block", "auth.spray", "203.0.113.5/32", null]]);
  });

  test("gives no favour for logins of one day", () => {
    const bench = new Bench();
    bench.take(
      Array.from({ length: 100 }, () => success(ATTACKER, "customer")),
      MINUTE,
    );
    assert.equal(bench.repeat(10, () => failure(ATTACKER, "victim"))[0]?.type, "block");
  });

  test("keeps good history over a restart", () => {
    const before = new Bench();
    before.live(OFFICE, ["alice"]);
    const after = new Bench();
    after.at = before.at;
    after.decider.restoreStandings(before.decider.takeStandings());
    assert.equal(after.repeat(12, () => failure(OFFICE, "phone"))[0]?.withheld, "history");
    assert.deepEqual(before.decider.takeStandings(), []);
  });
});

describe("Decider.take(), many addresses against one account", () => {
  const botnet = (bench: Bench, size: number) =>
    bench.repeat(size, (index) => failure(`203.0.113.${index}`, "bob"), MINUTE);

  test("tells of it at ten addresses, and again when they have doubled", () => {
    const decisions = botnet(new Bench(), 45);
    assert.deepEqual(told(decisions), [
      ["alert", "auth.distributed", "bob", null],
      ["alert", "auth.distributed", "bob", null],
      ["alert", "auth.distributed", "bob", null],
    ]);
    assert.deepEqual(
      decisions.map(({ addressCount }) => addressCount),
      [10, 20, 40],
    );
  });

  test("lowers the limit for those who take part, and not for the owner", () => {
    const bench = new Bench();
    bench.take([success(OFFICE, "bob")]);
    botnet(bench, 10);
    assert.deepEqual(
      bench.repeat(5, () => failure(OFFICE, "bob")),
      [],
    );
    const decisions = bench.repeat(3, () => failure("203.0.113.200", "bob"));
    assert.partialDeepStrictEqual(decisions, [{ type: "block", because: "campaign", limit: 3, points: 3 }]);
  });

  test("suspects a break-in when one of them gets in behind a failure", () => {
    const bench = new Bench();
    botnet(bench, 12);
    assert.deepEqual(told(bench.take([failure("192.0.2.9", "bob"), success("192.0.2.9", "bob")])), [
      ["alert", "auth.break-in-suspected", "192.0.2.9/32", null],
    ]);
  });

  test("is silent about nine users of one shared account who mistype", () => {
    assert.deepEqual(botnet(new Bench(), 9), []);
  });
});

describe("Decider.take(), one deed in several logs", () => {
  const journal = { place: { file: "journal", offset: 1, line: null }, source: "journal" };

  test("counts a line once that stands in two logs", () => {
    const bench = new Bench();
    const rejectlog = { place: { file: "/var/log/exim4/rejectlog", offset: 5, line: null } };
    const pair = () => [failure(ATTACKER, "bob"), failure(ATTACKER, "bob", rejectlog)];
    const decisions = Array.from({ length: 9 }, pair).flatMap((hits) => bench.take(hits, 500));
    assert.deepEqual(decisions, []);
    assert.equal(bench.take(pair(), 500).length, 1);
  });

  test("counts a failure once that has two lines in one log, and each of many such failures", () => {
    const bench = new Bench();
    const gaveUp = () => failure(ATTACKER, "bob", { rule: "sshd.gave-up" });
    const pair = () => [failure(ATTACKER, "bob"), gaveUp()];
    assert.deepEqual(
      Array.from({ length: 9 }, pair).flatMap((hits) => bench.take(hits, 50)),
      [],
    );
    assert.equal(bench.take(pair(), 50).length, 1);
    assert.equal(new Bench().repeat(10, gaveUp).length, 1);
  });

  test("counts each of several failures within one second", () => {
    assert.equal(new Bench().repeat(10, () => failure(ATTACKER), 50).length, 1);
  });

  test("does not count what the journal does not confirm, and tells that it is forged", () => {
    const bench = new Bench({ isJournaled: (service) => service === "sshd" });
    const decisions = bench.repeat(20, () => failure("192.0.2.1", "root", { isForgeable: true }));
    assert.deepEqual(decisions, []);
    assert.deepEqual(bench.decider.journalReached(START), []);
    const forged = bench.decider.journalReached(bench.at + 6 * SECOND);
    assert.equal(forged.length, 20);
    assert.partialDeepStrictEqual(forged[0], {
      type: "alert",
      kind: "logs.forged",
      network: null,
      address: "192.0.2.1",
    });
    assert.deepEqual(bench.decider.journalReached(bench.at + HOUR), []);
  });

  test("counts what waits for a journal that is lost, and decides nothing anew of what is past", () => {
    let isJournaled = true;
    const bench = new Bench({ isJournaled: () => isJournaled });
    const flat = () => failure(ATTACKER, "root", { isForgeable: true });
    for (let index = 0; index < 10; index++)
      bench.decider.take(failure(OFFICE, "root", { isForgeable: true }), START, true);
    assert.deepEqual(bench.repeat(9, flat), []);
    isJournaled = false;
    assert.deepEqual(bench.decider.journalLost(), []);
    assert.equal(bench.repeat(1, flat).length, 1);
    assert.deepEqual(bench.decider.journalReached(bench.at + HOUR), []);
  });

  test("counts what the journal confirms, whichever comes first, once", () => {
    const bench = new Bench({ isJournaled: () => true });
    const flat = () => failure(ATTACKER, "root", { isForgeable: true });
    const trusted = () => failure(ATTACKER, "root", journal);
    const decisions = Array.from({ length: 5 }, () => [
      ...bench.take([flat()], 10 * SECOND),
      ...bench.take([trusted()], 3 * SECOND),
      ...bench.take([trusted()], 10 * SECOND),
      ...bench.take([flat()], 3 * SECOND),
    ]).flat();
    assert.deepEqual(
      decisions.map(({ type, points }) => [type, points]),
      [["block", 10]],
    );
    assert.deepEqual(bench.decider.journalReached(bench.at + HOUR), []);
  });

  test("counts a line that could be forged when there is no journal to ask, and marks it", () => {
    const [block] = new Bench().repeat(10, () => failure(ATTACKER, "root", { isForgeable: true }));
    assert.equal(
      block?.lines.every(({ isForgeable }) => isForgeable),
      true,
    );
  });
});

describe("Decider.take(), hostile input", () => {
  test("passes over what is no address", () => {
    const bench = new Bench();
    for (const address of ["", "0x7f.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "fe80::1%eth0", "1::2::3"]) {
      assert.deepEqual(
        bench.repeat(20, () => failure(address)),
        [],
        address,
      );
    }
    assert.equal(bench.decider.size.keys, 0);
  });

  test("keeps long names and lines cut", () => {
    const [block] = new Bench().repeat(10, () => failure(ATTACKER, "x".repeat(60_000), { text: "y".repeat(1024) }));
    assert.equal(block?.accounts[0]?.length, 64);
    assert.equal(block?.lines[0]?.text.length, 240);
  });

  test("stays within its bounds with more addresses than it holds", () => {
    const bench = new Bench({ maxKeys: 1000 });
    bench.repeat(5000, (index) => failure(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, `u${index}`), 1);
    assert.deepEqual(bench.decider.size, { keys: 1000, bytes: 62_000 });
  });

  test("never blocks an address that made fewer points than the lowest limit", () => {
    const hits = fc.array(
      fc.record({
        address: fc.integer({ min: 0, max: 40 }),
        user: fc.integer({ min: 0, max: 8 }),
        afterMs: fc.integer({ min: -5000, max: 60_000 }),
        works: fc.boolean(),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(hits, (list) => {
        const bench = new Bench();
        const failed = new Map<string, number>();
        for (const { address, user, afterMs, works } of list) {
          const text = `192.0.2.${address}`;
          if (!works) failed.set(text, (failed.get(text) ?? 0) + 1);
          const hit = works ? success(text, `u${user}`) : failure(text, `u${user}`);
          for (const decision of bench.take([hit], afterMs)) {
            if (decision.type === "block") assert.ok((failed.get(decision.address ?? "") ?? 0) >= 3);
          }
        }
      }),
    );
  });
});
