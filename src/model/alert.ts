import type { Actor } from "./actor.ts";
import type { JsonObject } from "./json.ts";
import type { Severity } from "./severity.ts";
import type { Subject } from "./subject.ts";

/** `open`: nobody decided yet. `accepted`: taught as ordinary. `closed`: it went back to ordinary by itself or by undo. */
export type AlertState = "open" | "accepted" | "closed";

/** An observation that is not ordinary, with its reason. The JSON of `garrison alerts --json` is this, times as ISO 8601. */
export interface Alert {
  /** `a` and a number, such as `a17`: short enough to type. */
  readonly id: string;
  /** `i` and a number: alerts that belong together share it. */
  readonly incident: string;
  readonly at: string;
  readonly sensor: string;
  /** Stable dotted name, such as `listener.new`. */
  readonly kind: string;
  readonly severity: Severity;
  readonly subject: Subject;
  readonly who: Actor | null;
  /** What this host normally has here, in words. */
  readonly ordinary: string;
  /** What was seen instead, in words. */
  readonly observed: string;
  readonly evidence: JsonObject;
  /** Commands to type next. */
  readonly next: readonly string[];
  /** MITRE ATT&CK technique ids. */
  readonly attack: readonly string[];
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly state: AlertState;
  /** Set when the alert was staged by `garrison drill`. */
  readonly drill: string | null;
  readonly host: string;
}
