/**
 * The one writer of the journal: JSON lines, each bound to the one before, in files of limited size.
 * What `append` has returned from lies on the disk. Memory: one batch. Cost: one flush of the disk a batch, two for the head behind it.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import {
  type Access,
  createForAppend,
  prepareOwnFolder,
  replaceFile,
  syncFolder,
  writeAll,
} from "#src/linux/durable-file.ts";
import type { JournalHead } from "#src/wire/warden-messages.ts";
import { type ChainEnd, formatEntry, MAX_BATCH_ENTRIES, makeEntry, type NewEntry } from "./chain.ts";
import {
  EMPTY_HEAD,
  formatHead,
  HEAD_FILE,
  journalFileName,
  listJournalFiles,
  readHead,
  type StoredHead,
} from "./head.ts";
import { readTail, type Tail } from "./tail.ts";

/** Entries that the writer adds by itself when it opens a journal: at most this many, in front of a batch. */
const MAX_NOTES = 2;
const FULL = ["ENOSPC", "EDQUOT", "EFBIG"];

/** How the journal is kept. */
export interface JournalWriterOptions {
  /** Group that may read it. */
  readonly gid: number;
  /** A batch that begins behind this size goes into the next file. @default 16 MiB */
  readonly maxFileBytes?: number;
  /** The clock. @default the system's */
  readonly now?: () => Date;
}

/** Appends to the journal in one folder. There must be only one at a time; the owner disposes it. */
export class JournalWriter implements Disposable {
  readonly #folder: string;
  readonly #maxFileBytes: number;
  readonly #now: () => Date;
  readonly #fileAccess: Access;
  #fd = -1;
  #fileNumber = 0;
  #sizeBytes = 0;
  #head: StoredHead = EMPTY_HEAD;
  /** What must be told with the next batch: that the journal was repaired or is broken. */
  #notes: NewEntry[] = [];
  /** The head on the disk is behind the entries: it is written before the next batch at the latest, so that it is never two behind. */
  #isHeadStale = false;

  private constructor(folder: string, options: JournalWriterOptions) {
    this.#folder = folder;
    this.#maxFileBytes = options.maxFileBytes ?? 16 * 1024 * 1024;
    this.#now = options.now ?? (() => new Date());
    this.#fileAccess = { mode: 0o640, gid: options.gid };
  }

  /**
   * Opens or begins the journal in `folder`. A line that a crash left unfinished is cut off and told by an entry
   * `journal.repaired`; a journal that does not end where its head says is left as it is, told by an entry `journal.broken` in
   * a new file, and carried on.
   * @throws GarrisonError `GARRISON_FOLDER_UNSAFE`, `GARRISON_JOURNAL_FULL` or `GARRISON_JOURNAL_FAILED`
   */
  static open(folder: string, options: JournalWriterOptions): JournalWriter {
    prepareOwnFolder(folder, { mode: 0o750, gid: options.gid });
    const writer = new JournalWriter(folder, options);
    writer.#guarded(() => writer.#take(readHead(folder)));
    try {
      writer.append([]);
      writer.settleHead();
    } catch (error) {
      // The notes wait for room; every other append is refused until they are written.
      if (!(error instanceof GarrisonError) || error.code !== "GARRISON_JOURNAL_FULL") throw error;
    }
    return writer;
  }

  /** Where the journal ends. */
  get head(): JournalHead {
    const { seq, hash, ref } = this.#head;
    return { seq, hash, ref };
  }

  /**
   * Writes the entries and waits until the disk has them; the head is behind them until {@link settleHead}. An entry whose `ref` is not above the highest one written is passed
   * over. All are written or none.
   * @param entries at most 126
   * @throws GarrisonError `GARRISON_JOURNAL_FULL` when the disk has no room, `GARRISON_JOURNAL_FAILED` for any other reason
   */
  append(entries: readonly NewEntry[]): JournalHead {
    if (entries.length > MAX_BATCH_ENTRIES - MAX_NOTES) {
      throw new RangeError(
        `Cannot append to the journal: ${entries.length} entries, ${MAX_BATCH_ENTRIES - MAX_NOTES} are allowed at once`,
      );
    }
    this.#guarded(() => {
      if (this.#isDisturbed()) this.#take(this.#head);
      this.#catchUp();
      const batch = [...this.#notes, ...this.#unknown(entries)];
      if (batch.length > 0) this.#write(batch);
      this.#notes = [];
    });
    return this.head;
  }

  /**
   * Writes where the journal ends to the head, behind what the entries have announced; nothing when it is there already. A crash before
   * it leaves the head one batch behind, which the next start takes as written.
   * @throws GarrisonError as {@link append}, which then tries it again first
   */
  settleHead(): void {
    // Also for a journal that was cut or taken away meanwhile: by its head that is noticed.
    if (this.#fd !== -1) this.#guarded(() => this.#catchUp());
  }

  /** With the head where the entries are, if there is room. */
  [Symbol.dispose](): void {
    try {
      this.settleHead();
    } catch {
      // The head stays one batch behind, as a crash leaves it.
    }
    this.#close();
  }

  #catchUp(): void {
    if (this.#isHeadStale) this.#writeHead(this.#head);
    this.#isHeadStale = false;
  }

  #close(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  #unknown(entries: readonly NewEntry[]): NewEntry[] {
    let highest = this.#head.ref;
    return entries.filter(({ ref }) => {
      if (ref === null) return true;
      const isNew = ref > highest;
      highest = Math.max(highest, ref);
      return isNew;
    });
  }

  #write(batch: readonly NewEntry[]): void {
    if (this.#sizeBytes >= this.#maxFileBytes) this.#openFile(this.#fileNumber + 1);
    const at = this.#now();
    let end: ChainEnd = this.#head;
    const lines = batch.map((fresh) => {
      const entry = makeEntry(fresh, end, at);
      end = entry;
      return `${formatEntry(entry)}\n`;
    });
    const bytes = Buffer.from(lines.join(""));
    const ref = batch.reduce((highest, entry) => Math.max(highest, entry.ref ?? 0), this.#head.ref);
    const head = { seq: end.seq, hash: end.hash, ref, file: journalFileName(this.#fileNumber) };
    try {
      writeAll(this.#fd, bytes);
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.#sizeBytes += bytes.length;
    this.#head = head;
    this.#isHeadStale = true;
  }

  /** Takes a batch that failed away again. If even that fails, the next append finds the file disturbed and sees to it. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#sizeBytes);
      fdatasyncSync(this.#fd);
    } catch {
      // See above: the error that the caller gets is the first one.
    }
  }

  get #headPath(): string {
    return join(this.#folder, HEAD_FILE);
  }

  /** Whether our file is no longer what we left: cut, appended to, removed, or not cut back after a failed batch. */
  #isDisturbed(): boolean {
    if (this.#fd === -1) return true;
    const { size, nlink, ino } = fstatSync(this.#fd);
    const named = statSync(join(this.#folder, journalFileName(this.#fileNumber)), { throwIfNoEntry: false });
    return nlink === 0 || size !== this.#sizeBytes || named?.ino !== ino;
  }

  /** Finds the end of what is there, and opens the file to go on in. */
  #take(known: StoredHead | "absent" | "damaged"): void {
    this.#close();
    prepareOwnFolder(this.#folder, { ...this.#fileAccess, mode: 0o750 });
    const files = listJournalFiles(this.#folder);
    const isNew = known === "absent" && files.length === 0;
    if (isNew) this.#writeHead(EMPTY_HEAD);
    const head = typeof known === "string" ? (isNew ? EMPTY_HEAD : null) : known;
    const tail = readTail(this.#folder, files, head);
    this.#head = { ...tail.end, ref: tail.ref, file: journalFileName(Math.max(tail.file, 1)) };
    this.#notes = notesOf(tail, head);
    // A broken journal keeps its head until the note is written: a crash before that finds the break again.
    this.#isHeadStale = tail.broken === null;
    const goesOn = tail.broken === null || tail.sizeBytes === 0;
    this.#openFile(goesOn ? Math.max(tail.file, 1) : tail.file + 1, tail);
  }

  #openFile(number: number, tail?: Tail): void {
    const path = join(this.#folder, journalFileName(number));
    const isThere = number === tail?.file;
    const fd = isThere
      ? openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW)
      : createForAppend(path, this.#fileAccess);
    this.#close();
    this.#fd = fd;
    this.#fileNumber = number;
    this.#sizeBytes = isThere ? tail.sizeBytes : 0;
    if (!isThere) return syncFolder(path);
    fchownSync(fd, process.geteuid?.() ?? 0, this.#fileAccess.gid);
    fchmodSync(fd, this.#fileAccess.mode);
    if (tail.tornBytes === 0) return;
    ftruncateSync(fd, tail.sizeBytes);
    fdatasyncSync(fd);
  }

  #writeHead(head: StoredHead): void {
    replaceFile(this.#headPath, formatHead(head), this.#fileAccess);
    syncFolder(this.#headPath);
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof GarrisonError) throw error;
      const isFull = FULL.includes(errnoOf(error) ?? "");
      throw new GarrisonError(
        isFull ? "GARRISON_JOURNAL_FULL" : "GARRISON_JOURNAL_FAILED",
        `Cannot write to the journal in "${this.#folder}"${isFull ? ": the disk has no room" : ""}`,
        { cause: error },
      );
    }
  }
}

function notesOf({ tornBytes, broken, end }: Tail, head: StoredHead | null): NewEntry[] {
  const note = { by: "warden", ref: null };
  if (tornBytes > 0) return [{ ...note, kind: "journal.repaired", data: { cutBytes: tornBytes } }];
  if (broken === null) return [];
  const expected = head === null ? null : { seq: head.seq, hash: head.hash, file: head.file };
  const found = { seq: end.seq, hash: end.hash };
  return [{ ...note, kind: "journal.broken", data: { reason: broken, expected, found } }];
}
