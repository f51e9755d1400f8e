import type { JsonObject } from "./json.ts";
import type { Subject } from "./subject.ts";

/** Where an action stands. */
export type ActionState = "planned" | "done" | "undone" | "expired" | "failed";

/** A change that Garrison makes: planned, performed, verified, undone by hand or on expiry. */
export interface Action {
  /** `x` and a number. */
  readonly id: string;
  readonly kind: string;
  readonly subject: Subject;
  readonly reason: string;
  /** Who asked: `admin:root`, `rule:NAME`, `drill`. */
  readonly by: string;
  readonly at: string;
  readonly expiresAt: string | null;
  readonly state: ActionState;
  /** What the warden performs; checked again there. */
  readonly plan: JsonObject;
  /** What undoes it, recorded before it is performed; `null` until then. */
  readonly undo: JsonObject | null;
  /** Why it failed, when it did. */
  readonly failure: string | null;
}
