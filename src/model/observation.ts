import type { Actor } from "./actor.ts";
import type { JsonObject } from "./json.ts";
import type { Subject } from "./subject.ts";

/** The three shapes of fact. `present`/`absent`: a member of a set. `record`: how a thing looks now (`null`: it is gone). */
export type ObservationType = "present" | "absent" | "record";

/** A fact that a sensor saw. It says nothing of good or bad. */
export interface Observation {
  readonly sensor: string;
  readonly type: ObservationType;
  /** Identity of the member or thing within its sensor: the ordinary key. At most 8 KiB. */
  readonly key: string;
  /** Which learning group it belongs to (each matures by itself), `""` for one group per sensor. */
  readonly group: string;
  readonly subject: Subject;
  /** What is known of it; for `record` the compared fields, or `null` when the thing is gone. */
  readonly facts: JsonObject | null;
  readonly who: Actor | null;
  /** When the kernel or the scan saw it, Unix milliseconds. */
  readonly atUnixMs: number;
  /** `true`: found by a scan of what is there, not by an event of its change. */
  readonly scanned: boolean;
}

/** Says that a sensor has just listed all there is in a group: members and records not in `keys` are gone. */
export interface Census {
  readonly sensor: string;
  readonly group: string;
  readonly type: "census";
  readonly keys: readonly string[];
  readonly atUnixMs: number;
}

/** How much there was of things during the time before `atUnixMs`; each is a series of its own. */
export interface Levels {
  readonly sensor: string;
  readonly type: "levels";
  /** End of the time that the values are of, Unix milliseconds. */
  readonly atUnixMs: number;
  /** Length of that time. */
  readonly spanMs: number;
  /** Beginnings of names, `""` for all: other series of the sensor that begin so had nothing in that time. */
  readonly wholeOf: readonly string[];
  readonly values: readonly Level[];
}

/** A value of one series. */
export interface Level {
  /** Identity within its sensor: what is counted, then of whom, such as `packets-out account:1003`. At most 256 characters. */
  readonly series: string;
  /** Mean over the time, in the unit that the sensor's `facts.ts` states for this series; finite, 0 or more. */
  readonly value: number;
  /** Who and what makes it up just now, for an alert; `null` when there is nothing more to say. */
  readonly detail: JsonObject | null;
}

/** Whatever a sensor may tell. */
export type Fact = Observation | Census | Levels;
