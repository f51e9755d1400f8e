/** Follows the journal of one source for one mind after another, by a process of journalctl. It keeps no position: the mind does. */
import { existsSync } from "node:fs";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { type JournalOptions, JournalProcess, persistentJournal, readLastCursor } from "#src/linux/journalctl.ts";
import type { LogStream, SourceState, StoredUpTo } from "#src/model/log-stream.ts";

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;
// A run that held this long was a good one.
const GOOD_RUN_MS = 60_000;
/** As MAX_CHUNK_BYTES of the wire. */
const CHUNK_BYTES = 256 * 1024;
// systemd-journald.service(8): programs write to it there.
const JOURNALD_SOCKET = "/run/systemd/journal/socket";
/** There is none, which is no fault. */
const NO_JOURNALD = "the journal (journald does not run)";
const NO_ENTRIES = "the journal (it has no entries)";

/** What it needs. */
export interface JournalFollowOptions {
  readonly source: string;
  readonly matches: readonly string[];
  /** Folder with journal files. @default the host's */
  readonly folder?: string;
  readonly stream: LogStream;
  nextNumber(): number;
  after(delayMs: number, callback: () => void): void;
  count(name: string, amount: number): void;
}

/** One source. */
export class JournalFollow implements Disposable {
  readonly #options: JournalFollowOptions;
  #process: JournalProcess | null = null;
  #pending: Buffer[] = [];
  #file = 0;
  #sentBytes = 0;
  #isOpen = false;
  #isClosed = false;
  #startedMs = 0;
  #cursor: string | null = null;
  /** Where the first start for a mind without a position began; `undefined`: there was none yet. */
  #beginning: string | null | undefined;
  #session = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  #blindness: string | null = null;
  #absence: string | null = null;

  constructor(options: JournalFollowOptions) {
    this.#options = options;
  }

  get source(): string {
    return this.#options.source;
  }

  /** A mind has connected. `null`: it never had an entry, and history is not wanted. */
  follow(cursor: string | null): void {
    this.lose();
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#follow(cursor, this.#session);
  }

  #follow(cursor: string | null, session: number): void {
    if (this.#options.folder === undefined && !existsSync(JOURNALD_SOCKET)) {
      // Files of before are no journal of what happens now.
      this.#again(session, () => this.#follow(cursor, session), null);
      this.#absence = NO_JOURNALD;
      return;
    }
    this.#absence = null;
    if (cursor !== null) return this.#start(cursor, session);
    // A mind that has still stored nothing of it misses nothing either.
    if (this.#beginning !== undefined) return this.#start(this.#beginning, session);
    readLastCursor(this.#journal()).then(
      (last) => {
        this.#beginning = last;
        this.#start(last, session);
      },
      (error: unknown) => this.#again(session, () => this.#follow(null, session), whyNone(error)),
    );
  }

  /** The mind has stored something, or has room again. */
  take(stored: readonly StoredUpTo[]): void {
    for (const { file, cursor, isDone } of stored) {
      if (file !== this.#file) continue;
      this.#cursor = cursor ?? this.#cursor;
      if (isDone) this.#restart();
    }
    this.#sendPending();
  }

  /** The mind is gone. */
  lose(): void {
    this.#session++;
    this.#stop();
    this.#file = 0;
    this.#isOpen = false;
  }

  state(): SourceState {
    const { source } = this.#options;
    const reason = this.#blindness ?? ((this.#isOpen ? null : this.#process?.complaint) || null);
    return {
      source,
      kind: "journal",
      files: this.#process === null ? 0 : 1,
      behindBytes: this.#pending.reduce((sum, { length }) => sum + length, 0),
      missing: this.#absence === null ? [] : [this.#absence],
      unreadable: reason === null ? [] : [{ path: "journal", reason: reason.slice(0, 500) }],
    };
  }

  [Symbol.dispose](): void {
    this.lose();
  }

  #start(cursor: string | null, session: number): void {
    if (session !== this.#session) return;
    this.#cursor = cursor;
    this.#sentBytes = 0;
    this.#file = this.#options.nextNumber();
    this.#isOpen = false;
    this.#isClosed = false;
    this.#startedMs = performance.now();
    this.#blindness = null;
    // One that never had an entry may stay without: the mind is to wait for no word of it.
    if (cursor === null) this.#absence = NO_ENTRIES;
    else this.#open();
    this.#process = new JournalProcess(cursor, this.#journal(), {
      onBytes: (bytes) => {
        if (!this.#isOpen) this.#open();
        this.#pending.push(bytes);
        return this.#sendPending();
      },
      onEnd: (reason) => this.#onEnd(reason),
    });
  }

  /** Asked at each start: journald moves from /run to /var while the machine starts. */
  #journal(): JournalOptions {
    const { matches, folder = persistentJournal() } = this.#options;
    return folder === undefined ? { matches } : { matches, folder };
  }

  #open(): void {
    const { source, stream } = this.#options;
    this.#isOpen = true;
    this.#absence = null;
    stream.send({ t: "journal", file: this.#file, source, cursor: this.#cursor });
  }

  /** @returns whether all was sent */
  #sendPending(): boolean {
    const { stream } = this.#options;
    for (let piece = this.#pending[0]; piece !== undefined; piece = this.#pending[0]) {
      const bytes = piece.subarray(0, Math.min(CHUNK_BYTES, stream.roomBytes));
      if (bytes.length === 0) return false;
      stream.sendBytes(this.#file, this.#sentBytes, bytes);
      this.#sentBytes += bytes.length;
      if (bytes.length === piece.length) this.#pending.shift();
      else this.#pending[0] = piece.subarray(bytes.length);
    }
    if (this.#process === null) this.#close();
    else this.#process.resume();
    return true;
  }

  /** What it wrote is sent first; the mind then says how far it came. */
  #onEnd(reason: string): void {
    this.#process = null;
    this.#blindness = reason;
    if (performance.now() - this.#startedMs > GOOD_RUN_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#options.count("restarts of journalctl", 1);
    if (this.#isOpen) this.#sendPending();
    else this.#again(this.#session, () => this.#start(this.#cursor, this.#session), reason);
  }

  #close(): void {
    if (this.#file === 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#options.stream.send({ t: "close", file: this.#file });
  }

  #restart(): void {
    const cursor = this.#cursor;
    const session = this.#session;
    this.#options.stream.send({ t: "gone", file: this.#file });
    this.#file = 0;
    this.#again(session, () => this.#start(cursor, session), this.#blindness ?? "");
  }

  #again(session: number, run: () => void, reason: string | null): void {
    if (session !== this.#session) return;
    this.#blindness = reason;
    const delayMs = this.#backoffMs;
    this.#backoffMs = Math.min(delayMs * 2, LONGEST_BACKOFF_MS);
    this.#options.after(delayMs, () => {
      if (session === this.#session) run();
    });
  }

  #stop(): void {
    this.#process?.[Symbol.dispose]();
    this.#process = null;
    this.#pending = [];
  }
}

function whyNone(error: unknown): string {
  return errnoOf(error) === "ENOENT" ? "this host has no journalctl" : errorText(error);
}
