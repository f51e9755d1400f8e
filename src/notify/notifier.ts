/** Tells people of alerts: decides what is worth a message, keeps it until it is delivered, and forgets nothing when it is killed. */
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Log } from "#src/processes/log.ts";
import { newChannel, retryAtUnixMs } from "./channel.ts";
import { Courier, type CourierContext } from "./courier.ts";
import type { ThreadsState } from "./draft.ts";
import { shortText } from "./excerpt.ts";
import type { NotifyEvent } from "./message.ts";
import type { NotifyOptions } from "./options.ts";
import { parseState, type SavedState } from "./saved-state.ts";
import { Saver } from "./saver.ts";
import { NO_THREADS, step } from "./threads.ts";
import type { ChannelName, Transport } from "./transport.ts";
import { openTransports } from "./transports.ts";

// Syslog is told of each alert, so that it needs a bound of its own.
const SYSLOG_LINES_PER_HOUR = 300;
// Longest sleep while something waits: a clock that was set forward is noticed within it.
const MAX_SLEEP_MS = 3_600_000;
// How long the end waits for messages that are on their way.
const GRACE_MS = 2000;
const MAX_DETAIL = 300;

/** What a notifier needs. */
export interface NotifierOptions {
  readonly options: NotifyOptions;
  /** Name of this host, as in the alerts. */
  readonly host: string;
  /** What `save` was last given; `null` on the first start. */
  readonly state: JsonObject | null;
  /** Keeps the state; durable when it returns. An error is logged, and telling goes on. */
  save(state: JsonObject): void;
  readonly log: Log;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
  /** Runs `callback` once, later; the result cancels it. @default setTimeout, not keeping the process alive */
  readonly after?: (delayMs: number, callback: () => void) => () => void;
  /** @default one for each configured channel */
  readonly transports?: readonly Transport[];
}

/** A channel in `garrison status`. */
export interface ChannelStatus {
  readonly channel: ChannelName;
  /** Where it goes, without secrets. */
  readonly target: string;
  readonly lastSuccessUnixMs: number | null;
  readonly lastFailureUnixMs: number | null;
  /** Why it failed last, clean text. */
  readonly lastFailure: string | null;
  /** Whether the last try failed. */
  readonly isFailing: boolean;
  readonly nextTryAtUnixMs: number | null;
  readonly queued: number;
}

/** What became of the test of one channel. */
export interface TestResult {
  readonly channel: ChannelName;
  readonly ok: boolean;
  /** What the other side said, or why it failed; clean text. */
  readonly detail: string;
}

/** The notifier. It owns one timer and the deliveries under way; the caller owns it: `await using`. */
export class Notifier implements AsyncDisposable {
  readonly #options: NotifierOptions;
  readonly #now: () => number;
  readonly #after: NonNullable<NotifierOptions["after"]>;
  readonly #couriers: readonly Courier[];
  readonly #saver: Saver;
  readonly #end = new AbortController();
  #threads: ThreadsState;
  #stepAtUnixMs: number | null = null;
  #cancelTimer: (() => void) | null = null;
  #isEnding = false;
  #tests = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#after = options.after ?? afterMs;
    const saved = this.#restore();
    this.#threads = saved.threads;
    this.#saver = new Saver({
      read: () => ({ threads: this.#threads, channels: this.#couriers.map(({ state }) => state) }),
      write: (state) => options.save(state),
      log: options.log,
    });
    this.#couriers = this.#hire(options.transports ?? openTransports(options.options, options.host), saved);
    this.#wake([]);
  }

  /** Takes what happened to an alert. Returns at once; what it means is durable then, or at the end of this turn of the event loop. */
  tell(event: NotifyEvent): void {
    this.#wake([event]);
  }

  /** Sends a message that is clearly a test through each configured channel, past every queue and limit. */
  test(): Promise<readonly TestResult[]> {
    return Promise.all(this.#couriers.map(({ transport }) => this.#test(transport)));
  }

  /** Each configured channel. */
  status(): readonly ChannelStatus[] {
    return this.#couriers.map(({ transport, state }) => ({
      channel: transport.channel,
      target: transport.target,
      lastSuccessUnixMs: state.lastSuccessUnixMs,
      lastFailureUnixMs: state.lastFailureUnixMs,
      lastFailure: state.lastFailure,
      isFailing: state.failures > 0,
      nextTryAtUnixMs: retryAtUnixMs(state),
      queued: state.queue.length,
    }));
  }

  /** Resolves when no delivery is under way: delivered, or waiting for its next try. */
  async settled(): Promise<void> {
    for (;;) {
      const running = this.#couriers.flatMap(({ running: one }) => (one === null ? [] : [one]));
      if (running.length === 0) return;
      await Promise.all(running);
    }
  }

  /** Gives messages on their way two seconds; they stay queued if that is too short, and are told again after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    this.#cancelTimer?.();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#after(GRACE_MS, resolve);
    await Promise.race([this.settled(), promise]);
    cancel();
    this.#saver.end();
    this.#end.abort();
  }

  #restore(): SavedState {
    const { state, log } = this.#options;
    const saved = state === null ? null : parseState(state);
    if (state !== null && saved === null) log.warn("saved notices cannot be read and are forgotten");
    return saved ?? { threads: NO_THREADS, channels: [] };
  }

  #hire(transports: readonly Transport[], { channels }: SavedState): readonly Courier[] {
    const { log, options } = this.#options;
    const isConfigured = (name: ChannelName): boolean => transports.some(({ channel }) => channel === name);
    for (const { channel, queue } of channels) {
      if (isConfigured(channel) || queue.length === 0) continue;
      log.warn("notices are dropped: their channel is configured no more", { channel, count: queue.length });
    }
    const context: CourierContext = { log, now: this.#now, signal: this.#end.signal, save: () => this.#saver.save() };
    return transports.map((transport) => {
      const state = channels.find(({ channel }) => channel === transport.channel) ?? newChannel(transport.channel);
      return new Courier(transport, state, limitOf(transport, options), context);
    });
  }

  /** Steps the threads, hands out what is to be sent, and sets the timer for the next time. */
  #wake(events: readonly NotifyEvent[]): void {
    const nowUnixMs = this.#now();
    if (nowUnixMs < this.#threads.atUnixMs) for (const courier of this.#couriers) courier.rebase(nowUnixMs);
    const { state, messages, lines, nextAtUnixMs } = step(
      this.#threads,
      { events, options: this.#options.options },
      nowUnixMs,
    );
    this.#threads = state;
    for (const courier of this.#couriers) {
      for (const message of courier.transport.channel === "syslog" ? lines : messages) courier.put(message);
    }
    this.#stepAtUnixMs = nextAtUnixMs;
    if (lines.length > 0 || messages.length > 0) this.#saver.saveSoon();
    if (this.#isEnding) return;
    for (const courier of this.#couriers) courier.run(() => this.#schedule());
    this.#schedule();
  }

  /** Sets the one timer for whatever comes first. */
  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const times = [this.#stepAtUnixMs, ...this.#couriers.map(({ nextAtUnixMs }) => nextAtUnixMs)];
    const nextUnixMs = Math.min(...times.map((atUnixMs) => atUnixMs ?? Number.POSITIVE_INFINITY));
    if (this.#isEnding || !Number.isFinite(nextUnixMs)) return;
    const delayMs = Math.min(MAX_SLEEP_MS, Math.max(0, nextUnixMs - this.#now()));
    this.#cancelTimer = this.#after(delayMs, () => {
      this.#cancelTimer = null;
      this.#wake([]);
    });
  }

  async #test({ channel, send }: Transport): Promise<TestResult> {
    const atUnixMs = this.#now();
    const id = `test-${atUnixMs.toString(36)}-${++this.#tests}`;
    try {
      const detail = await send({ type: "test", id, atUnixMs }, this.#end.signal);
      return { channel, ok: true, detail: shortText(detail, MAX_DETAIL) };
    } catch (error) {
      return { channel, ok: false, detail: shortText(errorText(error), MAX_DETAIL) };
    }
  }
}

function limitOf({ channel }: Transport, { maxPerHour }: NotifyOptions): number {
  return channel === "syslog" ? SYSLOG_LINES_PER_HOUR : maxPerHour;
}

function afterMs(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}
