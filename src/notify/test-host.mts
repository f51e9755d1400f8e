/** Helper of the tests in this folder: a notifier with a clock of its own. Not shipped (`.mts`). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { NotifyEvent } from "./message.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import type { NotifyOptions } from "./options.ts";

/** An alert as the mind gives it. */
export const SAMPLE = JSON.parse(readFileSync(new URL("./testdata/alert.json", import.meta.url), "utf8")) as Alert;
/** When the clock of a host begins. */
export const START = Date.parse(SAMPLE.at);
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** Its processes come and go, the saved state stays. Tells syslog alone, unless the options say otherwise. */
export class TestHost {
  nowUnixMs = START;
  saved: JsonObject | null = null;
  saves = 0;
  readonly errors: string[] = [];
  readonly logged: string[] = [];
  notifier: Notifier;
  readonly #options: NotifyOptions;
  readonly #more: Partial<NotifierOptions>;
  #timer: { atUnixMs: number; callback: () => void } | null = null;

  constructor(options: Partial<NotifyOptions> = {}, more: Partial<NotifierOptions> = {}) {
    this.#options = {
      immediateFrom: "high",
      digestEveryMs: 24 * HOUR,
      updateEveryMs: 15 * MINUTE,
      maxPerHour: 20,
      mail: null,
      webhook: null,
      syslog: true,
      ...options,
    };
    this.#more = more;
    this.notifier = this.#start();
  }

  tell(type: NotifyEvent["type"], alert: Partial<Alert>): void {
    this.notifier.tell({ type, alert: { ...SAMPLE, ...alert }, atUnixMs: this.nowUnixMs });
  }

  /** Lets time go by, and waits for what it sets going. */
  async pass(spanMs: number): Promise<void> {
    const endUnixMs = this.nowUnixMs + spanMs;
    await this.notifier.settled();
    while (this.#timer !== null && this.#timer.atUnixMs <= endUnixMs) {
      const { atUnixMs, callback } = this.#timer;
      this.#timer = null;
      this.nowUnixMs = Math.max(this.nowUnixMs, atUnixMs);
      callback();
      await this.notifier.settled();
    }
    this.nowUnixMs = endUnixMs;
  }

  /** Runs the timer now, whenever it is due. */
  fireTimer(): void {
    const callback = this.#timer?.callback;
    this.#timer = null;
    callback?.();
  }

  /** As after kill -9: nothing but the saved state is left. */
  restart(): void {
    this.#timer = null;
    this.notifier = this.#start();
  }

  #start(): Notifier {
    return new Notifier({
      options: this.#options,
      host: "host1",
      state: this.saved,
      save: (state) => {
        this.saves++;
        this.saved = JSON.parse(JSON.stringify(state)) as JsonObject;
      },
      log: {
        error: (message) => {
          this.errors.push(message);
          this.logged.push(message);
        },
        warn: (message) => void this.logged.push(message),
        info: (message) => void this.logged.push(message),
      },
      now: () => this.nowUnixMs,
      after: (delayMs, callback) => {
        assert.equal(this.#timer, null, "one timer at most");
        assert.ok(delayMs >= 0 && delayMs <= HOUR);
        const timer = { atUnixMs: this.nowUnixMs + delayMs, callback };
        this.#timer = timer;
        return () => {
          if (this.#timer === timer) this.#timer = null;
        };
      },
      ...this.#more,
    });
  }
}
