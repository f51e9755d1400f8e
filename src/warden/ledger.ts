/**
 * What the warden performed and how to undo it: one file an action, written before anything is done, so that a crash between any
 * two steps loses nothing. Only root reads and writes it. Disk: at most 10,000 files of 256 KiB; memory: one of them.
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import { prepareOwnFolder, replaceFile, syncFolder } from "#src/linux/durable-file.ts";
import { type Checked, integer, jsonObject, nullable, object, oneOf, text } from "#src/wire/check.ts";

const MAX_FILES = 10_000;
/** Removed at once when the ledger is full: one look at every file makes room for many. */
const REMOVED_AT_ONCE = 1000;
const MAX_FILE_BYTES = 256 * 1024;
const SMALL = jsonObject(6, 500);

const record = object({
  action: text(32),
  kind: text(64),
  plan: SMALL,
  by: text(256),
  /** When it was begun, Unix milliseconds. */
  atUnixMs: integer(0),
  undo: SMALL,
  /** `begun`: perhaps done. `undoing`: perhaps undone. `failed`: not done. */
  phase: oneOf(["begun", "done", "undoing", "undone", "failed"]),
  /** Why it, or its undo, failed last. */
  failure: nullable(text(2048)),
});

/** One action of the ledger. */
export type LedgerRecord = Checked<typeof record>;

/** How large a ledger may grow. */
export interface LedgerOptions {
  /** @default 10,000 */
  readonly maxFiles?: number;
}

/** The ledger in one folder. There must be only one. */
export class ActionLedger {
  readonly #folder: string;
  readonly #maxFiles: number;
  #files: number;

  private constructor(folder: string, maxFiles: number) {
    this.#folder = folder;
    this.#maxFiles = maxFiles;
    this.#files = this.#list().length;
  }

  /** @throws GarrisonError `GARRISON_FOLDER_UNSAFE`. @throws Error of node:fs */
  static open(folder: string, options: LedgerOptions = {}): ActionLedger {
    prepareOwnFolder(folder, { mode: 0o700, gid: process.getegid?.() ?? 0 });
    return new ActionLedger(folder, options.maxFiles ?? MAX_FILES);
  }

  /**
   * @returns `undefined` when nothing is known of the action
   * @throws GarrisonError `GARRISON_ACTION_REFUSED` when it is no id, `GARRISON_LEDGER_DAMAGED` when its file cannot be parsed
   */
  read(action: string): LedgerRecord | undefined {
    const path = this.#pathOf(action);
    try {
      const size = statSync(path).size;
      if (size > MAX_FILE_BYTES) throw new RangeError(`it has ${size} bytes`);
      const found = record(JSON.parse(readFileSync(path, "utf8")), "record");
      if (found.action === action) return found;
      throw new RangeError(`it is about "${found.action}"`);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw new GarrisonError("GARRISON_LEDGER_DAMAGED", `Cannot read what was done: "${path}" is damaged`, {
        cause: error,
      });
    }
  }

  /**
   * Writes a record in place of the one before; it is on the disk when this returns.
   * @throws GarrisonError `GARRISON_LEDGER_FULL` when there is no room for another one. @throws Error of node:fs (ENOSPC)
   */
  write(changed: LedgerRecord): void {
    const path = this.#pathOf(changed.action);
    const isNew = statSync(path, { throwIfNoEntry: false }) === undefined;
    if (isNew && this.#files >= this.#maxFiles) this.#makeRoom();
    replaceFile(path, `${JSON.stringify(changed)}\n`, { mode: 0o600, gid: process.getegid?.() ?? 0 });
    if (isNew) this.#files++;
    syncFolder(path);
  }

  /** Removes the oldest finished ones: first what nobody can undo any more, then what is done. */
  #makeRoom(): void {
    const aged = this.#list()
      .map((action) => ({ action, rank: this.#rankOf(action), atMs: statSync(this.#pathOf(action)).mtimeMs }))
      .filter(({ rank }) => rank < 2)
      .sort((a, b) => a.rank - b.rank || a.atMs - b.atMs);
    const surplus = this.#files - this.#maxFiles + Math.min(REMOVED_AT_ONCE, Math.ceil(this.#maxFiles / 10));
    for (const { action } of aged.slice(0, surplus)) {
      rmSync(this.#pathOf(action), { force: true });
      this.#files--;
    }
    if (this.#files < this.#maxFiles) return;
    throw new GarrisonError(
      "GARRISON_LEDGER_FULL",
      `Cannot write down another action: ${this.#files} are unfinished, ${this.#maxFiles} are allowed`,
    );
  }

  /** 0: over. 1: done, and may be undone. 2: under way, or not readable: kept. */
  #rankOf(action: string): 0 | 1 | 2 {
    try {
      const phase = this.read(action)?.phase;
      if (phase === "done") return 1;
      return phase === "begun" || phase === "undoing" ? 2 : 0;
    } catch {
      return 2;
    }
  }

  /** Highest number of an action in the ledger; 0 when there is none. */
  get lastNumber(): number {
    return Math.max(0, ...this.#list().map((action) => Number(action.slice(1))));
  }

  #list(): string[] {
    return readdirSync(this.#folder).flatMap((name) => /^(x\d{1,12})\.json$/.exec(name)?.[1] ?? []);
  }

  #pathOf(action: string): string {
    if (/^x[0-9]{1,12}$/.test(action)) return join(this.#folder, `${action}.json`);
    throw new GarrisonError(
      "GARRISON_ACTION_REFUSED",
      'Cannot act: the id is not "x" and a number of at most 12 digits',
    );
  }
}
