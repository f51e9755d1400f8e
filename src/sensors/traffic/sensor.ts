/**
 * Traffic of each interface and of each account, looked at each second and told each ten, or at once when it is far above what was
 * told before. See README.md in this folder for what it sees and cannot see.
 */
import { AsyncQueue, queueIsFull } from "#src/lib/async-queue.ts";
import { countedBetween, type InterfaceCounters, InterfaceCountersFile } from "#src/linux/interface-counters.ts";
import { readOutwardInterfaces } from "#src/linux/interface-kinds.ts";
import { MAIL_PORTS } from "#src/linux/nf-accounting.ts";
import { UserNames } from "#src/linux/user-names.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Fact, Level } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import { type AccountCounts, AccountCountsReader } from "#src/wire/account-counts.ts";
import { AccountDifferences, portsOf } from "./accounts.ts";
import type { TrafficOptions } from "./config.ts";
import { describeAccount, readAccountSockets, readHolders } from "./detail.ts";
import { type Measure, type Rate, TrafficMeter } from "./meter.ts";

const MAX_QUEUED = 1000;
const LOOK_MS = 1000;
/** While fewer packets a second go in and out, it looks each five seconds: that is rest. */
const QUIET_PACKETS = 100;
const QUIET_LOOK_MS = 5000;
// The warden looks on whole seconds: a moment later there is something new.
const BEHIND_WARDEN_MS = 100;
const SPAN_MS = 10_000;
const KINDS_MS = 60_000;
const MAX_INTERFACE_SERIES = 64;
const MAX_ACCOUNT_SERIES = 6000;
// It cannot have a space in its name.
const OTHERS = "other interfaces";
const ACCOUNT_MEASURES = ["packets-out", "bytes-out", "connections-out", "mail-connections-out"] as const;
const ACCOUNT = "account:";
/** How long the warden may be silent: with very many accounts it looks seldom. */
const SILENT_MS = 90_000;
/** How long the first sight waits for the warden's first telling. */
const FIRST_SIGHT_MS = 1500;
const DETAILED_ACCOUNTS = 4;
const SHOWN_ACCOUNTS = 5;
const DETAIL_MS = 2000;

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    using watcher = new TrafficWatcher(context);
    context.signal.addEventListener("abort", () => watcher.queue.end());
    watcher.start();
    yield* watcher.queue;
  },
};

class TrafficWatcher implements Disposable {
  readonly queue: AsyncQueue<Fact>;
  readonly #context: SensorContext;
  readonly #options: TrafficOptions;
  readonly #file = new InterfaceCountersFile();
  readonly #reader: AccountCountsReader | null;
  readonly #interfaces = new TrafficMeter(MAX_INTERFACE_SERIES * 4);
  readonly #accounts = new TrafficMeter(MAX_ACCOUNT_SERIES);
  readonly #differences = new AccountDifferences();
  readonly #users = new UserNames();
  readonly #mailers = new Set<number>();
  readonly #startedMs = performance.now();
  #before: ReadonlyMap<string, InterfaceCounters> = new Map();
  #lookedMs = 0;
  #spanBeganMs = 0;
  #outward: ReadonlySet<string> = new Set();
  #outwardReadMs = Number.NEGATIVE_INFINITY;
  #counts: AccountCounts | null = null;
  /** When the warden has told something new last. */
  #countedMs = Number.NEGATIVE_INFINITY;
  #accountSpanMs = 0;
  #restored = 0;
  /** What the last sight was made of. */
  #seen = "";
  #notKept = 0;
  #isQuiet = false;
  #detailedMs = Number.NEGATIVE_INFINITY;

  constructor(context: SensorContext) {
    this.#context = context;
    this.#options = context.options as unknown as TrafficOptions;
    const { countsFd } = this.#options;
    this.#reader = countsFd === undefined ? null : new AccountCountsReader(countsFd);
    this.queue = new AsyncQueue(MAX_QUEUED, () => context.fail(queueIsFull(MAX_QUEUED)));
  }

  start(): void {
    this.#before = this.#file.read();
    this.#lookedMs = performance.now();
    this.#spanBeganMs = this.#lookedMs;
    this.#readOutward(this.#lookedMs);
    this.#readCounts();
    this.#sight();
    this.#repeat();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #repeat(): void {
    const delayMs = this.#isQuiet ? QUIET_LOOK_MS : LOOK_MS;
    this.#context.after(delayMs - (Date.now() % LOOK_MS) + BEHIND_WARDEN_MS, () => {
      this.#look();
      this.#repeat();
    });
  }

  #look(): void {
    const nowMs = performance.now();
    const lookMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    const packets = this.#countInterfaces(nowMs);
    this.#isQuiet = packets < (QUIET_PACKETS * lookMs) / 1000;
    const accountsMs = this.#readCounts();
    // The warden's looks are not ours: each kind is told with the time that it is of.
    if (accountsMs !== null) this.#push(this.#accounts.endLook(accountsMs), accountsMs, "lastLook");
    this.#push(this.#interfaces.endLook(lookMs), lookMs, "lastLook");
    if (nowMs - this.#spanBeganMs >= SPAN_MS - LOOK_MS / 2) this.#endSpan(nowMs);
    this.#count();
    this.#sight();
  }

  #endSpan(nowMs: number): void {
    const spanMs = nowMs - this.#spanBeganMs;
    this.#spanBeganMs = nowMs;
    if (this.#accountSpanMs > 0) {
      this.#push(this.#accounts.endSpan(this.#accountSpanMs, nowMs), this.#accountSpanMs, "lastSpan");
    }
    this.#accountSpanMs = 0;
    this.#push(this.#interfaces.endSpan(spanMs, nowMs), spanMs, "lastSpan");
    this.#interfaces.keep((of) => of === OTHERS || this.#before.has(of));
  }

  /** @returns packets in and out since the last look */
  #countInterfaces(nowMs: number): number {
    const now = this.#file.read();
    let packets = 0;
    const isOther = [...now.keys()].some((name) => !this.#before.has(name));
    if (isOther || nowMs - this.#outwardReadMs > KINDS_MS) this.#readOutward(nowMs);
    for (const [name, counters] of now) {
      const before = this.#before.get(name);
      // A new one may be old in another namespace: what it counted before is not of this second.
      if (before === undefined) continue;
      const counted = countedBetween(before, counters);
      packets += counted.packetsIn + counted.packetsOut;
      const of = this.#outward.has(name) ? name : OTHERS;
      const isOwn = of === name;
      this.#interfaces.add("packets-in", of, counted.packetsIn, nowMs, isOwn);
      this.#interfaces.add("bytes-in", of, counted.bytesIn, nowMs, isOwn);
      this.#interfaces.add("packets-out", of, counted.packetsOut, nowMs, isOwn);
      this.#interfaces.add("bytes-out", of, counted.bytesOut, nowMs, isOwn);
    }
    this.#before = now;
    return packets;
  }

  #readOutward(nowMs: number): void {
    this.#outward = readOutwardInterfaces();
    this.#outwardReadMs = nowMs;
  }

  /** @returns of how long what the warden has told is; `null`: nothing new */
  #readCounts(): number | null {
    const counts = this.#reader?.read() ?? null;
    if (counts === null) return null;
    this.#counts = counts;
    const differences = this.#differences.take(counts);
    if (counts.failure === null) this.#tellMailers();
    if (differences === null) return null;
    const nowMs = performance.now();
    this.#countedMs = nowMs;
    this.#accountSpanMs += differences.spanMs;
    for (const { uid, packets, bytes, connections, mailConnections } of differences.accounts) {
      const of = `${ACCOUNT}${uid}`;
      const amounts = [packets, bytes, connections, mailConnections];
      for (const [index, measure] of ACCOUNT_MEASURES.entries()) {
        this.#accounts.add(measure, of, amounts[index] ?? 0, nowMs);
      }
    }
    return differences.spanMs;
  }

  /** An account that connects to mail servers is a member of a set: told once, and again at each start. */
  #tellMailers(): void {
    const fresh = this.#differences.mailers().filter((uid) => !this.#mailers.has(uid));
    if (fresh.length === 0) return;
    const sockets = readAccountSockets(fresh);
    for (const uid of fresh) {
      this.#mailers.add(uid);
      const some = (sockets.get(uid) ?? []).filter(({ port }) => (MAIL_PORTS as readonly number[]).includes(port));
      const holders = readHolders(uid, some);
      const user = this.#users.nameOf(uid);
      this.queue.push({
        sensor: "traffic",
        type: "present",
        key: JSON.stringify(["mail", uid]),
        group: "mail",
        subject: { type: "account", name: user ?? String(uid) },
        facts: describeAccount({ uid, user }, some, holders, this.#mailPorts(uid)),
        who: holders[0]?.actor ?? null,
        atUnixMs: Date.now(),
        scanned: some.length === 0,
      });
    }
  }

  #mailPorts(uid: number): ReturnType<typeof portsOf> {
    const ports = this.#counts === null ? [] : portsOf(this.#counts, uid);
    return ports.filter(({ protocol, port }) => protocol === "tcp" && (MAIL_PORTS as readonly number[]).includes(port));
  }

  #push(rates: readonly Rate[], spanMs: number, which: "lastLook" | "lastSpan"): void {
    if (rates.length === 0) return;
    const details = this.#details(rates);
    const values = rates.map(
      ({ measure, of, perSecond, isHigh }): Level => ({
        series: `${measure} ${of}`,
        value: perSecond,
        detail: isHigh && !of.startsWith(ACCOUNT) ? this.#topAccounts(measure, which) : (details.get(of) ?? null),
      }),
    );
    // Accounts that nothing was counted of for a while are not among all of them any more.
    const isOfAccounts = which === "lastSpan" && rates[0]?.of.startsWith(ACCOUNT) === true;
    const wholeOf = isOfAccounts ? ACCOUNT_MEASURES.map((measure) => `${measure} ${ACCOUNT}`) : [];
    this.queue.push({
      sensor: "traffic",
      type: "levels",
      atUnixMs: Date.now(),
      spanMs: Math.round(spanMs),
      wholeOf,
      values,
    });
  }

  /** Who it is, of the accounts that send most of those that send much. */
  #details(rates: readonly Rate[]): ReadonlyMap<string, JsonObject> {
    const high = new Set(rates.flatMap(({ of, isHigh }) => (isHigh && of.startsWith(ACCOUNT) ? [of] : [])));
    const nowMs = performance.now();
    if (high.size === 0 || nowMs - this.#detailedMs < DETAIL_MS) return new Map();
    this.#detailedMs = nowMs;
    const uids = [...high].slice(0, DETAILED_ACCOUNTS).map((of) => Number(of.slice(ACCOUNT.length)));
    try {
      const sockets = readAccountSockets(uids);
      return new Map(
        uids.map((uid) => {
          const own = sockets.get(uid) ?? [];
          const ports = this.#counts === null ? [] : portsOf(this.#counts, uid);
          const account = { uid, user: this.#users.nameOf(uid) };
          return [`${ACCOUNT}${uid}`, describeAccount(account, own, readHolders(uid, own), ports)];
        }),
      );
    } catch {
      // Without sock_diag the value is told all the same.
      this.#context.count("detailsFailed", 1);
      return new Map();
    }
  }

  /** The accounts behind what an interface sends. */
  #topAccounts(measure: Measure, which: "lastLook" | "lastSpan"): JsonObject {
    const accounts = this.#accounts.most(measure, which, SHOWN_ACCOUNTS).map(({ of, amount }) => {
      const uid = Number(of.slice(ACCOUNT.length));
      return { uid, user: this.#users.nameOf(uid), amount };
    });
    return { accounts };
  }

  #count(): void {
    const notKept = this.#accounts.notKept + this.#interfaces.notKept;
    if (notKept > this.#notKept) this.#context.count("notKept", notKept - this.#notKept);
    this.#notKept = notKept;
    const restored = this.#counts?.restored ?? 0;
    if (restored > this.#restored) this.#context.count("tableRestored", restored - this.#restored);
    this.#restored = restored;
  }

  #sight(): void {
    const why = this.#whyNoAccounts();
    const isYoung = performance.now() - this.#startedMs < FIRST_SIGHT_MS;
    if (why !== null && this.#reader !== null && this.#counts === null && isYoung) return;
    const isFull = this.#counts?.isFull === true;
    const own = this.#outward.size;
    const seen = `${own} ${isFull} ${why}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#context.sight({
      state: (why === null && !isFull) || !this.#options.accounts ? "watching" : "degraded",
      sees: [
        `packets and bytes of ${own === 1 ? "1 network interface" : `${own} network interfaces`}, each second by /proc/net/dev; all others together`,
        ...(why === null ? ["packets, bytes and TCP connections that each account sends, by nf_tables"] : []),
      ],
      blindTo: [
        ...(why === null ? [] : [`which account sends: ${why}`]),
        ...(isFull ? ["some accounts or ports: there are more than are counted"] : []),
        ...(why === null && !this.#options.udpPorts
          ? ["UDP by destination port: sensors.traffic.udpPorts is off"]
          : []),
        "what accounts send from other network namespaces, such as containers",
      ],
    });
  }

  #whyNoAccounts(): string | null {
    if (!this.#options.accounts) return "sensors.traffic.accounts is off";
    if (this.#reader === null || this.#counts === null) return "the warden has not told";
    if (this.#counts.failure !== null) return this.#counts.failure;
    const silentMs = performance.now() - this.#countedMs;
    return silentMs > SILENT_MS && this.#countedMs > 0
      ? `the warden has told nothing for more than ${SILENT_MS / 1000} s`
      : null;
  }
}
