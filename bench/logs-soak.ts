/**
 * Whether the mind's part of the log engine stays as large as it is: a day of a server under attack, its clock run fast, through
 * matchers, decisions, blocks, alerts and the store, on a file system in memory. Prints what memory it takes at each tenth of the day, behind a
 * collection, and what it has grown by from the second to the end.
 *
 * Before the day the tables of objects that are bounded are filled: 100,000 networks that were blocked, 8,000 suspects. Points of
 * addresses are in flat arrays of 62 bytes a key, up to 1,000,000: `arraysMiB` has them. `LINES` in the environment (2,000,000 when
 * not given) shortens the day, and the filling with it. The warden answers at once. What is remembered in two
 * generations goes up and down by some MiB as the older one is let go.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BlocksOptions } from "#src/blocks/options.ts";
import { openHost } from "#src/judge/test-host.mts";
import type { LogSource } from "#src/logs/contract.ts";
import { BlockEngine } from "#src/mind/block-engine.ts";
import { LogCenter } from "#src/mind/log-center.ts";
import { loadLogRules } from "#src/mind/log-rules.ts";
import { facts } from "#src/sensors/logs/facts.ts";
import { ActionStore } from "#src/store/action-store.ts";
import { BlockStore } from "#src/store/block-store.ts";
import { Store } from "#src/store/store.ts";

const LINES = Number(process.env["LINES"] ?? 2_000_000);
const FLAGS = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=1", "--max-old-space-size=192"];
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TICK_MS = 5000;
const START_UNIX_MS = Date.UTC(2026, 10, 3);
const CHUNK_LINES = 500;
const ATTACK_PART = 0.04;
const IPV6_PART = 0.04;
const REGULARS = 3000;
const FULL = LINES / 2_000_000;
const FILL_BLOCKED = 105_000 * FULL;
const FILL_SEEN = 10_000 * FULL;
const POINTS = 5;
const FILL_MS = 6 * HOUR_MS;
const HEAD = { bytes: 0, sha256: "0".repeat(64) };
const AUTH: LogSource = {
  name: "auth",
  kind: "file",
  paths: ["/var/log/auth.log"],
  format: "syslog",
  isForgeable: false,
};
const USERS = ["root", "admin", "test", "oracle", "ubuntu", "git", "postgres", "user", "ftp", "www", "guest", "mysql"];

/** Everything behind the link to the sentry, with a clock of its own. */
class Bench implements Disposable {
  readonly #host;
  readonly #engine: BlockEngine;
  readonly #center: LogCenter;
  readonly #blocks: BlockStore;
  nowUnixMs = START_UNIX_MS - FILL_MS;
  blocked = 0;
  #written = 0;
  #taken = 0;
  #wake: () => void = () => undefined;
  #offset = 0;
  #tickedUnixMs = 0;
  #forgotUnixMs = 0;

  private constructor(store: Store, rules: Awaited<ReturnType<typeof loadLogRules>>) {
    this.#host = openHost({ learnMs: 0, facts, sensor: "logs", store });
    this.#blocks = new BlockStore(store);
    const policy = {
      points: POINTS,
      withinMs: 600_000,
      firstMs: HOUR_MS,
      factor: 2,
      longestMs: DAY_MS,
      networkAt: 0,
    };
    const blocks: BlocksOptions = { mode: "enforce", allow: [], proxies: [], policy, lists: [] };
    this.#engine = new BlockEngine({
      actions: new ActionStore(store),
      blocks: this.#blocks,
      warden: () => ({
        block: async (requests) => {
          this.blocked += requests.length;
          return requests.map(({ action }) => ({ action, failure: null }));
        },
        unblock: async (actions) => actions.map((action) => ({ action, failure: null })),
      }),
      now: () => this.nowUnixMs,
      onFailed: () => undefined,
      onUnblocked: () => undefined,
    });
    const complain = (text: string, more?: object): void =>
      void process.stderr.write(`${text} ${JSON.stringify(more)}\n`);
    this.#center = new LogCenter({
      rules,
      blocks,
      store,
      judge: this.#host.judge,
      alerts: this.#host.alerts,
      engine: this.#engine,
      takeLevels: () => {},
      client: () => ({
        taken: (bytes) => {
          this.#taken += bytes;
          this.#wake();
        },
      }),
      log: { error: complain, warn: complain, info: () => undefined },
      now: () => this.nowUnixMs,
      tell: () => undefined,
      makeRoom: () => false,
      onFull: (reason) => reason !== null && complain(reason),
    });
    this.#center.positions();
    const place = { file: 1, source: AUTH.name, path: AUTH.paths[0] ?? "", device: "1", inode: "2" };
    this.#center.onOpen({ ...place, head: HEAD, offset: 0, position: null });
  }

  static async open(folder: string): Promise<Bench> {
    const { store } = Store.open(join(folder, "store.db"), { maxBytes: 1024 * 1024 * 1024 });
    return new Bench(store, await loadLogRules({ sources: [AUTH], disabledRules: [], ownRules: [], jails: [] }));
  }

  /** Comes back when they are stored. */
  async write(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(`${lines.join("\n")}\n`, "latin1");
    this.#center.onBytes(1, this.#offset, bytes);
    this.#offset += bytes.length;
    this.#written += bytes.length;
    while (this.#taken < this.#written) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    this.#tick();
  }

  /** What the mind does from time to time. */
  #tick(): void {
    const { store, outbox, alerts } = this.#host;
    if (this.nowUnixMs - this.#tickedUnixMs < TICK_MS) return;
    this.#tickedUnixMs = this.nowUnixMs;
    store.transaction(() => this.#engine.expire());
    this.#center.tick();
    const last = outbox.after(0, 1000).at(-1);
    if (last !== undefined) outbox.confirm(last.ref);
    if (this.nowUnixMs - this.#forgotUnixMs < HOUR_MS) return;
    this.#forgotUnixMs = this.nowUnixMs;
    this.#center.forgetOld(this.nowUnixMs);
    alerts.forgetTraits(this.nowUnixMs - HOUR_MS);
  }

  [Symbol.dispose](): void {
    this.#center[Symbol.dispose]();
    this.#host[Symbol.dispose]();
  }
}

/** Lines of sshd and cron. The same ones at each run. */
class Traffic {
  #state = 0x2545_f491;
  #pid = 1000;
  #stamp = "";
  #burst = { left: 0, address: "" };
  attacks = 0;

  at(unixMs: number): void {
    this.#stamp = `${new Date(unixMs).toISOString().slice(0, 19)}+00:00 web1 `;
  }

  fail(address: string): string {
    const user = USERS[this.#below(USERS.length)];
    return `${this.#stamp}sshd[${this.#next()}]: Failed password for ${user} from ${address} port ${1024 + this.#below(60_000)} ssh2`;
  }

  line(): string {
    if (this.#below(10_000) < ATTACK_PART * 10_000) {
      this.attacks++;
      return this.fail(this.#attacker());
    }
    const user = `cust${this.#below(200)}`;
    const address = `198.51.100.${this.#below(200)}`;
    switch (this.#below(200)) {
      case 0:
        return `${this.#stamp}sshd[${this.#next()}]: Accepted publickey for ${user} from ${address} port ${1024 + this.#below(60_000)} ssh2: ED25519 SHA256:abc`;
      case 1:
      case 2:
        return `${this.#stamp}CRON[${this.#next()}]: pam_unix(cron:session): session opened for user ${user}(uid=1001) by (uid=0)`;
      case 3:
      case 4:
        return `${this.#stamp}sshd[${this.#next()}]: Disconnected from user ${user} ${address} port 40022`;
      default:
        return `${this.#stamp}systemd-logind[612]: New session ${this.#next()} of user ${user}.`;
    }
  }

  /** Half of them come again and again; half was never there before. Three in five come many times in a row. */
  #attacker(): string {
    if (this.#burst.left-- > 0) return this.#burst.address;
    const number = this.#below(2) === 0 ? this.#below(REGULARS) : REGULARS + this.attacks;
    const address = number % (1 / IPV6_PART) === 0 ? `2001:db8:${(number & 0xffff).toString(16)}::1` : ipv4Of(number);
    this.#burst = { address, left: this.#below(5) < 3 ? 5 + this.#below(20) : 0 };
    return address;
  }

  #next(): number {
    this.#pid = 1000 + ((this.#pid + 1) % 2_000_000);
    return this.#pid;
  }

  #below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }
}

/** 11.0.0.0 and on for attackers of the day, 64.0.0.0 and on for those of before. */
function ipv4Of(number: number, first = 11): string {
  return `${first + (number >>> 24)}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

async function soak(): Promise<void> {
  const folder = mkdtempSync("/dev/shm/garrison-soak-");
  try {
    using bench = await Bench.open(folder);
    const traffic = new Traffic();
    await fill(bench, traffic);
    print("filled", bench);
    const figures = [];
    let done = 0;
    for (let tenth = 1; tenth <= 10; tenth++) {
      for (; done < (LINES * tenth) / 10; done += CHUNK_LINES) {
        bench.nowUnixMs = Math.round(START_UNIX_MS + (done / LINES) * DAY_MS);
        traffic.at(bench.nowUnixMs);
        await bench.write(Array.from({ length: CHUNK_LINES }, () => traffic.line()));
      }
      figures.push(print(`${tenth}0 %`, bench));
    }
    const [from, to] = [figures[1]!, figures[9]!];
    const grown = (name: "anonMiB" | "heapMiB" | "rssMiB"): number => round(to[name] - from[name]);
    const growth = { anonMiB: grown("anonMiB"), heapMiB: grown("heapMiB"), rssMiB: grown("rssMiB") };
    const { attacks } = traffic;
    console.log(JSON.stringify({ what: "growth from 20 % to the end of 24 h", lines: done, attacks, ...growth }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fill(bench: Bench, traffic: Traffic): Promise<void> {
  const total = FILL_BLOCKED * POINTS + FILL_SEEN;
  let lines: string[] = [];
  let done = 0;
  const add = async (address: string): Promise<void> => {
    lines.push(traffic.fail(address));
    if (++done % CHUNK_LINES !== 0) return;
    await bench.write(lines);
    lines = [];
    bench.nowUnixMs = Math.round(START_UNIX_MS - FILL_MS * (1 - done / total));
    traffic.at(bench.nowUnixMs);
  };
  traffic.at(bench.nowUnixMs);
  for (let number = 0; number < FILL_SEEN; number++) await add(ipv4Of(number, 64));
  for (let number = 0; number < FILL_BLOCKED; number++)
    for (let point = 0; point < POINTS; point++) await add(ipv4Of(FILL_SEEN + number, 64));
}

function print(at: string, { blocked }: Bench) {
  global.gc?.();
  global.gc?.();
  const status = readFileSync("/proc/self/status", "latin1");
  const kibOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const figures = {
    rssMiB: round(kibOf("VmRSS") / 1024),
    anonMiB: round(kibOf("RssAnon") / 1024),
    heapMiB: round(heapUsed / 1024 / 1024),
    arraysMiB: round(arrayBuffers / 1024 / 1024),
  };
  console.log(JSON.stringify({ at, ...figures, blocked, cpuSeconds: Math.round((user + system) / 1e6) }));
  return figures;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

if (process.argv[2] === "run") await soak();
else {
  const { status } = spawnSync(process.execPath, [...FLAGS, "--expose-gc", import.meta.filename, "run"], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}
