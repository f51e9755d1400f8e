/**
 * For the tests of sensors: runs a real sensor under its real supervisor and waits for what it tells. Not shipped (`.mts`).
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonObject } from "#src/model/json.ts";
import type { Fact, Observation } from "#src/model/observation.ts";
import type { Sensor } from "#src/model/sensor.ts";
import { SensorRunner } from "#src/sentry/sensor-runner.ts";
import type { SensorStatus } from "#src/wire/sentry-messages.ts";
import { fromSentry } from "#src/wire/sentry-messages.ts";

/** What a sensor under test is given. */
export interface StartOptions {
  readonly sensor: Sensor;
  readonly options: unknown;
}

/** A sensor that runs. Everything it tells passes the checks of the wire, as it would on its way to the mind. */
export class RunningSensor implements AsyncDisposable {
  readonly facts: Fact[] = [];
  readonly #runner: SensorRunner;
  #waiting: (() => void)[] = [];
  #seq = 0;

  constructor({ sensor, options }: StartOptions) {
    this.#runner = new SensorRunner({
      name: "under-test",
      load: () => Promise.resolve({ sensor }),
      options: options as JsonObject,
      root: "/",
      onFacts: (facts) => {
        fromSentry(
          JSON.parse(JSON.stringify({ t: "facts", seq: ++this.#seq, items: facts.slice(0, 1000) })),
          "message",
        );
        this.facts.push(...facts);
        this.#wake();
      },
      onStatus: () => this.#wake(),
    });
    this.#runner.start();
  }

  /** Observations only. */
  get observations(): Observation[] {
    return this.facts.filter(isObservation);
  }

  status(): SensorStatus {
    return this.#runner.status();
  }

  rescan(): void {
    this.#runner.rescan();
  }

  count(name: string): number {
    return this.status().counts.find((count) => count.name === name)?.value ?? 0;
  }

  /** Waits until the sensor has told, or its status says, what `look` finds. */
  async until<T>(what: string, look: () => T | undefined | false, timeoutMs = 30_000): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (timeout.aborted) throw new Error(`Cannot see ${what}: ${JSON.stringify(this.status())} ${this.#tail()}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        timeout.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Waits for an observation; `from` leaves out what was told before. */
  observation(what: string, matches: (fact: Observation) => boolean, from = 0): Promise<Observation> {
    return this.until(what, () =>
      this.facts.slice(from).find((fact): fact is Observation => isObservation(fact) && matches(fact)),
    );
  }

  /** Waits until the sensor sees, and what it told by then has arrived. */
  async ready(): Promise<void> {
    await this.until("the sensor ready", () => this.status().state !== "starting");
    await nextTurn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner[Symbol.asyncDispose]();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #tail(): string {
    return this.facts
      .slice(-5)
      .map((fact) => JSON.stringify(fact).slice(0, 400))
      .join("\n");
  }
}

const HAND = `
import json, mmap, os, socket, subprocess, sys
for line in sys.stdin:
    try:
        exec(json.loads(line))
        print("", flush=True)
    except BaseException as error:
        print(repr(error), flush=True)
`;

/**
 * Another process that acts: a sensor does not look at what its own process does. It stays until disposed, so that it is certainly
 * seen behind each of its acts.
 */
export class Hand implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(program = "/usr/bin/python3", parameters: readonly string[] = [], options: SpawnOptions = {}) {
    this.#child = spawn(program, [...parameters, "-c", HAND], { stdio: ["pipe", "pipe", "inherit"], ...options });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs Python statements in it, to their end. */
  async do(script: string): Promise<void> {
    this.#child.stdin!.write(`${JSON.stringify(script)}\n`);
    const { value } = await this.#answers.next();
    if (value !== "") throw new Error(`Cannot act: ${value}\n${script}`);
  }

  /** Runs a shell command in a process of its own. */
  shell(command: string): Promise<void> {
    return this.do(`subprocess.run(${JSON.stringify(command)}, shell=True, check=True)`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, "exit") : null;
    this.#child.stdin?.end();
    await ended;
  }
}

/** How long the event loop was held at most. */
export interface LongestTurn {
  /** By the clock: other processes on the same cores count too. */
  readonly wallMs: number;
  /** CPU of the main thread between two turns. */
  readonly cpuMs: number;
}

/** Watches the event loop until it is asked. */
export function watchTurns(): () => LongestTurn {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const longest = { wallMs: 0, cpuMs: 0 };
  let last = { wallMs: performance.now(), cpuMs: cpuMs() };
  const timer = setInterval(() => {
    const now = { wallMs: performance.now(), cpuMs: cpuMs() };
    longest.wallMs = Math.max(longest.wallMs, now.wallMs - last.wallMs);
    longest.cpuMs = Math.max(longest.cpuMs, now.cpuMs - last.cpuMs);
    last = now;
  }, 1);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

/** Why a test that needs root is passed over, for node:test's `skip`; `false` as root. */
export const WITHOUT_ROOT = process.getuid?.() === 0 ? false : "needs root";

/** Whether a fact is of one thing. */
export function isObservation(fact: Fact): fact is Observation {
  return fact.type !== "census" && fact.type !== "levels";
}
