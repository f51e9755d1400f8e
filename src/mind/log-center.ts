/**
 * Logs in the mind: bytes to lines, lines to hits, hits to decisions, decisions to blocks and alerts. What came of the lines is stored
 * in the transaction that stores how far they were read; only then the sentry is told. Blocks go to the warden before that
 * commit: see block-engine.ts.
 */

import type { BlocksOptions } from "#src/blocks/options.ts";
import type { Outcome } from "#src/judge/alerter.ts";
import type { Judge } from "#src/judge/judge.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { errorText } from "#src/lib/errors.ts";
import type { PlacedHit } from "#src/logs/contract.ts";
import { countedNetwork, parseAddress } from "#src/logs/decide/address.ts";
import { Decider } from "#src/logs/decide/decider.ts";
import type { Decision } from "#src/logs/decide/decision.ts";
import { RecentMap } from "#src/logs/decide/recent-map.ts";
import { nameOf } from "#src/logs/decide/suspects.ts";
import { LogLevels } from "#src/logs/levels/log-levels.ts";
import { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { LogFollow, SourceState, StoredUpTo } from "#src/model/log-stream.ts";
import type { Levels } from "#src/model/observation.ts";
import type { Log } from "#src/processes/log.ts";
import type { AlertStore } from "#src/store/alert-store.ts";
import { BlockStore } from "#src/store/block-store.ts";
import { LogHitStore, type TimedHit } from "#src/store/log-hit-store.ts";
import { LogPositionStore, type StoredPosition } from "#src/store/log-position-store.ts";
import { readValue, writeValue } from "#src/store/outbox.ts";
import { isStoreFull, type Store } from "#src/store/store.ts";
import type { BlockEngine } from "./block-engine.ts";
import { BREAK_IN, breakInOf, eventOfDecision, eventOfTrouble, RoutineAlerts, wantedBlock } from "./log-events.ts";
import { LogFile, storeFiles } from "./log-files.ts";
import { LogJournal } from "./log-journal.ts";
import { LogLogins, observeLogin } from "./log-logins.ts";
import { beat, type Rhythm, silence } from "./log-rhythm.ts";
import type { LoadedRules, SourceRules } from "./log-rules.ts";
import type { LogStreamClient, LogStreamClientHandlers } from "./log-stream-client.ts";
import { LogWork } from "./log-work.ts";

// A piece of this size, all of it hits, is some milliseconds of work.
const PIECE_BYTES = 4 * 1024;
// Where nothing was found, positions are stored so often: each is a write to the disk.
const QUIET_STORE_MS = 1000;
const RETRY_MS = 2000;
// Of one network within the window of the policy so many lines are kept; the rest is counted.
const LINES_KEPT = 20;
const MAX_BUDGETS = 20_000;
const MAX_WAITING = 5000;
const RESTORED_BREAK_INS = 1000;
const RESTORED_HITS = 20_000;
const MONTH_MS = 30 * 86_400_000;
const MINUTE_MS = 60_000;
const BEHIND_BYTES = 256 * 1024 * 1024;
const CAUGHT_UP_BYTES = 1024 * 1024;
const JOURNAL_LAG_MS = 2000;

/** What the center works with. */
export interface LogCenterParts {
  readonly rules: LoadedRules;
  readonly blocks: BlocksOptions;
  readonly store: Store;
  readonly judge: Pick<Judge, "take" | "raise" | "settle" | "teach">;
  readonly alerts: Pick<AlertStore, "get" | "listIds">;
  readonly engine: Pick<BlockEngine, "plan">;
  readonly client: () => Pick<LogStreamClient, "taken">;
  readonly log: Log;
  readonly now: () => number;
  takeLevels(levels: Levels): void;
  tell(outcomes: readonly Outcome[]): void;
  /** Makes room in a store that has reached its bound. @returns whether there is some */
  makeRoom(): boolean;
  /** The store is full (why), or is no longer (`null`). */
  onFull(reason: string | null): void;
}

interface Counted {
  readonly rule: string;
  readonly source: string;
  hits: number;
  atUnixMs: number;
}

/** What is to be stored with the next commit. */
interface Waiting {
  readonly hits: TimedHit[];
  readonly logins: TimedHit[];
  readonly decisions: Decision[];
  readonly troubles: JsonObject[];
  readonly counts: Map<string, Counted>;
  readonly gone: number[];
  known: readonly string[] | null;
  bytes: number;
}

/** The logs of one host. The owner disposes it. */
export class LogCenter implements Disposable, LogStreamClientHandlers {
  readonly #parts: LogCenterParts;
  readonly #positions: LogPositionStore;
  readonly #hits: LogHitStore;
  readonly #blocks: BlockStore;
  readonly #decider: Decider;
  readonly #logins = new LogLogins();
  readonly #routine = new RoutineAlerts();
  readonly #levels: LogLevels;
  readonly #budgets = new RecentMap<string, { readonly window: number; kept: number }>(MAX_BUDGETS);
  readonly #work = new LogWork(() => this.#onSliceEnd());
  readonly #matchers = new Map<string, SourceMatcher>();
  readonly #disabled = new Map<string, { readonly rule: string; readonly source: string; readonly reason: string }>();
  #sent: readonly StoredPosition[] = [];
  #files = new Map<number, LogFile>();
  #states: readonly SourceState[] = [];
  #rhythms: Record<string, Rhythm>;
  readonly #behind = new Set<string>();
  /** By the name of the source: those that are read now. */
  readonly #journals = new Map<string, LogJournal>();
  /** Journals that cannot be read: without them lines of files count by themselves. */
  readonly #unreadable = new Set<string>();
  #journalSinceMs = 0;
  #waiting = nothing();
  #gaps = 0;
  #dropped = 0;
  #lastStoredMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: LogCenterParts) {
    const { rules, blocks, store } = parts;
    this.#parts = parts;
    this.#positions = new LogPositionStore(store);
    this.#hits = new LogHitStore(store);
    this.#blocks = new BlockStore(store);
    this.#decider = new Decider(blocks.policy, {
      allow: blocks.allow,
      proxies: blocks.proxies,
      rulePolicies: rules.policies,
      isJournaled: (service) => this.#isJournaled(service),
    });
    this.#levels = new LogLevels(parts.now());
    this.#rhythms = (readValue(store, "logs.rhythms") ?? {}) as unknown as Record<string, Rhythm>;
    for (const { rule, reason } of rules.refused) this.#onDisabled(rule, "", reason);
    this.#restore();
  }

  /** For `garrison logs`: sources, then rules. */
  describe(): readonly JsonObject[] {
    const { rules } = this.#parts;
    const counts = new Map(this.#hits.counts().map((one) => [`${one.source} ${one.rule}`, one]));
    const sources = [...rules.sources.values()].map(({ source }) => this.#describeSource(source.name, source.kind));
    const found = [...this.#matchers].flatMap(([key, matcher]) =>
      matcher.stats().rules.map((stats) => ({ ...stats, source: sourceOfKey(key) })),
    );
    const described = found.map(({ name, source, searches, cpuMicros, isDisabled }) => {
      const counted = counts.get(`${source} ${name}`);
      return {
        item: "rule",
        rule: name,
        source,
        hits: counted?.hits ?? 0,
        lastAt: counted === undefined ? null : new Date(counted.lastAtUnixMs).toISOString(),
        searches,
        cpuMs: Math.round(cpuMicros / 1000),
        disabled: isDisabled ? (this.#disabled.get(`${source} ${name}`)?.reason ?? "") : null,
      };
    });
    const refused = this.#parts.rules.refused.map(({ rule, reason }) => ({
      ...{ item: "rule", rule, source: "", hits: 0, lastAt: null, searches: 0, cpuMs: 0 },
      disabled: reason,
    }));
    return [...sources, ...described, ...refused];
  }

  /** Called each some seconds: silence, the journal that has nothing to say, positions. */
  tick(): void {
    const now = this.#parts.now();
    for (const [source, rhythm] of Object.entries(this.#rhythms)) {
      const long = rhythm.isSilent ? null : silence(rhythm, now);
      if (long === null) continue;
      this.#rhythms[source] = { ...rhythm, isSilent: true };
      this.#waiting.troubles.push({ trouble: "silent", source, ...long });
    }
    if (this.#journals.size > 0) this.#waiting.decisions.push(...this.#forgedLines(now));
    const levels = this.#levels.take(now);
    if (levels !== null) this.#parts.takeLevels(levels);
    this.#keep();
  }

  /** A network was let go by hand. */
  pardon(network: string): void {
    this.#decider.pardon(network, this.#parts.now());
  }

  /** A login behind failures was accepted: it is ordinary from now on. The caller runs it in the transaction of the acceptance. */
  onAccepted(alert: Alert): readonly Outcome[] {
    const breakIn = breakInOf(alert);
    if (breakIn === null) return [];
    const { account, network, rule } = breakIn;
    this.#decider.acceptBreakIn(account, network, rule, this.#parts.now());
    return observeLogin(breakIn).flatMap((one) => this.#parts.judge.teach(one));
  }

  /** Old hits and blocks. */
  forgetOld(nowUnixMs: number): void {
    while (this.#hits.forgetOld(nowUnixMs) > 0);
    this.#blocks.forgetOld(nowUnixMs);
  }

  positions(): LogFollow {
    // Numbers of an earlier connection mean nothing on this one.
    this.#files = new Map();
    this.#journals.clear();
    this.#keep();
    this.#sent = this.#positions.list();
    return {
      positions: this.#sent.map(({ id: _, source: __, ...position }) => position),
      known: this.#positions.known,
      journals: this.#positions.journals(),
    };
  }

  onOpen(opened: Parameters<LogStreamClientHandlers["onOpen"]>[0]): void {
    this.#work.push(() => {
      const id = opened.position === null ? null : (this.#sent[opened.position]?.id ?? null);
      const rules = this.#parts.rules.sources.get(opened.source);
      if (rules === undefined) return;
      this.#files.set(
        opened.file,
        new LogFile(opened, id, this.#matcherOf(rules, opened.path), this.#counterOf(rules, opened.path)),
      );
    });
  }

  onHead(file: number, head: LogFile["position"]["head"]): void {
    this.#work.push(() => this.#files.get(file)?.change({ head }));
  }

  onAway(file: number): void {
    this.#work.push(() => this.#files.get(file)?.change({ isAway: true }));
  }

  onBytes(file: number, _offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = Buffer.from(bytes.subarray(at, at + PIECE_BYTES));
      this.#work.push(() => {
        this.#waiting.bytes += piece.length;
        this.#take(file, (log) => log.push(piece));
      });
    }
  }

  onGap(file: number, bytes: number | null, reason: string): void {
    this.#gaps++;
    this.#parts.log.warn("bytes of a log are lost", {
      path: this.#files.get(file)?.position.path ?? null,
      bytes,
      reason,
    });
  }

  onClose(file: number): void {
    this.#work.push(() => this.#take(file, (log) => log.end()));
  }

  onGone(file: number): void {
    this.#work.push(() => {
      const id = this.#files.get(file)?.id ?? null;
      this.#files.delete(file);
      if (id !== null) this.#waiting.gone.push(id);
    });
  }

  onSettled(known: readonly string[]): void {
    this.#work.push(() => {
      this.#waiting.known = known;
    });
  }

  onJournalOpen(opened: Parameters<LogStreamClientHandlers["onJournalOpen"]>[0]): void {
    this.#work.push(() => {
      const rules = this.#parts.rules.sources.get(opened.source);
      if (rules === undefined) return;
      this.#unreadable.delete(opened.source);
      if (opened.cursor === null) this.#journalSinceMs = this.#parts.now();
      this.#journals.set(opened.source, new LogJournal(opened, this.#matcherOf(rules, "")));
    });
  }

  onJournal(file: number, _offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = Buffer.from(bytes.subarray(at, at + PIECE_BYTES));
      this.#work.push(() => {
        this.#waiting.bytes += piece.length;
        this.#takeJournal(file, piece);
      });
    }
  }

  onState(sources: readonly SourceState[]): void {
    this.#states = sources;
    for (const { source, kind, behindBytes, missing, unreadable } of sources) {
      if (kind === "journal" && missing.length + unreadable.length > 0)
        this.#work.push(() => this.#loseJournal(source));
      if (behindBytes > BEHIND_BYTES && !this.#behind.has(source)) {
        this.#behind.add(source);
        this.#waiting.troubles.push({ trouble: "behind", source, behindBytes });
      } else if (behindBytes < CAUGHT_UP_BYTES && this.#behind.delete(source)) {
        this.#waiting.troubles.push({ trouble: "caught-up", source });
      }
    }
  }

  onLost(reason: string | null): void {
    if (reason !== null) this.#parts.log.warn("the link for logs is away", { reason });
    this.#work.clear();
    this.#waiting.bytes = 0;
    this.#states = [];
    this.#keep();
    this.#journals.clear();
  }

  [Symbol.dispose](): void {
    this.#work[Symbol.dispose]();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#keep();
  }

  #take(file: number, read: (log: LogFile) => readonly PlacedHit[]): void {
    const log = this.#files.get(file);
    if (log === undefined) return;
    try {
      for (const hit of read(log)) this.#takeHit(hit);
    } catch (error) {
      this.#parts.log.error("lines of a log were passed over", { path: log.position.path, reason: errorText(error) });
    }
  }

  #takeJournal(file: number, piece: Buffer): void {
    const journal = [...this.#journals.values()].find(({ number }) => number === file);
    if (journal === undefined) return;
    try {
      for (const hit of journal.push(piece)) this.#takeHit(hit);
    } catch (error) {
      // Lines of files count again by themselves until the journal is opened anew.
      this.#journals.delete(journal.source);
      this.#loseJournal(journal.source);
      this.#parts.log.error("the journal is not read any more", { source: journal.source, reason: errorText(error) });
    }
  }

  #loseJournal(source: string): void {
    this.#unreadable.add(source);
    this.#waiting.decisions.push(...this.#decider.journalLost());
    this.#bound();
  }

  #takeHit(hit: PlacedHit): void {
    const now = this.#parts.now();
    // A clock of another zone, or of a liar, has no say in what is to come.
    const atUnixMs = Math.min(hit.atUnixMs ?? now, now);
    const key = hit.address === null ? undefined : parseAddress(hit.address);
    const network = key === undefined ? "" : countedNetwork(key);
    const isTrusted = !(hit.isForgeable && this.#isJournaled(hit.service));
    const timed = { hit, atUnixMs, network };
    this.#rhythms[hit.source] = beat(this.#rhythms[hit.source], now);
    this.#count(hit, atUnixMs);
    const isHearsay = this.#isHearsay(hit);
    if (isTrusted && !isHearsay) this.#levels.addHit(hit, atUnixMs, now);
    if (hit.outcome === "count") return;
    if (!isHearsay) this.#waiting.decisions.push(...this.#decider.take(hit, atUnixMs));
    if (this.#isKept(timed)) this.#waiting.hits.push(timed);
    if (hit.outcome === "success" && isTrusted && !isHearsay) this.#waiting.logins.push(timed);
    this.#bound();
  }

  #count({ rule, source }: PlacedHit, atUnixMs: number): void {
    const key = `${source} ${rule}`;
    const counted = this.#waiting.counts.get(key);
    if (counted === undefined) this.#waiting.counts.set(key, { rule, source, hits: 1, atUnixMs });
    else {
      counted.hits++;
      counted.atUnixMs = Math.max(counted.atUnixMs, atUnixMs);
    }
  }

  /** The first 20 lines of a network within a window; logins share the allowance of one a window and account. */
  #isKept({ hit, network, atUnixMs }: TimedHit): boolean {
    const window = Math.floor(atUnixMs / this.#parts.blocks.policy.withinMs);
    const key = hit.outcome === "success" ? `${network} ${hit.user?.slice(0, 64)}` : network;
    const known = this.#budgets.get(key);
    const budget = known?.window === window ? known : { window, kept: 0 };
    if (budget !== known) this.#budgets.set(key, budget);
    return budget.kept++ < (hit.outcome === "success" ? 1 : LINES_KEPT);
  }

  /** While nothing can be stored, the oldest go. */
  #bound(): void {
    for (const list of [this.#waiting.hits, this.#waiting.logins, this.#waiting.decisions]) {
      if (list.length <= MAX_WAITING) continue;
      this.#dropped += list.length - MAX_WAITING;
      list.splice(0, list.length - MAX_WAITING);
    }
  }

  #onSliceEnd(): void {
    const { hits, decisions, logins } = this.#waiting;
    const isWorthIt = hits.length + decisions.length + logins.length > 0;
    const isDue = this.#parts.now() - this.#lastStoredMs >= QUIET_STORE_MS;
    if (isWorthIt || isDue) this.#keep();
    else {
      this.#giveBack([]);
      this.#later(QUIET_STORE_MS);
    }
  }

  /** Stores all that waits, tells it, and tells the sentry. */
  #keep(): void {
    const { makeRoom, onFull, tell } = this.#parts;
    const waiting = this.#waiting;
    const dirty = [...this.#files.values()].filter(({ isDirty }) => isDirty);
    const journals = [...this.#journals.values()].filter(({ isDirty }) => isDirty);
    if (isNothing(waiting) && dirty.length + journals.length === 0) return this.#giveBack([]);
    const attempt = (): { outcomes: readonly Outcome[]; stored: () => readonly StoredUpTo[] } =>
      this.#parts.store.transaction(() => ({
        outcomes: this.#storeWaiting(waiting),
        stored: storeFiles(dirty, journals, this.#positions),
      }));
    const done = unlessFull(attempt) ?? (makeRoom() ? unlessFull(attempt) : undefined);
    if (done === undefined) {
      onFull("logs are read on when there is room");
      return this.#later(RETRY_MS);
    }
    onFull(null);
    this.#lastStoredMs = this.#parts.now();
    this.#waiting = { ...nothing(), bytes: waiting.bytes };
    this.#giveBack(done.stored());
    tell(done.outcomes);
  }

  #storeWaiting({ hits, logins, decisions, troubles, counts, gone, known }: Waiting): readonly Outcome[] {
    const { judge, store } = this.#parts;
    // Blocks first: they are on their way before anything else is written.
    const events = this.#plan(decisions);
    for (const hit of hits) this.#hits.insert(hit);
    for (const { rule, source, hits: count, atUnixMs } of counts.values())
      this.#hits.count(rule, source, count, atUnixMs);
    for (const standing of this.#decider.takeStandings()) this.#hits.putStanding(standing);
    for (const id of gone) this.#positions.delete(id);
    if (known !== null) this.#positions.putKnown(known);
    if (counts.size > 0 || troubles.length > 0)
      writeValue(store, "logs.rhythms", this.#rhythms as unknown as JsonObject);
    return [
      ...events.flatMap((event) => judge.raise(event)),
      ...logins.flatMap((login) => this.#takeLogin(login)),
      ...troubles.flatMap((trouble) => this.#tellTrouble(trouble)),
    ];
  }

  /** What is suspected to be a break-in is told as that. Of its account nothing new is learnt: whoever is in may come from anywhere. */
  #takeLogin({ hit, network, atUnixMs }: TimedHit): readonly Outcome[] {
    const suspicion = this.#decider.suspicionOf(nameOf(hit.user ?? ""), network);
    if (suspicion === "login") return [];
    const observed = this.#logins.observe(hit, atUnixMs);
    if (suspicion === null) return observed.flatMap((one) => this.#parts.judge.take(one));
    const telling = observed.filter(({ facts }) => facts?.["about"] !== "hour");
    return telling.flatMap((one) => this.#parts.judge.take(one, { isSuspect: true }));
  }

  #plan(decisions: readonly Decision[]): ReturnType<typeof eventOfDecision>[] {
    const { blocks, engine, now } = this.#parts;
    const nowUnixMs = now();
    const isOver = (one: Decision): boolean => one.atUnixMs + one.forMs <= nowUnixMs;
    const blocking = decisions.filter((one) => one.type === "block" && !isOver(one));
    const wanted = blocking.map(wantedBlock);
    const actions = blocks.mode === "enforce" ? engine.plan(wanted) : [];
    if (blocks.mode === "observe") for (const one of wanted) this.#blocks.insert(wouldBlock(one, nowUnixMs));
    return decisions.map((decision) => {
      const action = actions[blocking.indexOf(decision)] ?? null;
      const isLate = decision.type === "block" && isOver(decision);
      return eventOfDecision(decision, action, isLate, this.#routine);
    });
  }

  #tellTrouble(trouble: JsonObject): readonly Outcome[] {
    const { judge, now } = this.#parts;
    if (trouble["trouble"] === "caught-up") return judge.settle("logs", `behind ${trouble["source"]}`);
    return judge.raise(eventOfTrouble(trouble, now()));
  }

  #giveBack(stored: readonly StoredUpTo[]): void {
    const { bytes } = this.#waiting;
    if (bytes === 0 && stored.length === 0) return;
    this.#waiting.bytes = 0;
    this.#parts.client().taken(bytes, stored);
  }

  #later(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#keep();
    }, delayMs);
  }

  /** One for a source; one for each log of the web application firewall, whose entries have several lines. */
  #matcherOf(rules: SourceRules, path: string): SourceMatcher {
    const { source } = rules;
    const key = source.format === "modsecurity" ? `${source.name} ${path}` : source.name;
    const known = this.#matchers.get(key);
    if (known !== undefined) return known;
    const matcher = new SourceMatcher(source, rules.make(), {
      onDisabled: (rule, reason) => this.#onDisabled(rule, source.name, reason),
      nowUnixMs: this.#parts.now,
    });
    this.#matchers.set(key, matcher);
    return matcher;
  }

  #onDisabled(rule: string, source: string, reason: string): void {
    this.#disabled.set(`${source} ${rule}`, { rule, source, reason });
    this.#parts.log.error("a rule for logs is not looked at any more", { rule, source, reason: cutText(reason, 500) });
    this.#waiting.troubles.push({ trouble: "rule-disabled", rule, source, reason: cutText(reason, 1000) });
  }

  /**
   * Whether others than those who may write to syslog could have written the line: a client into nginx's error log, a customer's program
   * into Apache's. It is counted and kept, and nobody is blocked, or trusted, for it.
   */
  /** What counts the lines of a log: of access logs all of them, whether or not a rule finds something. */
  #counterOf({ source }: SourceRules, path: string): (lines: Uint8Array) => void {
    if (source.format !== "access") return () => {};
    return (lines) => this.#levels.addRequests(lines, path, this.#parts.now());
  }

  #isHearsay({ isForgeable, source }: PlacedHit): boolean {
    return isForgeable && this.#parts.rules.sources.get(source)?.source.format !== "syslog";
  }

  /**
   * Whether a journal that has this service's lines is to be asked: configured, and not known to be unreadable. Not: open already, since
   * lines of files may come first, and those of a user of this host would count.
   */
  #isJournaled(service: string): boolean {
    for (const [name, { source, services }] of this.#parts.rules.sources) {
      if (source.kind === "journal" && services.has(service) && !this.#unreadable.has(name)) return true;
    }
    return false;
  }

  /** Lines of before the journal was first read are not confirmed, and not said to be forged. */
  #forgedLines(nowUnixMs: number): readonly Decision[] {
    const forged = this.#decider.journalReached(this.#journalReadTo(nowUnixMs));
    return forged.filter(({ atUnixMs }) => atUnixMs >= this.#journalSinceMs);
  }

  /** Up to when the journal has been read: to now when nothing of it waits. */
  #journalReadTo(nowUnixMs: number): number {
    // Nothing is known of it yet.
    if (this.#journals.size === 0) return Number.NEGATIVE_INFINITY;
    const isUpToDate = this.#work.isIdle && this.#behindBytesOf("journal") === 0;
    if (isUpToDate) return nowUnixMs - JOURNAL_LAG_MS;
    return Math.min(...[...this.#journals.values()].map(({ lastAtUnixMs }) => lastAtUnixMs));
  }

  #behindBytesOf(kind: SourceState["kind"]): number {
    return this.#states.filter((state) => state.kind === kind).reduce((sum, { behindBytes }) => sum + behindBytes, 0);
  }

  #describeSource(name: string, kind: string): JsonObject {
    const state = this.#states.find(({ source }) => source === name);
    const stats = [...this.#matchers]
      .filter(([key]) => sourceOfKey(key) === name)
      .map(([, matcher]) => matcher.stats());
    const sum = (of: (one: (typeof stats)[number]) => number): number =>
      stats.reduce((total, one) => total + of(one), 0);
    const lastAtUnixMs = this.#rhythms[name]?.lastAtUnixMs;
    return {
      item: "source",
      source: name,
      kind,
      files: state?.files ?? 0,
      behindBytes: state?.behindBytes ?? null,
      missing: state === undefined ? [] : [...state.missing],
      unreadable: state === undefined ? [] : state.unreadable.map((one) => ({ ...one })),
      lines: sum(({ lines }) => lines),
      bytes: sum(({ bytes }) => bytes),
      tooLong: sum(({ tooLong }) => tooLong),
      lastHitAt: lastAtUnixMs === undefined ? null : new Date(lastAtUnixMs).toISOString(),
      gaps: this.#gaps,
      dropped: this.#dropped,
    };
  }

  /** What was counted before the mind was started anew. Its decisions were taken then. */
  #restore(): void {
    const now = this.#parts.now();
    const { alerts } = this.#parts;
    for (const id of alerts.listIds({ state: "open", kind: BREAK_IN, limit: RESTORED_BREAK_INS })) {
      const breakIn = breakInOf(alerts.get(id)!);
      if (breakIn !== null) this.#decider.restoreBreakIn(breakIn.account, breakIn.network);
    }
    this.#decider.restoreStandings(this.#hits.standings(RESTORED_HITS));
    /** When a network was let go by hand: what it did before is forgiven. */
    const letGo = new Map<string, number>();
    for (const { network, rule, atUnixMs, untilUnixMs, outcome } of this.#blocks.listSince(now - MONTH_MS, 100_000)) {
      const until = untilUnixMs ?? Number.MAX_SAFE_INTEGER;
      if (outcome === "undone") letGo.set(network, until);
      else if (outcome === null && rule !== null) this.#decider.restoreBlock(network, rule, atUnixMs, until);
    }
    const withinMs = Math.max(60 * MINUTE_MS, this.#parts.blocks.policy.withinMs);
    for (const { hit, atUnixMs, network } of this.#hits.listSince(now - withinMs, RESTORED_HITS))
      if (atUnixMs > (letGo.get(network) ?? 0)) this.#decider.take(hit, atUnixMs, true);
  }
}

function wouldBlock({ network, by, points, reason, untilUnixMs }: ReturnType<typeof wantedBlock>, atUnixMs: number) {
  return { action: null, network, rule: by.slice("rule:".length), points, reason, atUnixMs, untilUnixMs };
}

function nothing(): Waiting {
  return { hits: [], logins: [], decisions: [], troubles: [], counts: new Map(), gone: [], known: null, bytes: 0 };
}

function isNothing({ hits, logins, decisions, troubles, counts, gone, known }: Waiting): boolean {
  const lists = [hits, logins, decisions, troubles, gone];
  return counts.size === 0 && known === null && lists.every((list) => list.length === 0);
}

function sourceOfKey(key: string): string {
  return key.split(" ", 1)[0] ?? key;
}

function unlessFull<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isStoreFull(error)) throw error;
    return undefined;
  }
}
