/** Actions in the store. */
import type { Action, ActionState } from "#src/model/action.ts";
import { idNumber } from "./id.ts";
import type { Row, Store } from "./store.ts";

/** Reads and writes actions. */
export class ActionStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get(id: string): Action | null {
    const row = this.#store.get("SELECT * FROM action WHERE id = ?", idNumber("x", id));
    return row === undefined ? null : toAction(row);
  }

  /** Newest first. */
  list(limit: number): readonly Action[] {
    return this.#store.all("SELECT * FROM action ORDER BY id DESC LIMIT ?", limit).map(toAction);
  }

  /** Oldest first. */
  inState(state: ActionState): readonly Action[] {
    return this.#store.all("SELECT * FROM action WHERE state = ? ORDER BY id", state).map(toAction);
  }

  /** Done, and to be undone by now; longest due first. */
  expired(nowUnixMs: number): readonly Action[] {
    const sql = "SELECT * FROM action WHERE state = 'done' AND expires_ms <= ? ORDER BY expires_ms";
    return this.#store.all(sql, nowUnixMs).map(toAction);
  }

  /** Numbers go on behind this one: the warden never takes a number twice, and this store may be younger than its ledger. */
  startBehind(number: number): void {
    const last = Number(this.#store.get("SELECT seq FROM sqlite_sequence WHERE name = 'action'")?.["seq"] ?? 0);
    if (last >= number) return;
    this.#store.run("DELETE FROM sqlite_sequence WHERE name = 'action'");
    this.#store.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('action', ?)", number);
  }

  /** Forgets actions of one kind that ended before an instant and will not be undone. @returns how many */
  forgetOver(kind: string, beforeUnixMs: number, limit = 1000): number {
    const sql = `DELETE FROM action WHERE id IN (SELECT id FROM action WHERE state IN ('undone', 'expired', 'failed')
      AND expires_ms < ? AND json_extract(body, '$.kind') = ? LIMIT ?) RETURNING id`;
    return this.#store.all(sql, beforeUnixMs, kind, limit).length;
  }

  insert(action: Omit<Action, "id">): Action {
    const expires = action.expiresAt === null ? null : Date.parse(action.expiresAt);
    const sql = "INSERT INTO action (state, expires_ms, body) VALUES (?, ?, ?)";
    return { id: `x${this.#store.run(sql, action.state, expires, JSON.stringify(action))}`, ...action };
  }

  update(action: Action): void {
    const { id, ...body } = action;
    this.#store.run(
      "UPDATE action SET state = ?, body = ? WHERE id = ?",
      body.state,
      JSON.stringify(body),
      idNumber("x", id),
    );
  }
}

function toAction(row: Row): Action {
  return { id: `x${row["id"]}`, ...(JSON.parse(String(row["body"])) as Omit<Action, "id">) };
}
