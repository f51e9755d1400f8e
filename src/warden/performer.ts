/**
 * Performs and undoes actions: checks again by itself, writes journal and ledger first, verifies after.
 * Whatever step a crash comes between, the same request sent again brings the action to its end, once.
 */
import { isDeepStrictEqual } from "node:util";
import type { ActionKind, ActionLimits } from "#src/actions/contract.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { ActionLedger, LedgerRecord } from "./ledger.ts";
import { RateLimit } from "./rate-limit.ts";
import type { WardenJournal } from "./warden-journal.ts";

const MAX_ACTIONS = 30;
const ACTIONS_SPAN_MS = 60_000;

/** What a performer works with. */
export interface PerformerParts {
  readonly journal: WardenJournal;
  readonly ledger: ActionLedger;
  readonly kinds: ReadonlyMap<string, ActionKind>;
  readonly limits: ActionLimits;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** What the mind asks for; nothing of it is trusted. */
export interface ActionRequest {
  readonly action: string;
  readonly kind: string;
  readonly plan: JsonObject;
  readonly by: string;
}

/** One request at a time: the caller waits for each. */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #limit = new RateLimit(MAX_ACTIONS, ACTIONS_SPAN_MS);

  constructor(parts: PerformerParts) {
    this.#parts = parts;
  }

  /**
   * @returns what would undo it
   * @throws Error that says why it is not in effect
   */
  async perform(request: ActionRequest): Promise<JsonObject> {
    const told = { action: request.action, kind: request.kind, plan: request.plan };
    this.#takeTurn(() => this.#findRepeated(request) !== undefined);
    const known = await this.#orTell("action.failed", request.by, told, () => this.#findRepeated(request));
    if (known?.phase === "done") return known.undo;
    return known === undefined ? this.#begin(request, told) : this.#resume(known);
  }

  /** @throws Error that says why it is still in effect */
  async undo(action: string, by: string): Promise<void> {
    this.#takeTurn(() => ["undoing", "undone"].includes(this.#findUndoable(action).phase));
    const known = await this.#orTell("undo.failed", by, { action }, () => this.#findUndoable(action));
    if (known.phase === "undone") return;
    const { kind, undo } = await this.#orTell("undo.failed", by, tell(known), () => {
      const kind = this.#kindOf(known.kind);
      const context = { limits: this.#parts.limits, ageMs: this.#parts.now() - known.atUnixMs };
      return { kind, undo: kind.checkUndo(known.undo, context) };
    });
    this.#parts.journal.require("undo.begin", by, tell(known));
    await this.#carryBack(kind, undo, known, by);
  }

  /**
   * Counts the request, unless it is one sent again whose outcome the mind must learn.
   * @throws GarrisonError `GARRISON_ACTION_REFUSED`, which the journal is not told: it would be flooded
   */
  #takeTurn(isRepeated: () => boolean): void {
    try {
      if (isRepeated()) return;
    } catch {
      // Refused further on, and counted.
    }
    if (this.#limit.take(performance.now())) return;
    throw refused(`Cannot act: ${MAX_ACTIONS} requests came within a minute, more are refused; ask again later`);
  }

  /** The ledger's record of a request that came before; `undefined` when it is new. */
  #findRepeated({ action, kind, plan }: ActionRequest): LedgerRecord | undefined {
    const known = this.#parts.ledger.read(action);
    if (known === undefined) return undefined;
    if (known.kind !== kind || !isDeepStrictEqual(known.plan, plan)) {
      throw refused(`Cannot perform ${action}: the ledger has another action of this id`);
    }
    if (known.phase === "done" || known.phase === "begun") return known;
    const failure = known.failure === null ? "" : `: ${known.failure}`;
    throw refused(`Cannot perform ${action}: it is ${known.phase}, a new id is wanted${failure}`);
  }

  #findUndoable(action: string): LedgerRecord {
    const known = this.#parts.ledger.read(action);
    if (known === undefined) throw refused(`Cannot undo ${action}: the ledger has no such action`);
    if (known.phase === "failed") throw refused(`Cannot undo ${action}: it failed and changed nothing`);
    return known;
  }

  async #begin(request: ActionRequest, told: JsonObject): Promise<JsonObject> {
    const { action, by } = request;
    const { kind, plan, undo } = await this.#orTell("action.failed", by, told, async () => {
      const kind = this.#kindOf(request.kind);
      const plan = kind.check(request.plan, this.#parts.limits);
      return { kind, plan, undo: await kind.prepare(plan) };
    });
    this.#parts.journal.require("action.begin", by, { ...told, undo });
    const atUnixMs = this.#parts.now();
    const begun: LedgerRecord = { action, kind: kind.kind, plan, by, atUnixMs, undo, phase: "begun", failure: null };
    await this.#orTell("action.failed", by, tell(begun), () => this.#parts.ledger.write(begun));
    return this.#carryOut(kind, plan, begun);
  }

  /** A crash came behind `begun`: the recorded undo is how it was before, whatever is there now. */
  async #resume(known: LedgerRecord): Promise<JsonObject> {
    const { kind, plan } = await this.#orTell("action.failed", known.by, tell(known), () => {
      const kind = this.#kindOf(known.kind);
      return { kind, plan: kind.check(known.plan, this.#parts.limits) };
    });
    this.#parts.journal.require("action.begin", known.by, { ...tell(known), resumed: true });
    return this.#carryOut(kind, plan, known);
  }

  async #carryOut(kind: ActionKind, plan: JsonObject, begun: LedgerRecord): Promise<JsonObject> {
    try {
      await kind.perform(plan);
      if (!(await kind.verify(plan))) throw failed(`Cannot verify ${begun.action}: something changed it at once`);
    } catch (error) {
      const failure = cutText(error);
      this.#settle({ ...begun, phase: "failed", failure }, "action.failed", begun.by, { ...tell(begun), failure });
      throw error;
    }
    this.#settle({ ...begun, phase: "done" }, "action.done", begun.by, tell(begun));
    return begun.undo;
  }

  async #carryBack(kind: ActionKind, undo: JsonObject, known: LedgerRecord, by: string): Promise<void> {
    try {
      this.#parts.ledger.write({ ...known, phase: "undoing" });
      await kind.undo(undo);
      if (!(await kind.verifyUndone(undo))) {
        throw failed(`Cannot verify the undo of ${known.action}: something changed it at once`);
      }
    } catch (error) {
      const failure = cutText(error);
      const phase = known.phase === "begun" ? "begun" : "done";
      this.#settle({ ...known, phase, failure }, "undo.failed", by, { ...tell(known), failure });
      throw error;
    }
    this.#settle({ ...known, phase: "undone", failure: null }, "undo.done", by, tell(known));
  }

  /** Runs what comes before the begin, and writes down why it was refused. */
  async #orTell<T>(kind: string, by: string, data: JsonObject, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      this.#parts.journal.note(kind, by, { ...data, failure: cutText(error) });
      throw error;
    }
  }

  /**
   * Writes down how it ended. What cannot be written now changes nothing of that: the journal has its begin, owes its end and
   * takes no other action before it; the ledger still says that it was begun, from where both ways are open.
   */
  #settle(record: LedgerRecord, kind: string, by: string, data: JsonObject): void {
    this.#parts.journal.note(kind, by, data);
    try {
      this.#parts.ledger.write(record);
    } catch (error) {
      this.#parts.journal.warn("ledger not written", { action: record.action, failure: errorText(error) });
    }
  }

  #kindOf(name: string): ActionKind {
    const kind = this.#parts.kinds.get(name);
    if (kind === undefined) throw refused("Cannot act: there is no action of this kind");
    return kind;
  }
}

function tell({ action, kind, plan, undo }: LedgerRecord): JsonObject {
  return { action, kind, plan, undo };
}

function cutText(error: unknown): string {
  return errorText(error).slice(0, 2048);
}

function refused(message: string): GarrisonError {
  return new GarrisonError("GARRISON_ACTION_REFUSED", message);
}

function failed(message: string): GarrisonError {
  return new GarrisonError("GARRISON_ACTION_FAILED", message);
}
