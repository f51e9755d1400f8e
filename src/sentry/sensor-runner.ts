/**
 * Runs one sensor: timers, restarts with back-off, counts, what it sees. A sensor has none of these itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import { cutText } from "#src/lib/cut-text.ts";
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { LogStream } from "#src/model/log-stream.ts";
import type { Fact } from "#src/model/observation.ts";
import type { PollSensor, Sensor, SensorContext, Sight } from "#src/model/sensor.ts";
import type { SensorStatus } from "#src/wire/sentry-messages.ts";

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 60_000;
// A run that held this long was a good one: the next failure starts from the first back-off again.
const GOOD_RUN_MS = 60_000;
// The mind may ask for a new list at will; it must not keep the sentry busy with that.
const SHORTEST_RUN_MS = 1000;
// Bounds of wire/sentry-messages.ts.
const MAX_SENTENCES = 32;
const MAX_SENTENCE = 1000;
const MAX_COUNTS = 64;

/** What a runner needs. */
export interface SensorRunnerOptions {
  readonly name: string;
  readonly load: () => Promise<{ readonly sensor: Sensor }>;
  readonly options: JsonObject;
  readonly root: string;
  /** Lent to the sensor. @default none */
  readonly stream?: LogStream;
  onFacts(facts: readonly Fact[]): void;
  /** Called whenever {@link SensorRunner.status} would say something new, counts excepted. */
  onStatus(): void;
  /** Waits between two runs; gives up when the signal aborts. @default the clock */
  pause?(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** Keeps one sensor running until disposed. */
export class SensorRunner implements AsyncDisposable {
  readonly #options: SensorRunnerOptions;
  readonly #counts = new Map<string, number>();
  readonly #life = new AbortController();
  #sight: Sight | null = null;
  #failure: string | null = null;
  #restarts = 0;
  #run: AbortController | null = null;
  #whole: Promise<void> = Promise.resolve();

  constructor(options: SensorRunnerOptions) {
    this.#options = options;
  }

  /** As in the configuration. */
  get name(): string {
    return this.#options.name;
  }

  /** Whether the sensor has said what it sees, or has failed. */
  get isSettled(): boolean {
    return this.#sight !== null || this.#failure !== null;
  }

  /** What the mind is told of it. */
  status(): SensorStatus {
    const hasFailed = this.#failure !== null;
    return {
      name: this.name,
      state: hasFailed ? "blind" : (this.#sight?.state ?? "starting"),
      sees: sentences(hasFailed ? [] : this.#sight?.sees),
      blindTo: sentences(hasFailed ? ["everything it watches, until it runs again"] : this.#sight?.blindTo),
      restarts: this.#restarts,
      failure: this.#failure === null ? null : cutText(this.#failure, MAX_SENTENCE),
      counts: [...this.#counts].slice(0, MAX_COUNTS).map(([name, value]) => ({ name, value })),
    };
  }

  start(): void {
    this.#whole = this.#keepRunning();
  }

  /** Stops the run and starts another: it lists all it sees. At most one run a second is started so. */
  rescan(): void {
    this.#run?.abort();
  }

  /** Resolves when the sensor has closed what it held. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    this.#run?.abort();
    await this.#whole;
  }

  async #keepRunning(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!this.#life.signal.aborted) {
      const startedMs = performance.now();
      const failure = await this.#runOnce();
      const ranMs = performance.now() - startedMs;
      if (failure === null) {
        if (ranMs < SHORTEST_RUN_MS) await this.#pause(SHORTEST_RUN_MS - ranMs);
        continue;
      }
      if (this.#life.signal.aborted) return;
      if (ranMs > GOOD_RUN_MS) backoffMs = FIRST_BACKOFF_MS;
      this.#failure = failure;
      this.#restarts++;
      this.#options.onStatus();
      await this.#pause(backoffMs);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return (this.#options.pause ?? pause)(delayMs, this.#life.signal);
  }

  /** @returns why it failed; `null` when it was stopped by us */
  async #runOnce(): Promise<string | null> {
    const run = new AbortController();
    const timers = new Set<NodeJS.Timeout>();
    this.#run = run;
    let failure: string | null = null;
    const context = this.#context(run, timers, (error) => {
      failure ??= errorText(error);
      run.abort();
    });
    try {
      const { sensor } = await this.#options.load();
      if (run.signal.aborted) return failure;
      await (sensor.everyMs === undefined
        ? this.#watch(sensor.watch(context), run.signal)
        : this.#poll(sensor, context));
      if (!run.signal.aborted) failure ??= "the sensor ended by itself";
    } catch (error) {
      failure ??= errorText(error);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      run.abort();
    }
    return failure;
  }

  #context(run: AbortController, timers: Set<NodeJS.Timeout>, fail: (error: unknown) => void): SensorContext {
    return {
      options: this.#options.options,
      root: this.#options.root,
      ...(this.#options.stream === undefined ? {} : { stream: this.#options.stream }),
      signal: run.signal,
      fail,
      sight: (sight) => {
        if (!run.signal.aborted) this.#takeSight(sight);
      },
      count: (name, amount) => this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount),
      after: (delayMs, callback) => {
        if (run.signal.aborted) return;
        const timer = setTimeout(() => {
          timers.delete(timer);
          try {
            callback();
          } catch (error) {
            fail(error);
          }
        }, delayMs);
        timers.add(timer);
      },
    };
  }

  #takeSight(sight: Sight): void {
    const isNew = this.#failure !== null || JSON.stringify(sight) !== JSON.stringify(this.#sight);
    this.#sight = sight;
    this.#failure = null;
    if (isNew) this.#options.onStatus();
  }

  async #watch(batches: AsyncIterable<readonly Fact[]>, signal: AbortSignal): Promise<void> {
    for await (const batch of batches) {
      if (signal.aborted) return;
      this.#options.onFacts(batch);
    }
  }

  async #poll(sensor: PollSensor, context: SensorContext): Promise<void> {
    const { signal } = context;
    while (!signal.aborted) {
      this.#options.onFacts(await sensor.poll(context));
      if (this.#sight === null || this.#failure !== null) {
        context.sight({ state: "watching", sees: [`a look each ${sensor.everyMs / 1000} s`], blindTo: [] });
      }
      await pause(sensor.everyMs, signal);
    }
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, { signal }).catch(() => {});
}

function sentences(texts: readonly string[] = []): string[] {
  return texts.slice(0, MAX_SENTENCES).map((text) => cutText(text, MAX_SENTENCE));
}
