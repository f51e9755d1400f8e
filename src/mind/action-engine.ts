/**
 * Actions as the mind sees them: planned (and journaled), performed by the warden, undone by hand or on expiry.
 * What the mind does not know the outcome of stays `planned`, and is sent again: the warden does it once.
 */
import { PLANS, type PlanAction } from "#src/actions/plans.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { Action } from "#src/model/action.ts";
import type { Alert } from "#src/model/alert.ts";
import type { ActionStore } from "#src/store/action-store.ts";
import type { Outbox } from "#src/store/outbox.ts";
import { type Store, unlessFull } from "#src/store/store.ts";
import { BLOCK } from "./block-engine.ts";
import type { WardenClient } from "./warden-client.ts";

const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 3_600_000;

/** What the engine works with. */
export interface EngineParts {
  readonly store: Pick<Store, "transaction">;
  readonly actions: ActionStore;
  readonly outbox: Outbox;
  readonly warden: () => Pick<WardenClient, "perform" | "undo" | "drain">;
  /** Blocks have a way of their own to the warden and back. */
  readonly unblock: (id: string, by: string) => Promise<Action>;
  readonly now: () => number;
}

/** Runs the actions of one host. */
export class ActionEngine {
  readonly #parts: EngineParts;
  readonly #busy = new Set<string>();
  /** When what the warden could not undo on expiry is tried again, and how long it waited for that. */
  readonly #retries = new Map<string, { readonly atUnixMs: number; readonly delayMs: number }>();

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /**
   * Plans and performs an action for an alert.
   * @param forMs undone by itself after this time; 0: never
   * @throws GarrisonError `GARRISON_NO_SUCH_ACTION_KIND`, `GARRISON_CANNOT_PLAN`, and those of {@link WardenClient.perform}
   */
  async act(kind: string, alert: Alert, by: string, forMs: number): Promise<Action> {
    const action = this.#plan(kind, alert, by, forMs);
    this.#parts.warden().drain();
    return this.#perform(action);
  }

  /**
   * @param state what it is behind it: undone by hand, or expired
   * @throws GarrisonError `GARRISON_NO_SUCH_ACTION`, `GARRISON_NOT_DONE`, and those of {@link WardenClient.undo}
   */
  async undo(id: string, by: string, state: "undone" | "expired" = "undone"): Promise<Action> {
    const action = this.#parts.actions.get(id);
    if (action === null) {
      throw new GarrisonError(
        "GARRISON_NO_SUCH_ACTION",
        `Cannot undo "${id.slice(0, 40)}": expected an id such as "x3"; garrison actions lists them`,
      );
    }
    if (action.state !== "done") {
      throw new GarrisonError(
        "GARRISON_NOT_DONE",
        `Cannot undo ${id}: it is ${action.state}, only what is done can be undone`,
      );
    }
    if (action.kind === BLOCK) return this.#parts.unblock(id, by);
    return this.#exclusively(action, async () => {
      await this.#parts.warden().undo(id, by);
      return this.#settle(action, { state, failure: null });
    });
  }

  /** Sends again what has no outcome: at each meeting with a warden. */
  async resume(): Promise<void> {
    const planned = this.#parts.actions.inState("planned").filter(({ kind }) => kind !== BLOCK);
    for (const action of planned) await this.#perform(action).catch(() => undefined);
  }

  /** Undoes what has expired. What cannot be undone now says why, and is tried again, each time later. */
  async expire(): Promise<void> {
    const now = this.#parts.now();
    for (const action of this.#parts.actions.expired(now)) {
      // The kernel has ended it.
      if (action.kind === BLOCK) continue;
      if ((this.#retries.get(action.id)?.atUnixMs ?? 0) > now) continue;
      try {
        await this.undo(action.id, "garrison: expired", "expired");
        this.#retries.delete(action.id);
      } catch (error) {
        this.#expireLater(action, error);
      }
    }
  }

  #expireLater(action: Action, error: unknown): void {
    if (!hasFailed(error)) return;
    const delayMs = Math.min(LONGEST_RETRY_MS, (this.#retries.get(action.id)?.delayMs ?? FIRST_RETRY_MS / 2) * 2);
    this.#retries.set(action.id, { atUnixMs: this.#parts.now() + delayMs, delayMs });
    const failure = errorText(error);
    if (action.failure !== failure) unlessFull(() => this.#settle(action, { failure }));
  }

  /** Written down and journaled in one: a crash leaves both or neither. */
  #plan(kind: string, alert: Alert, by: string, forMs: number): Action {
    const plan = planOf(kind)(alert);
    const now = this.#parts.now();
    const { store, actions, outbox } = this.#parts;
    return store.transaction(() => {
      const action = actions.insert({
        kind,
        subject: alert.subject,
        reason: cutText(`${alert.id}: ${alert.observed}`, 1000),
        by,
        at: new Date(now).toISOString(),
        expiresAt: forMs === 0 ? null : new Date(now + forMs).toISOString(),
        state: "planned",
        plan,
        undo: null,
        failure: null,
      });
      const { id, expiresAt } = action;
      outbox.add("action.planned", by, { action: id, kind, alert: alert.id, plan, expiresAt });
      return action;
    });
  }

  async #perform(action: Action): Promise<Action> {
    return this.#exclusively(action, async () => {
      try {
        const undo = await this.#parts.warden().perform(action.id, action.kind, action.plan, action.by);
        return this.#settle(action, { state: "done", undo });
      } catch (error) {
        if (hasFailed(error)) this.#settle(action, { state: "failed", failure: errorText(error) });
        throw error;
      }
    });
  }

  #settle(action: Action, change: Partial<Pick<Action, "state" | "undo" | "failure">>): Action {
    const settled = { ...action, ...change };
    this.#parts.actions.update(settled);
    return settled;
  }

  async #exclusively(action: Action, run: () => Promise<Action>): Promise<Action> {
    if (this.#busy.has(action.id))
      throw new GarrisonError("GARRISON_BUSY", `Cannot act on ${action.id}: it is under way`);
    this.#busy.add(action.id);
    try {
      return await run();
    } finally {
      this.#busy.delete(action.id);
    }
  }
}

/** Whether the warden said that it could not; of any other error the outcome is not known. */
function hasFailed(error: unknown): boolean {
  return error instanceof GarrisonError && error.code === "GARRISON_ACTION_FAILED";
}

function planOf(kind: string): PlanAction {
  const plan = Object.hasOwn(PLANS, kind) ? PLANS[kind] : undefined;
  if (plan !== undefined) return plan;
  const known = Object.keys(PLANS).join(", ");
  throw new GarrisonError("GARRISON_NO_SUCH_ACTION_KIND", `Cannot plan "${kind}": expected one of ${known}`);
}
