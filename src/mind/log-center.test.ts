import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlocksOptions } from "#src/blocks/options.ts";
import type { Outcome } from "#src/judge/alerter.ts";
import { DAY, HOUR, listAlerts, MINUTE, openHost, START, type TestHost } from "#src/judge/test-host.mts";
import type { LogSource } from "#src/logs/contract.ts";
import { POLICY } from "#src/logs/decide/test-hits.mts";
import { readJails } from "#src/logs/fail2ban/read-jails.ts";
import type { JailSpec } from "#src/logs/fail2ban/spec.ts";
import type { StoredUpTo } from "#src/model/log-stream.ts";
import type { Levels } from "#src/model/observation.ts";
import { facts } from "#src/sensors/logs/facts.ts";
import { ActionStore } from "#src/store/action-store.ts";
import { BlockStore } from "#src/store/block-store.ts";
import { LogHitStore } from "#src/store/log-hit-store.ts";
import type { Store } from "#src/store/store.ts";
import { BlockEngine } from "./block-engine.ts";
import { until } from "./fake-peer.mts";
import { LogCenter } from "./log-center.ts";
import { type LoadedRules, loadLogRules } from "./log-rules.ts";
import type { BlockRequest } from "./warden-client.ts";

const AUTH: LogSource = {
  name: "auth",
  kind: "file",
  paths: ["/var/log/auth.log"],
  format: "syslog",
  isForgeable: false,
};
const HEAD = { bytes: 0, sha256: "0".repeat(64) };
const ATTACKER = "203.0.113.5";
const OFFICE = "198.51.100.7";

/** A center with real rules and a real store, between a fake sentry and a fake warden. */
class Bench implements AsyncDisposable {
  readonly host: TestHost;
  readonly actions: ActionStore;
  readonly asked: BlockRequest[] = [];
  readonly taken: { readonly bytes: number; readonly stored: readonly StoredUpTo[] }[] = [];
  readonly levels: Levels[] = [];
  readonly outcomes: Outcome[] = [];
  readonly logged: string[] = [];
  readonly engine: BlockEngine;
  readonly center: LogCenter;
  refusal: string | null = null;
  nowUnixMs: number;
  offset: number;
  readonly #source: LogSource;
  #written = 0;

  private constructor(rules: LoadedRules, options: BenchOptions) {
    const { mode = "enforce", store, nowUnixMs = START } = options;
    this.nowUnixMs = nowUnixMs;
    this.#source = options.sources?.[0] ?? AUTH;
    this.host = openHost({ learnMs: 0, facts, sensor: "logs", ...(store === undefined ? {} : { store }) });
    this.offset = options.offset ?? 0;
    this.actions = new ActionStore(this.host.store);
    const blocks: BlocksOptions = { mode, allow: [], proxies: [], policy: POLICY, lists: [] };
    this.engine = new BlockEngine({
      actions: this.actions,
      blocks: new BlockStore(this.host.store),
      warden: () => ({
        block: async (requests) => {
          this.asked.push(...requests);
          return requests.map(({ action }) => ({ action, failure: this.refusal }));
        },
        unblock: async (actions) => actions.map((action) => ({ action, failure: null })),
      }),
      now: () => this.nowUnixMs,
      onFailed: ({ id, failure }) => this.logged.push(`${id} ${failure}`),
      onUnblocked: (network) => this.center.pardon(network),
    });
    this.center = new LogCenter({
      rules,
      blocks,
      store: this.host.store,
      judge: this.host.judge,
      alerts: this.host.alerts,
      engine: this.engine,
      client: () => ({ taken: (bytes, stored) => this.taken.push({ bytes, stored }) }),
      log: { error: (text) => this.logged.push(text), warn: (text) => this.logged.push(text), info: () => undefined },
      now: () => this.nowUnixMs,
      takeLevels: (levels) => this.levels.push(levels),
      tell: (outcomes) => this.outcomes.push(...outcomes),
      makeRoom: () => false,
      onFull: (reason) => reason !== null && this.logged.push(reason),
    });
  }

  static async start(options: BenchOptions = {}): Promise<Bench> {
    const sources = options.sources ?? [AUTH];
    const { jails = [] } = options;
    const rules = await loadLogRules({ sources, disabledRules: [], ownRules: [], jails });
    const bench = new Bench(rules, options);
    bench.open();
    return bench;
  }

  /** The sentry has the log open, where the store says that it was read to. */
  open(): void {
    const { positions } = this.center.positions();
    const known = positions[0];
    this.offset = known?.offset ?? this.offset;
    const { name, paths } = this.#source;
    const file = { file: 1, source: name, path: paths[0] ?? "", device: "1", inode: "2", head: HEAD };
    this.center.onOpen({ ...file, offset: this.offset, position: known === undefined ? null : 0 });
  }

  /** What was counted in the minute that ends now. */
  minute(): Readonly<Record<string, number>> {
    this.nowUnixMs += 60_000;
    this.center.tick();
    const values = this.levels.at(-1)?.values ?? [];
    return Object.fromEntries(values.map(({ series, value }) => [series, Math.round(value)]));
  }

  /** Lines come in, and time goes on. */
  async write(...lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    this.center.onBytes(1, this.offset, bytes);
    this.offset += bytes.length;
    this.#written += bytes.length;
    await until(() => this.taken.reduce((sum, one) => sum + one.bytes, 0) >= this.#written);
  }

  line(text: string, atUnixMs = this.nowUnixMs): string {
    return `${new Date(atUnixMs).toISOString().replace("Z", "+00:00")} web1 sshd[812]: ${text}`;
  }

  /** Failures, one each 20 s. */
  async fail(address: string, users: readonly string[]): Promise<void> {
    for (const user of users) {
      this.nowUnixMs += 20_000;
      await this.write(this.line(`Failed password for ${user} from ${address} port 4711 ssh2`));
    }
  }

  async succeed(address: string, user: string): Promise<void> {
    this.nowUnixMs += 20_000;
    await this.write(this.line(`Accepted password for ${user} from ${address} port 4711 ssh2`));
  }

  told(kind?: string): readonly string[] {
    return this.outcomes
      .filter(({ alert }) => kind === undefined || alert.kind === kind)
      .map(({ type, alert }) => `${type} ${alert.kind} ${alert.severity}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.center[Symbol.dispose]();
    this.host[Symbol.dispose]();
  }
}

interface BenchOptions {
  readonly mode?: BlocksOptions["mode"];
  readonly store?: Store;
  readonly nowUnixMs?: number;
  readonly offset?: number;
  readonly sources?: readonly LogSource[];
  readonly jails?: readonly JailSpec[];
}

/** A shop's log, which no rule of ours knows. */
const SHOP: LogSource = {
  name: "fail2ban-shop",
  kind: "file",
  paths: ["/var/log/shop.log"],
  format: "plain",
  isForgeable: false,
};
const JAIL_FILES: Readonly<Record<string, string>> = {
  "/f/jail.conf": `
[DEFAULT]
ignoreip = 198.51.100.0/24 2001:db8:1::/48
filter = shop
logpath = /var/log/shop.log
enabled = true
[shop]
port = http,8443
action = iptables-multiport[name=shop, port="%(port)s"]
maxretry = 3
findtime = 2m
bantime = 3h
[shop-slow]
filter = shop
maxretry = 6
findtime = 1d
bantime = 2d
`,
  "/etc/services": "http\t80/tcp\twww\n",
  "/f/filter.d/shop.conf":
    "[Definition]\nfailregex = ^\\s*shop: wrong password of <F-USER>\\S+</F-USER> from <HOST>$\n",
};
const JAILS = readJails(
  {
    read: (path) => JAIL_FILES[path],
    names: (folder) =>
      Object.keys(JAIL_FILES)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .filter((name) => !name.includes("/")),
  },
  { folder: "/f" },
).jails;

const ten = (user: string) => Array.from({ length: 10 }, () => user);

const NGINX_ERROR: LogSource = {
  name: "nginx-error",
  kind: "file",
  paths: ["/var/log/nginx/error.log"],
  format: "nginx-error",
  isForgeable: true,
};

describe("LogCenter", () => {
  test("blocks nobody for lines that a client of the web server can write, and counts them", async () => {
    await using bench = await Bench.start({ sources: [NGINX_ERROR] });
    const line =
      '2026/11/22 12:41:46 [error] 12#12: *1 user "root": password mismatch, client: 203.0.113.5, server: a.example, request: "GET / HTTP/1.1", host: "a.example"';
    for (let index = 0; index < 20; index++) await bench.write(line);
    assert.deepEqual([bench.asked, bench.told()], [[], []]);
    const rules = bench.center.describe().filter(({ item, hits }) => item === "rule" && Number(hits) > 0);
    assert.deepEqual(
      rules.map(({ source, hits }) => [source, hits]),
      [["nginx-error", 20]],
    );
  });

  describe("with jails of fail2ban", () => {
    const shopLine = (bench: Bench, address: string) =>
      `${new Date(bench.nowUnixMs).toISOString().slice(0, 19).replace("T", " ")} shop: wrong password of bob from ${address}`;
    const start = () => Bench.start({ sources: [SHOP], jails: JAILS });

    async function failShop(bench: Bench, address: string, count: number, everyMs: number): Promise<void> {
      for (let index = 0; index < count; index++) {
        bench.nowUnixMs += everyMs;
        await bench.write(shopLine(bench, address));
      }
    }

    test("blocks for bantime who fails maxretry times within findtime, and not before", async () => {
      await using bench = await start();
      await failShop(bench, ATTACKER, 2, 10_000);
      assert.deepEqual(bench.asked, []);
      await failShop(bench, ATTACKER, 1, 10_000);
      assert.partialDeepStrictEqual(bench.asked, [
        {
          network: "203.0.113.5/32",
          ports: [80, 8443],
          by: "rule:fail2ban:shop",
          untilUnixMs: bench.nowUnixMs + 3 * HOUR,
        },
      ]);
    });

    test("keeps to the limits of each of two jails with the same filter", async () => {
      await using bench = await start();
      await failShop(bench, ATTACKER, 5, HOUR);
      assert.deepEqual(bench.asked, []);
      await failShop(bench, ATTACKER, 1, HOUR);
      assert.partialDeepStrictEqual(bench.asked, [
        { network: "203.0.113.5/32", ports: [], by: "rule:fail2ban:shop-slow", untilUnixMs: bench.nowUnixMs + 2 * DAY },
      ]);
    });

    test("passes over whom the jails ignore", async () => {
      await using bench = await start();
      await failShop(bench, OFFICE, 20, 1000);
      await failShop(bench, "2001:db8:1:2::3", 20, 1000);
      assert.deepEqual([bench.asked, bench.told()], [[], []]);
      await failShop(bench, "2001:db8:2::3", 3, 1000);
      assert.partialDeepStrictEqual(bench.asked, [{ network: "2001:db8:2::/64" }]);
    });
  });

  test("blocks who fails ten times, tells it once with lines, rule, expiry and undo, and keeps how far it has read", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ten("root"));
    assert.partialDeepStrictEqual(bench.asked, [
      {
        action: "x1",
        network: "203.0.113.5/32",
        ports: [],
        by: "rule:sshd.failed",
        untilUnixMs: bench.nowUnixMs + HOUR,
        isPrivateMeant: false,
      },
    ]);
    assert.deepEqual(bench.told(), ["new auth.bruteforce low"]);
    const alert = bench.outcomes[0]!.alert;
    assert.deepEqual(alert.subject, { type: "address", address: ATTACKER });
    assert.match(alert.observed, /203\.0\.113\.5 has 10 points within 10 min by sshd\.failed/);
    assert.match(alert.observed, /is blocked for 1 h until .* the first time/);
    assert.deepEqual(alert.next.slice(0, 2), ["garrison unblock 203.0.113.5/32", "garrison undo x1"]);
    assert.partialDeepStrictEqual(alert.evidence, { rule: "sshd.failed", block: { action: "x1" } });
    assert.match(JSON.stringify(alert.evidence["lines"]), /Failed password for root from 203\.0\.113\.5/);
    await until(() => bench.actions.get("x1")?.state === "done");
    assert.partialDeepStrictEqual(bench.center.positions().positions, [
      { path: "/var/log/auth.log", offset: bench.offset },
    ]);
    assert.deepEqual(bench.host.entries("alert"), [], "the block has an entry of the warden");
  });

  test("does nothing for who mistypes twice and then gets in", async () => {
    await using bench = await Bench.start();
    for (let day = 0; day < 4; day++) {
      await bench.fail(OFFICE, ["bob", "bob"]);
      await bench.succeed(OFFICE, "bob");
      bench.nowUnixMs += DAY;
    }
    assert.deepEqual([bench.asked, bench.told("auth.break-in-suspected"), bench.told("auth.bruteforce")], [[], [], []]);
  });

  test("tells critically of a login behind many failures, with the account and what to do", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ["bob", "bob", "bob", "bob", "bob", "bob"]);
    await bench.succeed(ATTACKER, "bob");
    assert.deepEqual(bench.told("auth.break-in-suspected"), ["new auth.break-in-suspected critical"]);
    const { alert } = bench.outcomes.find((one) => one.alert.kind === "auth.break-in-suspected")!;
    assert.deepEqual(alert.subject, { type: "account", name: "bob" });
    assert.deepEqual(alert.next.slice(0, 2), ["garrison block 203.0.113.5", "last -i -n 20 bob"]);
    assert.equal(bench.host.entries("alert").length, 1);
  });

  test("blocks nobody in observe mode, keeps what it would have done, and says so", async () => {
    await using bench = await Bench.start({ mode: "observe" });
    await bench.fail(ATTACKER, ten("root"));
    assert.deepEqual([bench.asked, bench.actions.list(10)], [[], []]);
    const { alert } = bench.outcomes[0]!;
    assert.match(alert.observed, /observe only: 203\.0\.113\.5\/32 would have been blocked for 1 h/);
    assert.equal(alert.next[0], "garrison block 203.0.113.5");
    const [record] = new BlockStore(bench.host.store).listSince(0, 10);
    assert.partialDeepStrictEqual(record, { action: null, network: "203.0.113.5/32", rule: "sshd.failed" });
  });

  test("updates one alert of an address that comes again, and blocks it for longer", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ten("root"));
    bench.nowUnixMs += HOUR;
    await bench.fail(ATTACKER, ten("root"));
    assert.deepEqual(bench.told(), ["new auth.bruteforce low", "update auth.bruteforce low"]);
    assert.equal(bench.asked[1]!.untilUnixMs! - bench.nowUnixMs, 3 * HOUR);
  });

  test("goes on where it was after a restart, and counts what it counted before", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ten("root").slice(0, 6));
    const { nowUnixMs } = bench;
    const second = await Bench.start({ store: bench.host.store, nowUnixMs });
    await second.fail(ATTACKER, ten("root").slice(0, 4));
    assert.equal(second.asked.length, 1);
    // A third mind knows of the block.
    const third = await Bench.start({ store: bench.host.store, nowUnixMs: second.nowUnixMs });
    await third.fail(ATTACKER, ten("root"));
    assert.deepEqual(third.asked, []);
    for (const one of [second, third]) one.center[Symbol.dispose]();
  });

  test("does not hold against a network, after a restart either, what was taken away by hand", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ten("root"));
    await until(() => bench.actions.get("x1")?.state === "done");
    await bench.engine.unblock(ATTACKER, "admin:root");
    const second = await Bench.start({ store: bench.host.store, nowUnixMs: bench.nowUnixMs + 2 * HOUR });
    await second.fail(ATTACKER, ten("root"));
    assert.deepEqual(
      second.asked.map(({ untilUnixMs }) => untilUnixMs),
      [second.nowUnixMs + HOUR],
    );
    second.center[Symbol.dispose]();
  });

  test("stores a line that is not whole at its begin, and reads it once", async () => {
    await using bench = await Bench.start();
    const text = bench.line("Failed password for root from 203.0.113.5 port 4711 ssh2");
    bench.center.onBytes(1, 0, Buffer.from(`${text}\n${text.slice(0, 40)}`));
    await until(() => bench.taken.some(({ bytes }) => bytes === text.length + 41));
    bench.center.tick();
    assert.equal(bench.center.positions().positions[0]?.offset, text.length + 1);
  });

  test("closes and forgets a file that is gone", async () => {
    await using bench = await Bench.start();
    await bench.write(bench.line("Failed password for root from 203.0.113.5 port 4711 ssh2"));
    bench.center.onAway(1);
    bench.center.onBytes(
      1,
      bench.offset,
      Buffer.from(bench.line("Failed password for root from 203.0.113.5 port 4711 ssh2")),
    );
    bench.center.onClose(1);
    await until(() => bench.taken.some(({ stored }) => stored.some(({ isDone }) => isDone)));
    assert.equal(new LogHitStore(bench.host.store).listSince(0, 10).length, 2);
    bench.center.onGone(1);
    await new Promise((resolve) => setImmediate(resolve));
    bench.center.tick();
    assert.deepEqual(bench.center.positions().positions, []);
  });

  test("tells of a block that the warden refused in the action", async () => {
    await using bench = await Bench.start();
    bench.refusal = "Cannot block: an admin is logged in from there now";
    await bench.fail(ATTACKER, ten("root"));
    await until(() => bench.actions.get("x1")?.state === "failed");
    assert.equal(bench.actions.get("x1")?.failure, bench.refusal);
  });

  test("begins anew with a network that was let go by hand", async () => {
    await using bench = await Bench.start();
    await bench.fail(ATTACKER, ten("root"));
    await until(() => bench.actions.get("x1")?.state === "done");
    await bench.engine.unblock(ATTACKER, "admin:root");
    await bench.fail(ATTACKER, ten("root").slice(0, 9));
    assert.equal(bench.asked.length, 1);
    await bench.fail(ATTACKER, ["root"]);
    assert.equal(bench.asked[1]?.untilUnixMs, bench.nowUnixMs + HOUR);
  });

  test("does not block for lines so old that the block would be over", async () => {
    await using bench = await Bench.start();
    const old = bench.nowUnixMs - 2 * DAY;
    await bench.write(
      ...ten("root").map((user) => bench.line(`Failed password for ${user} from ${ATTACKER} port 1 ssh2`, old)),
    );
    assert.deepEqual(bench.asked, []);
    assert.match(bench.outcomes[0]?.alert.observed ?? "", /read late/);
  });

  test("keeps twenty lines of an address within a window, and counts the rest", async () => {
    await using bench = await Bench.start();
    const line = bench.line("Failed password for root from 203.0.113.5 port 4711 ssh2");
    await bench.write(...Array.from({ length: 500 }, () => line));
    bench.center.tick();
    const hits = new LogHitStore(bench.host.store);
    assert.equal(hits.listSince(0, 1000).length, 20);
    assert.partialDeepStrictEqual(hits.counts(), [{ rule: "sshd.failed", source: "auth", hits: 500 }]);
    assert.partialDeepStrictEqual(bench.center.describe(), [{ item: "source", source: "auth", lines: 500 }]);
  });

  test("counts failed logins by service, and none of a time that is over", async () => {
    await using bench = await Bench.start();
    bench.minute();
    const old = bench.line("Failed password for bob from 198.51.100.9 port 4711 ssh2", bench.nowUnixMs - 600_000);
    const now = bench.line("Failed password for bob from 198.51.100.9 port 4711 ssh2");
    await bench.write(old, now, now);
    assert.deepEqual(bench.minute(), { "failed-logins sshd": 2 });
    assert.deepEqual(bench.minute(), {});
  });

  test("counts messages by who sent them, and takes them for neither failure nor login", async () => {
    const exim: LogSource = { name: "exim-main", kind: "file", paths: ["/m"], format: "exim", isForgeable: false };
    await using bench = await Bench.start({ sources: [exim] });
    bench.minute();
    const time = new Date(bench.nowUnixMs).toISOString().slice(0, 19).replace("T", " ");
    const local = `${time} +0000 1xV6sx-00006g-0p <= alice@web1.example.net U=alice P=local S=427 T="x" for a@b.example`;
    const remote = `${time} +0000 1xV6sx-00007l-1X <= i@a.example H=(D) [198.51.100.23]:37109 P=esmtpa A=plain:info@a.example S=457 for a@b.example`;
    await bench.write(local, local, local, remote);
    assert.deepEqual(bench.minute(), { "mail-accepted alice": 3, "mail-accepted info@a.example": 1 });
    assert.equal(bench.host.store.all("SELECT * FROM log_hit WHERE rule = 'exim.mail-accepted'").length, 0);
  });

  test("counts requests by site, and none of a log that is read behind a downtime", async () => {
    const web: LogSource = { name: "apache-access", kind: "file", paths: ["/a"], format: "access", isForgeable: false };
    await using bench = await Bench.start({ sources: [web] });
    bench.minute();
    const stamp = (atUnixMs: number): string => {
      const [, day, month, year, time] = /, (\d+) (\w+) (\d+) (\S+)/.exec(new Date(atUnixMs).toUTCString()) ?? [];
      return `[${day}/${month}/${year}:${time} +0000]`;
    };
    const request = (status: number, atUnixMs = bench.nowUnixMs): string =>
      `a.example:80 192.0.2.7 - - ${stamp(atUnixMs)} "GET / HTTP/1.1" ${status} 5 "-" "-"`;
    await bench.write(request(200, bench.nowUnixMs - 3_600_000));
    await bench.write(request(200), request(404), request(500));
    assert.deepEqual(bench.minute(), {
      "requests a.example": 3,
      "client-errors a.example": 1,
      "server-errors a.example": 1,
    });
  });

  test("tells when it is behind, and when it has caught up", async () => {
    await using bench = await Bench.start();
    const state = { source: "auth", kind: "file" as const, files: 1, missing: [], unreadable: [] };
    bench.center.onState([{ ...state, behindBytes: 2 ** 30 }]);
    bench.center.tick();
    assert.deepEqual(bench.told(), ["new logs.behind medium"]);
    bench.center.onState([{ ...state, behindBytes: 0 }]);
    bench.center.tick();
    assert.deepEqual(bench.told(), ["new logs.behind medium", "closed logs.behind medium"]);
  });

  test("tells once when a source that spoke every hour has been silent for a day", async () => {
    await using bench = await Bench.start();
    for (let hour = 0; hour < 60; hour++) {
      bench.nowUnixMs += HOUR;
      await bench.write(bench.line("Failed password for root from 203.0.113.5 port 4711 ssh2"));
    }
    bench.nowUnixMs += 6 * HOUR;
    bench.center.tick();
    assert.deepEqual(bench.told("logs.silent"), []);
    bench.nowUnixMs += DAY;
    bench.center.tick();
    bench.center.tick();
    assert.deepEqual(bench.told("logs.silent"), ["new logs.silent medium"]);
  });

  test("bounds the alerts of thousands of attackers, and blocks all of them", async () => {
    await using bench = await Bench.start();
    const lines = Array.from({ length: 250 }, (_, index) =>
      ten("root").map(() =>
        bench.line(`Failed password for u${index} from 10.9.${index >> 6}.${index & 63} port 1 ssh2`),
      ),
    );
    await bench.write(...lines.flat());
    assert.equal(bench.asked.length, 250);
    const open = listAlerts(bench.host.alerts, { limit: 1000, kind: "auth.bruteforce" });
    assert.equal(open.length, 101);
    assert.match(open.find(({ observed }) => observed.includes("more networks"))?.observed ?? "", /^150 more networks/);
  });
});

describe("LogCenter, the journal", () => {
  const FILE: LogSource = { ...AUTH, isForgeable: true };
  const JOURNAL: LogSource = { name: "journal", kind: "journal", paths: [], format: "syslog", isForgeable: true };

  /** An entry as journalctl exports it. */
  function entry(atUnixMs: number, message: string, uid = 0): Buffer {
    const fields = {
      __CURSOR: "s=1;i=2",
      __REALTIME_TIMESTAMP: `${atUnixMs}000`,
      _UID: String(uid),
      _COMM: "sshd",
      _SYSTEMD_UNIT: "ssh.service",
      SYSLOG_IDENTIFIER: "sshd",
      MESSAGE: message,
    };
    return Buffer.from(
      `${Object.entries(fields)
        .map(([name, value]) => `${name}=${value}\n`)
        .join("")}\n`,
    );
  }

  async function start(): Promise<Bench> {
    const bench = await Bench.start({ sources: [FILE, JOURNAL] });
    bench.center.onJournalOpen({ file: 2, source: "journal", cursor: null });
    return bench;
  }

  test("blocks nobody for lines that a user of this host wrote, and tells of them", async () => {
    await using bench = await start();
    await bench.fail("192.0.2.1", ten("root"));
    bench.nowUnixMs += 20_000;
    bench.center.tick();
    assert.deepEqual(bench.asked, []);
    assert.equal(bench.told("logs.forged")[0], "new logs.forged high");
    assert.deepEqual(new Set(bench.told("logs.forged").slice(1)), new Set(["update logs.forged high"]));
  });

  test("blocks whom file and journal name, once, and keeps the cursor", async () => {
    await using bench = await start();
    let offset = 0;
    for (const user of ten("root")) {
      await bench.fail(ATTACKER, [user]);
      const bytes = entry(bench.nowUnixMs, `Failed password for ${user} from ${ATTACKER} port 4711 ssh2`);
      bench.center.onJournal(2, offset, bytes);
      offset += bytes.length;
    }
    await until(() => bench.asked.length > 0);
    bench.nowUnixMs += 20_000;
    bench.center.tick();
    assert.deepEqual(bench.told(), ["new auth.bruteforce low"]);
    assert.deepEqual(bench.center.positions().journals, [{ source: "journal", cursor: "s=1;i=2" }]);
  });

  test("blocks nobody for forged lines that were read before the journal was open, nor after a restart", async () => {
    await using bench = await Bench.start({ sources: [FILE, JOURNAL] });
    await bench.fail("192.0.2.1", ten("root").slice(0, 9));
    const { nowUnixMs } = bench;
    const second = await Bench.start({ sources: [FILE, JOURNAL], store: bench.host.store, nowUnixMs });
    await second.fail("192.0.2.1", ten("root").slice(0, 9));
    assert.deepEqual([bench.asked, second.asked], [[], []]);
    second.center[Symbol.dispose]();
  });

  test("does not call lines forged that are older than the reading of the journal", async () => {
    await using bench = await start();
    const old = bench.line(`Failed password for root from ${ATTACKER} port 4711 ssh2`, START - HOUR);
    await bench.write(...Array.from({ length: 20 }, () => old));
    bench.nowUnixMs += MINUTE;
    bench.center.tick();
    assert.deepEqual([bench.told(), bench.asked], [[], []]);
  });

  test("counts lines of the file by themselves on a host whose journal cannot be read", async () => {
    await using bench = await Bench.start({ sources: [FILE, JOURNAL] });
    const unreadable = [{ path: "journal", reason: "there is no journalctl" }];
    bench.center.onState([{ source: "journal", kind: "journal", files: 0, behindBytes: 0, missing: [], unreadable }]);
    await bench.fail(ATTACKER, ten("root"));
    assert.equal(bench.asked.length, 1);
  });

  test("counts lines of the file that came before it was known that there is no journal, also those of before a restart", async () => {
    const missing = ["the journal (journald does not run)"];
    const none = { source: "journal", kind: "journal" as const, files: 0, behindBytes: 0, missing, unreadable: [] };
    await using bench = await Bench.start({ sources: [FILE, JOURNAL] });
    await bench.fail(ATTACKER, ten("root").slice(0, 6));
    bench.nowUnixMs += 20_000;
    bench.center.tick();
    const { nowUnixMs } = bench;
    const second = await Bench.start({ sources: [FILE, JOURNAL], store: bench.host.store, nowUnixMs });
    await second.fail(ATTACKER, ten("root").slice(6));
    second.nowUnixMs += 20_000;
    second.center.tick();
    assert.deepEqual([bench.asked, second.asked], [[], []]);
    second.center.onState([none]);
    await until(() => second.asked.length > 0);
    assert.deepEqual(second.told(), ["new auth.bruteforce low"]);
    second.center[Symbol.dispose]();
  });

  test("counts lines of the file again when the journal cannot be read", async () => {
    await using bench = await start();
    bench.center.onJournal(2, 0, Buffer.from("=\n"));
    await bench.fail(ATTACKER, ten("root"));
    assert.equal(bench.asked.length, 1);
    assert.deepEqual(bench.logged, ["the journal is not read any more"]);
  });
});

describe("LogCenter, logins", () => {
  test("tells when root logs in for the first time, and when an account comes from another part of the internet", async () => {
    await using bench = await Bench.start();
    await bench.succeed(OFFICE, "bob");
    bench.nowUnixMs += DAY;
    await bench.succeed("198.51.101.200", "bob");
    assert.deepEqual(bench.told(), [], "a neighbour");
    await bench.succeed(ATTACKER, "bob");
    await bench.succeed(OFFICE, "root");
    assert.deepEqual(bench.told(), ["new login.new-network medium", "new login.root high"]);
    assert.match(
      bench.outcomes[0]?.alert.observed ?? "",
      /^bob logged in from 203\.0\.113\.5 by sshd, in 203\.0\.0\.0\/12, for the first time/,
    );
  });

  const networksOf = (bench: Bench, account: string): readonly unknown[] =>
    bench.host.ordinary
      .membersOf("logs", `network ${account}`)
      .filter(({ standing }) => standing === "ordinary")
      .map(({ facts: one }) => one["network"]);

  test("does not learn a login behind guesses, then or later, and tells where else its account is used", async () => {
    await using bench = await Bench.start();
    await bench.fail(
      ATTACKER,
      Array.from({ length: 6 }, () => "bob"),
    );
    await bench.succeed(ATTACKER, "bob");
    bench.nowUnixMs += 3 * DAY;
    await bench.succeed(ATTACKER, "bob");
    assert.deepEqual(bench.told(), ["new auth.break-in-suspected critical"]);
    assert.deepEqual(bench.host.ordinary.members("logs"), []);
    // With the password that he has now, from another provider.
    await bench.succeed("192.0.2.200", "bob");
    assert.deepEqual(bench.told("login.new-network"), ["new login.new-network medium"]);
    assert.deepEqual(networksOf(bench, "bob"), []);
    await bench.succeed(OFFICE, "alice");
    assert.deepEqual(networksOf(bench, "alice"), ["198.48.0.0/12"]);
  });

  test("does not learn a login behind guesses after a restart either", async () => {
    const bench = await Bench.start();
    await bench.fail(
      ATTACKER,
      Array.from({ length: 6 }, () => "bob"),
    );
    await bench.succeed(ATTACKER, "bob");
    bench.center[Symbol.dispose]();
    const { store } = bench.host;
    await using next = await Bench.start({ store, nowUnixMs: bench.nowUnixMs + DAY, offset: bench.offset });
    await next.succeed(ATTACKER, "bob");
    assert.deepEqual(next.host.ordinary.members("logs"), []);
  });

  test("learns a login behind guesses when its alert is accepted, and holds it to be known from then on", async () => {
    await using bench = await Bench.start();
    await bench.fail(
      ATTACKER,
      Array.from({ length: 6 }, () => "bob"),
    );
    await bench.succeed(ATTACKER, "bob");
    const { alert } = bench.outcomes.find((one) => one.alert.kind === "auth.break-in-suspected")!;
    const accepted = bench.host.accept(alert.id, bench.nowUnixMs);
    bench.host.store.transaction(() => accepted.map((one) => bench.center.onAccepted(one.alert)));
    assert.deepEqual(networksOf(bench, "bob"), ["203.0.0.0/12"]);
    await bench.succeed(ATTACKER, "bob");
    bench.nowUnixMs += DAY;
    await bench.succeed(ATTACKER, "bob");
    assert.deepEqual(bench.told(), ["new auth.break-in-suspected critical"]);
    await bench.succeed("192.0.2.200", "bob");
    assert.deepEqual(bench.told("login.new-network"), ["new login.new-network medium"]);
    assert.deepEqual(bench.host.alerts.get(alert.id)?.state, "accepted");
  });

  test("learns the login of who mistypes and then gets in", async () => {
    await using bench = await Bench.start();
    await bench.fail(OFFICE, ["bob", "bob"]);
    await bench.succeed(OFFICE, "bob");
    assert.deepEqual([bench.told(), networksOf(bench, "bob")], [[], ["198.48.0.0/12"]]);
  });

  test("tells of a login at an hour at which the account never came, once it is known", async () => {
    await using bench = await Bench.start();
    // START is a Tuesday; whole weeks keep the days of the week as they are.
    for (let week = 0; week < 40; week++) {
      await bench.succeed(OFFICE, "bob");
      bench.nowUnixMs = START + (week + 1) * 7 * DAY;
    }
    bench.nowUnixMs += HOUR;
    await bench.succeed(OFFICE, "bob");
    assert.deepEqual(bench.told("login.unusual-hour"), [], "an hour later is nothing");
    bench.nowUnixMs += 8 * HOUR;
    await bench.succeed(OFFICE, "bob");
    assert.deepEqual(bench.told("login.unusual-hour"), ["new login.unusual-hour medium"]);
  });

  test("writes one sighting an hour, however often a mailbox is read", async () => {
    await using bench = await Bench.start();
    for (let minute = 0; minute < 30; minute++) {
      await bench.succeed(OFFICE, "bob");
      bench.nowUnixMs += MINUTE / 2;
    }
    const member = bench.host.ordinary.members("logs").find(({ facts: one }) => one["about"] === "network");
    assert.equal(member?.count, 1);
  });
});
