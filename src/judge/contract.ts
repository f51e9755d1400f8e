/** What a sensor's `facts.ts` gives to the mind, and what it may ask. Types only. */
import type { JsonObject } from "#src/model/json.ts";
import type { Level, Observation } from "#src/model/observation.ts";
import type { Severity } from "#src/model/severity.ts";

/** How an observation differs from what is ordinary. */
export interface Change {
  /** `new`/`gone`: a member of a set. `changed`: a record differs; `created`/`deleted`: a record's thing came or went. */
  readonly type: "new" | "gone" | "changed" | "created" | "deleted";
  readonly observation: Observation;
  /** What was there before: facts of the member, the last look at the record; `null` when nothing was. */
  readonly before: JsonObject | null;
  /** Of a record: how it looks when all is as it should be, where that is not `before` (it was unusual already). @default as before */
  readonly ordinary?: JsonObject | null;
  /** For records: names of the fields that differ. */
  readonly fields: readonly string[];
}

/** A member of an ordinary set, as the judge may see it. */
export interface KnownMember {
  readonly key: string;
  readonly group: string;
  readonly facts: JsonObject;
}

/** A member with how often it was seen. */
export interface CountedMember extends KnownMember {
  readonly count: number;
}

/** What is known of this host. */
export interface HostKnowledge {
  /** Ordinary members of a sensor's sets. */
  members(sensor: string): readonly KnownMember[];
  /** Ordinary members of one group: of a sensor that has very many. */
  membersOf(sensor: string, group: string): readonly CountedMember[];
  /** Package that owns a file, such as `openssh-server`; `null`: none, or the package manager is not known. */
  packageOf(path: string): string | null;
}

/** Why and how a change is an alert. Texts may hold anything a process chose: they are escaped where they are shown. */
export interface Verdict {
  readonly kind: string;
  readonly severity: Severity;
  readonly ordinary: string;
  readonly observed: string;
  readonly evidence: JsonObject;
  readonly next: readonly string[];
  readonly attack: readonly string[];
  /** There are thousands of its kind a day: told and kept, but with no entry in the journal of its own. @default false */
  readonly isRoutine?: boolean;
}

/** How the values of a series are looked at, and what they are called. */
export interface LevelSort {
  /** What one value is a number of, such as `packets/s`. */
  readonly unit: string;
  /** What they are of, to be read behind a number and its unit: `out by shop`, `in the queue of Exim`. */
  readonly scope: string;
  /** Whether a departure is told; others are learnt and shown. */
  readonly isTold: boolean;
  /** Nothing below it is unusually high. */
  readonly floor: number;
  /** From here on it is told whatever was learnt; `null`: there is no such limit. */
  readonly limit: number | null;
  /** Whether less than ordinary is told too. @default false */
  readonly isLowTold?: boolean;
}

/** A value that is not ordinary for its series. */
export interface Departure {
  readonly series: string;
  readonly sort: LevelSort;
  readonly direction: "high" | "low";
  /**
   * `history`: unusual for this series at this hour; `peak`: more than twice as much as any moment of the last seven days; `limit`: beyond the limit
   * that is set; `newcomer`: nothing is known of it yet, and it is more than four times the highest of its kind.
   */
  readonly because: "history" | "peak" | "limit" | "newcomer";
  readonly value: number;
  /** What is ordinary now; `null` while nothing is known. */
  readonly expected: { readonly expectedLow: number; readonly expectedHigh: number } | null;
  /** What is ordinary, in words, such as `for a Tuesday at 14:00 this host has 180 to 420 packets/s`. */
  readonly ordinary: string;
  /** What is, in words, such as `3,412 packets/s out on eth0, 8.1 times as much`. */
  readonly observed: string;
  /** As the sensor gave it with the value, or with the latest one that had any. */
  readonly detail: JsonObject | null;
  readonly atUnixMs: number;
}

/** What the mind knows of the levels of a sensor. Pure. */
export interface LevelFacts {
  /** @param userName of a uid; `null`: there is none @returns `null` for a series that the sensor does not have */
  sortOf(series: string, userName: (uid: number) => string | null): LevelSort | null;
  /** Levels that only the detail of another one tells. @default none */
  derive?(level: Level, atUnixMs: number): readonly Level[];
  judge(departure: Departure): Verdict;
}

/** The mind's half of a sensor, exported as `facts` from `src/sensors/NAME/facts.ts`. */
export interface SensorFacts {
  /** Every alert kind of this sensor with a sentence: the generated reference lists them. */
  readonly kinds: Readonly<Record<string, string>>;
  /** A member of a set or a record, in words for `garrison ordinary`. @default its facts as JSON */
  describe?(facts: JsonObject): string;
  /** Record fields that are kept but not compared, such as times. @default none */
  readonly informative?: readonly string[];
  /** Whether a newcomer is an alert even while the host is still being learnt. @default never */
  alertsWhileLearning?(change: Change): boolean;
  /** Whether a newcomer is taken in though the host has been learnt: its group has not yet. @default never */
  stillLearns?(observation: Observation, host: HostKnowledge): boolean;
  /** Of a sensor that tells levels. */
  readonly levels?: LevelFacts;
  /** `null`: this change is ordinary. Several verdicts when one change has several meanings. */
  judge(change: Change, host: HostKnowledge): Verdict | readonly Verdict[] | null;
}
