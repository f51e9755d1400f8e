/**
 * The mind: takes facts from the sentry, judges them, keeps the store, tells people, answers commands, plans actions for the
 * warden. It holds no privileges.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Outcome } from "#src/judge/alerter.ts";
import type { SensorFacts } from "#src/judge/contract.ts";
import { Drills } from "#src/judge/drills.ts";
import { Judge } from "#src/judge/judge.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { toRawPath } from "#src/lib/raw-path.ts";
import { UserNames } from "#src/linux/user-names.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Notifier } from "#src/notify/notifier.ts";
import type { Child } from "#src/processes/child.ts";
import type { MindSettings } from "#src/processes/settings.ts";
import { ActionStore } from "#src/store/action-store.ts";
import { AlertStore } from "#src/store/alert-store.ts";
import { BlockStore } from "#src/store/block-store.ts";
import { idNumber } from "#src/store/id.ts";
import { LogHitStore } from "#src/store/log-hit-store.ts";
import { OrdinaryStore } from "#src/store/ordinary-store.ts";
import { Outbox, readValue, writeValue } from "#src/store/outbox.ts";
import { isStoreFull, Store, unlessFull } from "#src/store/store.ts";
import { ActionEngine } from "./action-engine.ts";
import { answerer } from "./answers.ts";
import { BLOCK, BlockEngine } from "./block-engine.ts";
import { BlockLists } from "./block-lists.ts";
import { Intake } from "./intake.ts";
import type { LevelCenter } from "./level-center.ts";
import { loadFacts } from "./load-facts.ts";
import type { LogCenter } from "./log-center.ts";
import { LogStreamClient } from "./log-stream-client.ts";
import { PackageOwners } from "./packages.ts";
import { SentryClient, type SentryStatus } from "./sentry-client.ts";
import { CommandServer } from "./server.ts";
import { describeStatus } from "./status.ts";
import { type FirewallStatus, WardenClient } from "./warden-client.ts";
import { Watchers } from "./watchers.ts";

const TICK_MS = 5000;
const RETENTION_EVERY_TICKS = 720;
const FULL_ENOUGH = 0.9;
const ROOM_AT_ONCE = 1000;
const OPEN_AT_ONCE = 100;
// Entries for a journal that cannot be written: beyond these the oldest go, before alerts that nobody has seen.
const KEPT_ENTRIES = 10_000;
const TRAITS_KEPT_MS = 3_600_000;
// The same loss within this time is one: a link that is refused again and again must not fill the journal.
const SAME_LOSS_MS = 60_000;
const MAX_LOSSES = 16;

/** Runs until the child is told to stop. */
export async function runMind(child: Child<MindSettings>): Promise<void> {
  const mind = new Mind(child, new Map(await loadFacts(child.settings.sensors)));
  child.onStop(() => mind.stop());
  await mind.start();
}

/** All that the mind is made of. */
export class Mind {
  readonly settings: MindSettings;
  readonly store: Store;
  readonly ordinary: OrdinaryStore;
  readonly alerts: AlertStore;
  readonly actions: ActionStore;
  readonly outbox: Outbox;
  readonly judge: Judge;
  readonly facts: ReadonlyMap<string, SensorFacts>;
  readonly drills = new Drills();
  readonly watchers = new Watchers();
  readonly users = new UserNames();
  readonly engine: ActionEngine;
  readonly blockStore: BlockStore;
  readonly hits: LogHitStore;
  readonly blocks: BlockEngine;
  readonly #child: Child<MindSettings>;
  readonly #intake: Intake;
  #sentry: SentryClient | null = null;
  #warden: WardenClient | null = null;
  #server: CommandServer | null = null;
  #notifier: Notifier | null = null;
  #logs: LogCenter | null = null;
  #levels: LevelCenter | null = null;
  #logStream: LogStreamClient | null = null;
  #firewall: FirewallStatus | null = null;
  #blockLists: BlockLists | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ticks = 0;
  #dropped = 0;
  /** Why facts, or logs, cannot be stored; there is room again when neither waits. */
  readonly #storeFailures = new Map<"facts" | "logs", string>();
  #journalFailure: string | null = null;
  #sentryStatus: SentryStatus | null = null;
  #isWatching = false;
  #toldNumber = 0;
  readonly #since = new Map<string, number>();
  readonly #losses = new Map<string, number>();

  constructor(child: Child<MindSettings>, facts: Mind["facts"]) {
    const { settings } = child;
    this.#child = child;
    this.settings = settings;
    this.facts = facts;
    const { store, damage } = Store.open(join(settings.stateFolder, "store.db"), settings.store);
    this.store = store;
    this.ordinary = new OrdinaryStore(store);
    this.alerts = new AlertStore(store, settings.host);
    this.actions = new ActionStore(store);
    this.outbox = new Outbox(store);
    this.blockStore = new BlockStore(store);
    this.hits = new LogHitStore(store);
    const packages = new PackageOwners();
    for (const sensor of facts.keys()) this.#since.set(sensor, this.#firstRun(sensor));
    this.judge = new Judge({
      ordinary: this.ordinary,
      alerts: this.alerts,
      outbox: this.outbox,
      drills: this.drills,
      knowledge: { packageOf: (path) => packages.ownerOf(path) },
      userName: (uid) => this.users.nameOf(uid),
      facts,
      learnMs: settings.learnMs,
      sensorSince: (sensor) => this.#since.get(sensor) ?? Date.now(),
      isCanary: (group) => group === toRawPath(settings.canaries.secret),
    });
    this.#intake = new Intake({
      store,
      judge: this.judge,
      takeLevels: (levels) => this.#levels?.take(levels),
      tell: (outcomes) => this.tell(outcomes),
      acknowledge: (boot, seq) => this.#sentry?.acknowledge(boot, seq),
      onFull: (reason) => this.#onStoreFull("facts", reason),
      makeRoom: () => this.#makeRoom(),
      onPassedOver: ({ sensor, type }, error) => this.#onPassedOver(sensor, type, error),
    });
    this.blocks = new BlockEngine({
      actions: this.actions,
      blocks: this.blockStore,
      warden: () => this.#warden!,
      now: () => Date.now(),
      onFailed: ({ id, failure }) => this.#child.log.warn("a block was not done", { action: id, failure }),
      onUnblocked: (network) => this.#logs?.pardon(network),
    });
    this.engine = new ActionEngine({
      unblock: async (id, by) => (await this.blocks.unblock(id, by))[0]!,
      store,
      actions: this.actions,
      outbox: this.outbox,
      warden: () => this.#warden!,
      now: () => Date.now(),
    });
    // No drill outlives the mind that was told of it.
    unlessFull(() => store.transaction(() => this.judge.closeDrill(null)));
    this.#journalStart(damage);
  }

  async start(): Promise<void> {
    const { settings } = this;
    this.#toldNumber = this.#lastTold();
    this.#save("notify.told", this.#toldNumber);
    await this.#startNotifier();
    this.#blockLists = await BlockLists.open({
      lists: settings.blocks.lists,
      store: this.store,
      warden: () => this.#warden!,
      log: this.#child.log,
    });
    this.#warden = new WardenClient(settings.wardenSocket, this.outbox, {
      onConnect: (lastAction) => {
        this.actions.startBehind(lastAction);
        void this.engine.resume();
        void this.blocks.resume();
        this.#blockLists?.onConnect();
      },
      onLost: (reason) => {
        this.#firewall = null;
        this.#onLost("warden", reason);
      },
      onJournalFailure: (failure) => this.#onJournalFailure(failure),
      onFirewall: (status) => {
        this.#firewall = status;
        this.#blockLists?.onFirewall(status);
      },
    });
    this.#sentry = new SentryClient(settings.sentrySocket, {
      onFacts: (boot, seq, items) => this.#intake.take({ boot, seq, items }),
      onStatus: (status) => this.#onSentryStatus(status),
      onDropped: (count) => {
        this.#dropped += count;
        this.#child.log.warn("facts were dropped", { count });
      },
      onLost: (reason) => {
        this.#sentryStatus = null;
        this.#onLost("sentry", reason);
      },
    });
    await this.#startLevels();
    await this.#startLogs();
    this.#server = new CommandServer(this.#child.listenFd, answerer(this));
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** Tells what happened to all who want to know; journal and store have it already. */
  tell(outcomes: readonly Outcome[]): void {
    for (const { type, alert } of outcomes) {
      this.watchers.tell({ event: "alert", value: { type, alert: alert as unknown as JsonObject } });
      this.#notifier?.tell({ type, alert, atUnixMs: Date.now() });
    }
    // The notifier saves what it was told at the end of this turn: only then is it told.
    queueMicrotask(() => this.#rememberTold(outcomes));
    this.#warden?.drain();
  }

  /** Runs a change of a command: stored, then told. @throws GarrisonError `GARRISON_STORE_FULL` */
  change(work: () => readonly Outcome[]): readonly Outcome[] {
    const outcomes = this.stored(work);
    this.tell(outcomes);
    return outcomes;
  }

  /** @throws GarrisonError `GARRISON_STORE_FULL` */
  stored<T>(work: () => T): T {
    try {
      return this.store.transaction(work);
    } catch (error) {
      if (!isStoreFull(error)) throw error;
      throw new GarrisonError("GARRISON_STORE_FULL", "Cannot keep a change: the store has no room", { cause: error });
    }
  }

  /**
   * What an alert tells of is ordinary from now on.
   * @throws GarrisonError those of {@link Judge.accept}, `GARRISON_STORE_FULL`
   */
  accept(id: string, by: string, forMs: number): readonly Outcome[] {
    const now = Date.now();
    const outcomes = this.change(() => {
      const accepted = this.judge.accept(id, by, forMs, now);
      return [...accepted, ...accepted.flatMap(({ alert }) => this.#logs?.onAccepted(alert) ?? [])];
    });
    for (const { alert } of outcomes) this.#levels?.accept(alert, forMs === 0 ? null : now + forMs);
    return outcomes;
  }

  /** The command of a drill has gone. */
  endDrill(name: string): void {
    this.drills.end(name);
    // Without room they stay open until the next start.
    unlessFull(() => this.tell(this.store.transaction(() => this.judge.closeDrill(name))));
  }

  get notifier(): Notifier | null {
    return this.#notifier;
  }

  /** The levels; `null`: no sensor tells any. */
  get levels(): LevelCenter | null {
    return this.#levels;
  }

  /** The logs; `null`: none are read. */
  get logs(): LogCenter | null {
    return this.#logs;
  }

  /** Why the warden would refuse a block; `null`: it would not. @throws GarrisonError those of {@link WardenClient.rehearse} */
  rehearseBlock(block: Parameters<WardenClient["rehearse"]>[0]): Promise<string | null> {
    return this.#warden!.rehearse(block);
  }

  /** How blocking stands; `null`: the warden has not said. */
  get firewall(): FirewallStatus | null {
    return this.#firewall;
  }

  /** Block lists; `null`: there are none. */
  get blockLists(): BlockLists | null {
    return this.#blockLists;
  }

  get isWatching(): boolean {
    return this.#isWatching;
  }

  /** What `garrison status` says. */
  status(): JsonObject {
    return describeStatus({
      settings: this.settings,
      isWatching: this.#isWatching,
      sentry: this.#sentryStatus,
      warden: this.#warden,
      firewall: this.#firewall,
      ordinary: this.ordinary,
      learningUntil: (sensor) => this.#learningUntil(sensor),
      blindTo: (sensor) => this.#levels?.blindTo(sensor) ?? [],
      store: { failure: this.#storeFailure, fill: this.store.fill, droppedFacts: this.#dropped },
      journal: { failure: this.#journalFailure, waiting: this.outbox.size },
      openAlerts: this.alerts.countOpen(),
      channels: this.#notifier?.status() ?? [],
    });
  }

  /** Asks the sentry for its figures of now, and waits for them at most `waitMs`. */
  async refreshStatus(waitMs = 500): Promise<void> {
    if (this.#sentry?.isConnected !== true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.watchers.add(({ event }) => event === "status" && resolve());
    const timer = setTimeout(resolve, waitMs);
    this.#sentry.askStatus();
    await promise;
    clearTimeout(timer);
    stop();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#server?.[Symbol.dispose]();
    this.#sentry?.[Symbol.dispose]();
    this.#intake[Symbol.dispose]();
    this.#logStream?.[Symbol.dispose]();
    this.#logs?.[Symbol.dispose]();
    this.#warden?.[Symbol.dispose]();
    // Behind the warden: what waits for an answer of it ends now.
    await this.#blockLists?.[Symbol.asyncDispose]();
    await this.#notifier?.[Symbol.asyncDispose]();
    this.#levels?.[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }

  async #startNotifier(): Promise<void> {
    const { notify, host } = this.settings;
    if (notify === null) return;
    const { Notifier } = await import("#src/notify/notifier.ts");
    this.#notifier = new Notifier({
      options: notify,
      host,
      state: readValue(this.store, "notify.state") as JsonObject | null,
      save: (state) => this.#save("notify.state", state),
      log: this.#child.log,
    });
    // What was stored and not told, because the mind was killed between the two.
    const untold = this.alerts.listAfter(this.#toldNumber, 1000).filter(({ state }) => state === "open");
    for (const alert of untold) this.#notifier.tell({ type: "new", alert, atUnixMs: Date.now() });
    this.#toldNumber = this.alerts.lastNumber;
    this.#save("notify.told", this.#toldNumber);
  }

  async #startLevels(): Promise<void> {
    if (!this.facts.values().some(({ levels }) => levels !== undefined)) return;
    const { LevelCenter } = await import("./level-center.ts");
    this.#levels = new LevelCenter({
      facts: this.facts,
      limits: this.settings.levels.limits,
      store: this.store,
      judge: this.judge,
      userName: (uid) => this.users.nameOf(uid),
      log: this.#child.log,
      now: () => Date.now(),
      tell: (outcomes) => this.tell(outcomes),
    });
  }

  async #startLogs(): Promise<void> {
    const { logs, blocks, logsSocket } = this.settings;
    if (logs === null) return;
    const [{ LogCenter }, { loadLogRules }] = await Promise.all([import("./log-center.ts"), import("./log-rules.ts")]);
    const rules = await loadLogRules(logs);
    this.#logs = new LogCenter({
      rules,
      blocks,
      store: this.store,
      judge: this.judge,
      alerts: this.alerts,
      engine: this.blocks,
      client: () => this.#logStream!,
      takeLevels: (levels) => this.#levels?.take(levels),
      log: this.#child.log,
      now: () => Date.now(),
      tell: (outcomes) => this.tell(outcomes),
      makeRoom: () => this.#makeRoom(),
      onFull: (reason) => this.#onStoreFull("logs", reason),
    });
    this.#logStream = new LogStreamClient(logsSocket, this.#logs);
  }

  /** Alerts of before there was anyone to tell are not news. */
  #lastTold(): number {
    const told = readValue(this.store, "notify.told");
    return typeof told === "number" ? told : this.alerts.lastNumber;
  }

  #rememberTold(outcomes: readonly Outcome[]): void {
    const fresh = outcomes.filter(({ type }) => type === "new").map(({ alert }) => idNumber("a", alert.id));
    if (fresh.length === 0) return;
    this.#toldNumber = Math.max(this.#toldNumber, ...fresh);
    this.#save("notify.told", this.#toldNumber);
  }

  #save(name: string, value: JsonObject | number): void {
    unlessFull(() => writeValue(this.store, name, value));
  }

  #onSentryStatus(status: SentryStatus): void {
    this.#sentryStatus = status;
    this.watchers.tell({ event: "status", value: this.status() });
    if (this.#isWatching || !status.isReady) return;
    this.#isWatching = true;
    this.watchers.tell({ event: "watching", value: { event: "watching" } });
  }

  #onLost(name: "sentry" | "warden", reason: string | null): void {
    this.#child.log.warn(`the ${name} is away`, { reason });
    const loss = `${name} ${reason}`;
    const now = performance.now();
    if (now - (this.#losses.get(loss) ?? Number.NEGATIVE_INFINITY) > SAME_LOSS_MS) {
      if (this.#losses.size > MAX_LOSSES) this.#losses.clear();
      this.#losses.set(loss, now);
      unlessFull(() => this.outbox.add(`${name}.lost`, "garrison", { reason }));
    }
    this.watchers.tell({ event: "status", value: this.status() });
  }

  #onPassedOver(sensor: string, type: string, error: unknown): void {
    const reason = errorText(error);
    this.#child.log.error("a fact could not be judged and was passed over", { sensor, type, reason });
    this.outbox.add("fact.failed", "garrison", { sensor, type, reason: cutText(reason, 500) });
  }

  #onJournalFailure(failure: string | null): void {
    if (failure !== null && this.#journalFailure === null)
      this.#child.log.error("the journal cannot be written", { failure });
    this.#journalFailure = failure;
  }

  get #storeFailure(): string | null {
    const reason = this.#storeFailures.values().next().value;
    return reason === undefined ? null : `full: alerts are told but not kept until there is room (${reason})`;
  }

  #onStoreFull(part: "facts" | "logs", reason: string | null): void {
    const wasFull = this.#storeFailures.size > 0;
    if (reason !== null) this.#storeFailures.set(part, reason);
    else if (!this.#storeFailures.delete(part)) return;
    const isFull = this.#storeFailures.size > 0;
    if (isFull && !wasFull) {
      this.#child.log.error("the store is full: alerts are told but not kept until there is room", { reason });
    }
    // Alerts that were told while nothing could be kept have been kept now.
    if (!isFull) this.#save("notify.told", this.#toldNumber);
    this.watchers.tell({ event: "status", value: this.status() });
  }

  async #tick(): Promise<void> {
    this.#ticks++;
    const now = Date.now();
    unlessFull(() => {
      if ((this.alerts.nextExpiryUnixMs() ?? Number.POSITIVE_INFINITY) <= now) {
        this.tell(this.store.transaction(() => this.judge.expireAcceptances(now)));
      }
      if (this.#ticks % RETENTION_EVERY_TICKS === 1) this.#forgetOld(now);
      if (this.store.fill > FULL_ENOUGH) this.#forgetOver();
    });
    await this.engine.expire();
    unlessFull(() => this.blocks.expire());
    this.#logs?.tick();
    this.#levels?.tick();
  }

  #forgetOld(now: number): void {
    const before = now - this.settings.store.keepAlertsMs;
    while (this.alerts.forgetOlder(before) > 0);
    while (this.ordinary.forgetLeft(before) > 0);
    while (this.actions.forgetOver(BLOCK, before) > 0);
    this.#logs?.forgetOld(now);
    this.alerts.forgetTraits(now - TRAITS_KEPT_MS);
  }

  /** What is over goes first, then journal entries that nobody takes, then what is open and least grave: it was told. */
  #makeRoom(): boolean {
    return this.#forgetOver() || this.#forgetOpen();
  }

  #forgetOver(): boolean {
    const now = Date.now();
    return (
      this.#forget("old alerts were forgotten to make room", () => this.alerts.forgetOlder(now, ROOM_AT_ONCE)) ||
      this.#forget("old hits of logs were forgotten to make room", () => this.hits.forgetOldest(ROOM_AT_ONCE)) ||
      this.#forget("what has left was forgotten to make room", () => this.ordinary.forgetLeft(now, ROOM_AT_ONCE))
    );
  }

  #forgetOpen(): boolean {
    return (
      this.#forget("journal entries were dropped to make room", () => this.outbox.shrink(KEPT_ENTRIES)) ||
      this.#forget("open alerts were forgotten to make room", () => this.alerts.forgetLeastGrave(OPEN_AT_ONCE))
    );
  }

  /** @returns whether something was forgotten */
  #forget(message: string, forget: () => number): boolean {
    let count = 0;
    unlessFull(() => {
      count = forget();
    });
    if (count > 0) this.#child.log.warn(message, { count });
    return count > 0;
  }

  #firstRun(sensor: string): number {
    const name = `sensor.since.${sensor}`;
    const known = readValue(this.store, name);
    if (typeof known === "number") return known;
    const now = Date.now();
    this.#save(name, now);
    return now;
  }

  #learningUntil(sensor: string): string {
    return new Date((this.#since.get(sensor) ?? Date.now()) + this.settings.learnMs).toISOString();
  }

  #journalStart(damage: string | null): void {
    const { version, sensors, configSource, effectiveConfig, isRoot } = this.settings;
    if (damage !== null) this.#child.log.error("the store was damaged; learning begins anew", { damage });
    const digest = createHash("sha256").update(effectiveConfig).digest("hex");
    unlessFull(() =>
      this.store.transaction(() => {
        this.outbox.add("start", "garrison", { version, sensors: [...sensors], root: isRoot });
        if (damage !== null) this.outbox.add("store.damaged", "garrison", { damage });
        const last = readValue(this.store, "config.digest");
        if (last === digest) return;
        writeValue(this.store, "config.digest", digest);
        this.outbox.add("config", "garrison", { source: configSource, sha256: digest, before: last });
      }),
    );
  }
}
