/** What the warden asks of an action kind. Types only. */
import type { JsonObject } from "#src/model/json.ts";
import type { WatchedPatterns } from "./watched-paths.ts";

/** What bounds every action, whoever asks for it: the mind is taken to be in the hands of an attacker. */
export interface ActionLimits {
  /** Files that an action may touch. */
  readonly watchedFiles: WatchedPatterns;
  /** The mind's own group: no file becomes its. */
  readonly mindGid: number;
  /** Gid of a local group, `undefined` when there is none. */
  groupId(name: string): number | undefined;
}

/** What bounds an undo. */
export interface UndoContext {
  readonly limits: ActionLimits;
  /** How long ago the action was performed. */
  readonly ageMs: number;
}

/**
 * One kind of action, warden's side. The warden calls `check`, `prepare`, writes journal and ledger, then `perform` and `verify`;
 * or `checkUndo`, `undo` and `verifyUndone`. After a crash it calls again from `perform` or `undo` on: both must be safe to repeat
 * from wherever they were broken off. Each opens what it touches anew and trusts nothing that it has not just seen.
 */
export interface ActionKind<Plan extends JsonObject = JsonObject, Undo extends JsonObject = JsonObject> {
  /** Stable name, such as `restore-file-attributes`. */
  readonly kind: string;
  /**
   * Reads a plan that anyone may have made.
   * @throws GarrisonError `GARRISON_ACTION_REFUSED` when it is malformed or beyond the limits
   */
  check(plan: JsonObject, limits: ActionLimits): Plan;
  /**
   * Looks at what is there and gives what would undo the action; changes nothing.
   * @throws Error when the plan does not fit what is there
   */
  prepare(plan: Plan): Undo | Promise<Undo>;
  /** Does it; nothing when it is done already. @throws Error when it could not, everything then being as before */
  perform(plan: Plan): void | Promise<void>;
  /** Whether it is in effect. */
  verify(plan: Plan): boolean | Promise<boolean>;
  /**
   * Reads what `prepare` gave, from the warden's own ledger.
   * @throws GarrisonError `GARRISON_ACTION_REFUSED` when undoing it now would be beyond the limits
   */
  checkUndo(undo: JsonObject, context: UndoContext): Undo;
  /** Undoes it; nothing when it is undone already. @throws Error when what is there is not what we left */
  undo(undo: Undo): void | Promise<void>;
  /** Whether all is as before. */
  verifyUndone(undo: Undo): boolean | Promise<boolean>;
}
