/**
 * The embedded store: SQLite in WAL mode, one user, the mind. Everything that is learnt and told lies in it.
 * Memory: 2 MiB of page cache. Disk: at most `maxBytes` for the database, 4 MiB for its log.
 */
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { GarrisonError } from "#src/lib/errors.ts";
import { MIGRATIONS } from "./migrations.ts";

const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
const PAGE_BYTES = 4096;
const NO_PAGE_LIMIT = 4_294_967_294;

/** A value that a statement takes or gives. */
export type Value = string | number | null | Uint8Array;
/** One row, by the names of its columns. */
export type Row = Readonly<Record<string, Value>>;

/** An open database. The owner disposes it. */
export class Store implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #maxPages: number;

  private constructor(database: DatabaseSync, maxBytes: number) {
    this.#database = database;
    this.#maxPages = Math.floor(maxBytes / PAGE_BYTES);
  }

  /**
   * Opens or makes the database at `path`, brings its schema up to date and checks its integrity.
   * A damaged file is set aside as `PATH.damaged`.
   * @returns the store, and what was set aside and why (`null`: nothing)
   * @throws GarrisonError `GARRISON_STORE_TOO_NEW` when a newer Garrison wrote it
   */
  static open(path: string, { maxBytes }: { readonly maxBytes: number }): { store: Store; damage: string | null } {
    try {
      return { store: Store.#open(path, maxBytes), damage: null };
    } catch (error) {
      if (!existsSync(path) || !isDamage(error)) throw error;
      setAside(path);
      return { store: Store.#open(path, maxBytes), damage: `${(error as Error).message}; it lies in ${path}.damaged` };
    }
  }

  static #open(path: string, maxBytes: number): Store {
    const database = new DatabaseSync(path, { timeout: 2000 });
    try {
      if (path !== ":memory:") chmodSync(path, 0o600);
      // EXCLUSIVE: the index of the log is in memory, so that a full disk does not keep us from starting.
      // FULL: a commit is on the disk before its facts are acknowledged to the sentry. MEMORY: no file beside ours.
      database.exec(
        `PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048; PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF;
         PRAGMA max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`,
      );
      const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
      if (check.quick_check !== "ok") throw damaged(check.quick_check);
      migrate(database);
      return new Store(database, maxBytes);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Rows of a query. Statements are prepared once by their text. */
  all(sql: string, ...values: Value[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /** The first row, or `undefined`. */
  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  /** Runs a change. @returns the id of an inserted row */
  run(sql: string, ...values: Value[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid);
  }

  /** All or nothing. Not within another one. */
  transaction<T>(work: () => T): T {
    return this.#transact(work, "COMMIT");
  }

  /** Does it, reads its own changes and forgets them, in memory only: for a disk that takes no more. */
  rehearse<T>(work: () => T): T {
    this.#database.exec(`PRAGMA max_page_count = ${NO_PAGE_LIMIT}; PRAGMA cache_spill = OFF`);
    try {
      return this.#transact(work, "ROLLBACK");
    } finally {
      this.#database.exec(`PRAGMA cache_spill = ON; PRAGMA max_page_count = ${this.#maxPages}`);
    }
  }

  /** Part of a transaction: when it throws, its own changes are undone and those before it stay. */
  attempt<T>(work: () => T): T {
    this.#database.exec("SAVEPOINT attempt");
    try {
      const result = work();
      this.#database.exec("RELEASE attempt");
      return result;
    } catch (error) {
      // A full disk has undone the whole transaction already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK TO attempt; RELEASE attempt");
      throw error;
    }
  }

  /** How full it is: 0 to 1 of `maxBytes`. */
  get fill(): number {
    const pages = Number(this.get("PRAGMA page_count")?.["page_count"] ?? 0);
    const free = Number(this.get("PRAGMA freelist_count")?.["freelist_count"] ?? 0);
    return (pages - free) / this.#maxPages;
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  #transact<T>(work: () => T, end: "COMMIT" | "ROLLBACK"): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec(end);
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Whether a failure means that the disk, or the allowed size, takes no more: what is seen goes on, what is kept must wait. */
export function isStoreFull(error: unknown): boolean {
  return [SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN].includes(sqliteCode(error) ?? 0);
}

/** Does what may wait for room. @returns whether there was room */
export function unlessFull(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!isStoreFull(error)) throw error;
    return false;
  }
}

function isDamage(error: unknown): boolean {
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(sqliteCode(error) ?? 0);
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return Number(error.errcode) & 0xff;
}

function damaged(what: string): Error {
  return Object.assign(new Error(`database disk image is malformed: ${what}`), { errcode: SQLITE_CORRUPT });
}

function setAside(path: string): void {
  renameSync(path, `${path}.damaged`);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > MIGRATIONS.length) {
    throw new GarrisonError(
      "GARRISON_STORE_TOO_NEW",
      `Cannot open the store: its schema is version ${version}, this Garrison knows up to ${MIGRATIONS.length}; start the newer Garrison`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`);
  }
}
