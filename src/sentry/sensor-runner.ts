/**
 * Runs one sensor: timers, restarts with back-off, counts, what it sees. A sensor has none of these itself.
 */
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import type { Sensor, SensorContext, Sight } from "#src/model/sensor.ts";
import type { SensorStatus } from "#src/wire/sentry-messages.ts";

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 60_000;
// A run that held this long was a good one: the next failure starts from the first back-off again.
const GOOD_RUN_MS = 60_000;

/** What a runner needs. */
export interface SensorRunnerOptions {
  readonly name: string;
  readonly load: () => Promise<{ readonly sensor: Sensor }>;
  readonly options: JsonObject;
  readonly root: string;
  onFacts(facts: readonly (Observation | Census)[]): void;
  /** Called whenever {@link SensorRunner.status} would say something new, counts excepted. */
  onStatus(): void;
}

/** Keeps one sensor running until disposed. */
export class SensorRunner implements Disposable {
  readonly #options: SensorRunnerOptions;
  readonly #counts = new Map<string, number>();
  #sight: Sight | null = null;
  #failure: string | null = null;
  #restarts = 0;
  #run: AbortController | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  #isDisposed = false;

  constructor(options: SensorRunnerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Whether the sensor has said what it sees, or has failed. */
  get isSettled(): boolean {
    return this.#sight !== null || this.#failure !== null;
  }

  status(): SensorStatus {
    return {
      name: this.name,
      state: this.#failure !== null ? "blind" : (this.#sight?.state ?? "starting"),
      sees: (this.#failure === null ? (this.#sight?.sees ?? []) : []).map(cut),
      blindTo: (this.#failure === null ? (this.#sight?.blindTo ?? []) : ["everything it watches, until it runs again"])
        .slice(0, 32)
        .map(cut),
      restarts: this.#restarts,
      failure: this.#failure === null ? null : cut(this.#failure),
      counts: [...this.#counts].slice(0, 64).map(([name, value]) => ({ name, value })),
    };
  }

  start(): void {
    void this.#keepRunning();
  }

  /** Stops the run and starts another at once: it lists all it sees. */
  rescan(): void {
    this.#run?.abort();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#run?.abort();
  }

  async #keepRunning(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!this.#isDisposed) {
      const startedMs = performance.now();
      const failure = await this.#runOnce();
      if (this.#isDisposed) return;
      if (failure === null) continue;
      if (performance.now() - startedMs > GOOD_RUN_MS) backoffMs = FIRST_BACKOFF_MS;
      this.#failure = failure;
      this.#restarts++;
      this.#options.onStatus();
      await new Promise<void>((resolve) => {
        this.#restartTimer = setTimeout(resolve, backoffMs);
      });
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
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
      await (sensor.everyMs === undefined
        ? this.#watch(sensor.watch(context), run.signal)
        : this.#poll(sensor, context, run.signal));
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
      signal: run.signal,
      fail,
      sight: (sight) => {
        this.#sight = sight;
        this.#failure = null;
        this.#options.onStatus();
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

  async #watch(batches: AsyncIterable<readonly (Observation | Census)[]>, signal: AbortSignal): Promise<void> {
    for await (const batch of batches) {
      if (signal.aborted) return;
      this.#options.onFacts(batch);
    }
  }

  async #poll(
    sensor: Extract<Sensor, { everyMs: number }>,
    context: SensorContext,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      this.#options.onFacts(await sensor.poll(context));
      if (this.#sight === null || this.#failure !== null) {
        context.sight({ state: "watching", sees: [`a look each ${sensor.everyMs / 1000} s`], blindTo: [] });
      }
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
        context.after(sensor.everyMs, resolve);
      });
    }
  }
}

function cut(sentence: string): string {
  return sentence.length > 1000 ? `${sentence.slice(0, 999)}…` : sentence;
}
