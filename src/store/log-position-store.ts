/** How far logs have been read, in the store. */
import type { FilePosition, JournalPosition } from "#src/model/log-stream.ts";
import { readValue, writeValue } from "./outbox.ts";
import type { Row, Store } from "./store.ts";

/** Positions are sent as they are to the sentry, which takes so many. */
const MAX_POSITIONS = 40_000;

/** A position with what the sentry does not need to know. */
export interface StoredPosition extends FilePosition {
  readonly id: number;
  readonly source: string;
}

/** Reads and writes positions. */
export class LogPositionStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The latest 40,000. */
  list(): readonly StoredPosition[] {
    return this.#store.all("SELECT * FROM log_position ORDER BY id DESC LIMIT ?", MAX_POSITIONS).map(toPosition);
  }

  /** @returns the id */
  insert(source: string, position: FilePosition): number {
    const sql = `INSERT INTO log_position (source, path, device, inode, offset, head_bytes, head_sha256, away, done)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    return this.#store.run(sql, source, ...valuesOf(position));
  }

  update(id: number, source: string, position: FilePosition): void {
    const sql = `UPDATE log_position SET source = ?, path = ?, device = ?, inode = ?, offset = ?, head_bytes = ?, head_sha256 = ?,
      away = ?, done = ? WHERE id = ?`;
    this.#store.run(sql, source, ...valuesOf(position), id);
  }

  delete(id: number): void {
    this.#store.run("DELETE FROM log_position WHERE id = ?", id);
  }

  journals(): readonly JournalPosition[] {
    const rows = this.#store.all("SELECT * FROM log_journal");
    return rows.map((row) => ({ source: String(row["source"]), cursor: String(row["cursor"]) }));
  }

  putJournal({ source, cursor }: JournalPosition): void {
    this.#store.run("INSERT OR REPLACE INTO log_journal VALUES (?, ?)", source, cursor);
  }

  /** Globs whose files have all been opened once. */
  get known(): readonly string[] {
    return (readValue(this.#store, "logs.known") ?? []) as readonly string[];
  }

  putKnown(known: readonly string[]): void {
    writeValue(this.#store, "logs.known", known);
  }
}

function valuesOf({ path, device, inode, offset, head, isAway, isDone }: FilePosition) {
  return [path, device, inode, offset, head.bytes, head.sha256, Number(isAway), Number(isDone)] as const;
}

function toPosition(row: Row): StoredPosition {
  return {
    id: Number(row["id"]),
    source: String(row["source"]),
    path: String(row["path"]),
    device: String(row["device"]),
    inode: String(row["inode"]),
    offset: Number(row["offset"]),
    head: { bytes: Number(row["head_bytes"]), sha256: String(row["head_sha256"]) },
    isAway: row["away"] === 1,
    isDone: row["done"] === 1,
  };
}
