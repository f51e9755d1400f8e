/** Journal entries that the warden has not yet confirmed, and small named values. */
import type { Json, JsonObject } from "#src/model/json.ts";
import { jsonObject } from "#src/wire/check.ts";
import type { Store } from "./store.ts";

// What the warden takes (wire/warden-messages.ts); a longer line than this the journal would cut by itself.
const checkData = jsonObject(6, 500);
const MAX_DATA_BYTES = 60 * 1024;
const MAX_BY_LENGTH = 256;

/** An entry on its way to the journal. */
export interface OutboxEntry {
  readonly ref: number;
  readonly kind: string;
  readonly by: string;
  readonly data: JsonObject;
}

/** Written in the same transaction as what it tells of, so that nothing done is missing from the journal. */
export class Outbox {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Data that the warden would refuse is replaced by `{"cut": true, "bytes": n}`. */
  add(kind: string, by: string, data: JsonObject): void {
    const sql = "INSERT INTO journal_outbox (kind, by, data) VALUES (?, ?, ?)";
    this.#store.run(sql, kind, by.slice(0, MAX_BY_LENGTH), toText(data));
  }

  /** The oldest entries behind `ref`: at most `limit`, and no more than fit into `maxBytes` as JSON, but one at least. */
  after(ref: number, limit: number, maxBytes = Number.POSITIVE_INFINITY): readonly OutboxEntry[] {
    const rows = this.#store.all("SELECT * FROM journal_outbox WHERE ref > ? ORDER BY ref LIMIT ?", ref, limit);
    let bytes = 0;
    const fitting = rows.findIndex((row) => {
      bytes += Buffer.byteLength(String(row["data"])) + 2 * MAX_BY_LENGTH;
      return bytes > maxBytes;
    });
    return rows.slice(0, fitting === -1 ? rows.length : Math.max(1, fitting)).map((row) => ({
      ref: Number(row["ref"]),
      kind: String(row["kind"]),
      by: String(row["by"]),
      data: JSON.parse(String(row["data"])) as JsonObject,
    }));
  }

  /** Entries up to `ref` are in the journal. */
  confirm(ref: number): void {
    this.#store.run("DELETE FROM journal_outbox WHERE ref <= ?", ref);
  }

  get size(): number {
    return Number(this.#store.get("SELECT count(*) AS n FROM journal_outbox")?.["n"] ?? 0);
  }

  /**
   * What to do when the journal says that its highest `ref` is this: entries up to it are there already. A store that did not write
   * them, because it is new or was put back from a backup, begins behind it, else its entries would pass for repetitions.
   */
  meet(ref: number): void {
    const isOurs = readValue(this.#store, "outbox.met") === true && ref <= this.#lastRef;
    if (isOurs) this.confirm(ref);
    else this.#startBehind(ref);
  }

  /** Drops the oldest entries but `keep`, and says so in an entry: for a store without room whose journal cannot be written. */
  shrink(keep: number): number {
    const dropped = this.size - keep;
    if (dropped <= 0) return 0;
    this.#store.transaction(() => {
      this.#store.run(
        "DELETE FROM journal_outbox WHERE ref IN (SELECT ref FROM journal_outbox ORDER BY ref LIMIT ?)",
        dropped,
      );
      this.add("journal.dropped", "garrison", { dropped });
    });
    return dropped;
  }

  get #lastRef(): number {
    return Number(this.#store.get("SELECT seq FROM sqlite_sequence WHERE name = 'journal_outbox'")?.["seq"] ?? 0);
  }

  #startBehind(ref: number): void {
    this.#store.transaction(() => {
      const first = Number(this.#store.get("SELECT min(ref) AS first FROM journal_outbox")?.["first"] ?? 0);
      const shift = Math.max(0, ref + 1 - first);
      // In two steps, so that no two entries have the same number in between.
      this.#store.run("UPDATE journal_outbox SET ref = -ref - ?", shift);
      this.#store.run("UPDATE journal_outbox SET ref = -ref");
      const last = Number(this.#store.get("SELECT max(ref) AS last FROM journal_outbox")?.["last"] ?? 0);
      const seq = Math.max(ref, last, this.#lastRef);
      this.#store.run("DELETE FROM sqlite_sequence WHERE name = 'journal_outbox'");
      this.#store.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('journal_outbox', ?)", seq);
      writeValue(this.#store, "outbox.met", true);
    });
  }
}

function toText(data: JsonObject): string {
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text);
  return bytes <= MAX_DATA_BYTES && isPermitted(data) ? text : JSON.stringify({ cut: true, bytes });
}

function isPermitted(data: JsonObject): boolean {
  try {
    checkData(data, "data");
    return true;
  } catch {
    return false;
  }
}

/** A named JSON value, or `null`. */
export function readValue(store: Store, name: string): Json {
  const row = store.get("SELECT value FROM value WHERE name = ?", name);
  return row === undefined ? null : (JSON.parse(String(row["value"])) as Json);
}

/** Keeps a named JSON value. */
export function writeValue(store: Store, name: string, value: Json): void {
  store.run("INSERT OR REPLACE INTO value VALUES (?, ?)", name, JSON.stringify(value));
}

/** Forgets a named JSON value. */
export function removeValue(store: Store, name: string): void {
  store.run("DELETE FROM value WHERE name = ?", name);
}
