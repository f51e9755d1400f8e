import type { JsonObject } from "./json.ts";
import type { LogStream } from "./log-stream.ts";
import type { Fact } from "./observation.ts";

/** What a sensor can see just now, in sentences for `garrison status`. */
export interface Sight {
  readonly state: "watching" | "degraded" | "blind";
  /** How it sees, such as `fanotify marks on 41 folders`. */
  readonly sees: readonly string[];
  /** What it cannot see and why; empty when nothing is known to be missing. */
  readonly blindTo: readonly string[];
}

/** What the supervisor lends to a sensor. A sensor owns no timer, retry, log or store. */
export interface SensorContext {
  /** The sensor's section of the configuration. */
  readonly options: JsonObject;
  /** `/`, or the tree given with `--root`. */
  readonly root: string;
  /** Says what can be seen now; call again when it changes. */
  sight(sight: Sight): void;
  /** Counts by name for `garrison status`, such as `events` or `overflows`. */
  count(name: string, amount: number): void;
  /** Runs `callback` once, later; cleared by the supervisor when the sensor stops. The only timer a sensor has. */
  after(delayMs: number, callback: () => void): void;
  /** Says that the sensor cannot go on: the supervisor stops it and starts it again with back-off. */
  fail(error: unknown): void;
  /** The way for raw log bytes; lent to the sensor `logs` alone. */
  readonly stream?: LogStream;
  /** Aborted when the sensor must stop; the supervisor closes what the sensor returned. */
  readonly signal: AbortSignal;
}

/** Observations of now. The supervisor calls it each `everyMs` and after a failure again with back-off. */
export interface PollSensor {
  readonly everyMs: number;
  poll(context: SensorContext): Promise<readonly Fact[]>;
}

/** Batches of observations until the signal aborts. A thrown error restarts it with back-off. */
export interface WatchSensor {
  readonly everyMs?: never;
  watch(context: SensorContext): AsyncIterable<readonly Fact[]>;
}

/** A sensor: one object, exported as `sensor` from `src/sensors/NAME/sensor.ts`. */
export type Sensor = PollSensor | WatchSensor;
