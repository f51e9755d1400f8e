/** For the tests of this folder: a mind that cuts lines and keeps positions as the real one, and can be killed at any step. Not shipped. */

import { listenUnix } from "#src/linux/unix-socket.ts";
import { type JournalEntry, JournalExport } from "#src/logs/journal/export.ts";
import { LogStreamClient, type OpenedFile } from "#src/mind/log-stream-client.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { FilePosition, LogFollow, SourceState, StoredUpTo } from "#src/model/log-stream.ts";
import { LogServer } from "#src/sentry/log-stream.ts";
import { SensorRunner } from "#src/sentry/sensor-runner.ts";
import { sensor } from "./sensor.ts";

const NEWLINE = 10;

/** The sentry's part: sensor, runner and server on a real socket. */
export class FakeSentry implements AsyncDisposable {
  readonly server: LogServer;
  readonly runner: SensorRunner;
  readonly refused: string[] = [];

  constructor(socketPath: string, options: unknown) {
    this.server = new LogServer(listenUnix(socketPath, process.getgid?.() ?? 0), {
      isAllowed: () => true,
      onRefused: (reason) => this.refused.push(reason),
    });
    this.runner = new SensorRunner({
      name: "logs",
      load: () => Promise.resolve({ sensor }),
      options: options as JsonObject,
      root: "/",
      stream: this.server,
      onFacts: () => undefined,
      onStatus: () => undefined,
    });
    this.runner.start();
  }

  count(name: string): number {
    return this.runner.status().counts.find((count) => count.name === name)?.value ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]();
    this.server.close();
  }
}

interface Row {
  position: FilePosition;
  readonly source: string;
}

/** What survives the mind: lines, positions, what is known. */
export class FakeStore {
  readonly rows = new Set<Row>();
  lines: { readonly source: string; readonly path: string; readonly text: string }[] = [];
  readonly entries: JournalEntry[] = [];
  known: readonly string[] = [];
  readonly cursors = new Map<string, string>();
  readonly gaps: { readonly bytes: number | null; readonly reason: string }[] = [];

  texts(source?: string): string[] {
    return this.lines.filter((line) => source === undefined || line.source === source).map(({ text }) => text);
  }
}

interface Reading {
  readonly row: Row;
  held: Buffer;
}

/** Changes that wait for the next commit. */
type Change = () => void;

/** One life of a mind. */
export class FakeMind implements Disposable {
  readonly #store: FakeStore;
  readonly #files = new Map<number, Reading>();
  readonly #journals = new Map<number, { readonly source: string; readonly parser: JournalExport }>();
  readonly client: LogStreamClient;
  readonly log: string[] = [];
  states: readonly SourceState[] = [];
  readonly lost: (string | null)[] = [];
  #rows: readonly Row[] = [];
  #changes: Change[] = [];
  #takenBytes = 0;
  #stored = new Map<number, StoredUpTo>();
  isPaused = false;
  #isDead = false;

  constructor(socketPath: string, store: FakeStore) {
    this.#store = store;
    this.client = new LogStreamClient(socketPath, {
      positions: () => this.#positions(),
      onOpen: (file) => this.#onOpen(file),
      onHead: (file, head) => this.#update(file, { head }),
      onAway: (file) => this.#update(file, { isAway: true }),
      onBytes: (file, offset, bytes) => this.#onBytes(file, offset, bytes),
      onGap: (_, bytes, reason) => this.#later(() => this.#store.gaps.push({ bytes, reason })),
      onClose: (file) => (this.#journals.has(file) ? this.#onJournalClose(file) : this.#onClose(file)),
      onGone: (file) => {
        const row = this.#files.get(file)?.row;
        if (row !== undefined) this.#later(() => this.#store.rows.delete(row));
      },
      onSettled: (known) => {
        this.log.push("settled");
        this.#later(() => {
          this.#store.known = known;
        });
      },
      onJournalOpen: ({ file, source, cursor }) => {
        this.log.push(`journal ${source} ${cursor === null ? "from its start" : "behind a cursor"}`);
        this.#journals.set(file, { source, parser: new JournalExport() });
        if (cursor !== null) this.#later(() => this.#store.cursors.set(source, cursor));
      },
      onJournal: (file, _, bytes) => this.#onJournal(file, bytes),
      onState: (sources) => {
        this.states = sources;
      },
      onLost: (reason) => this.lost.push(reason),
    });
  }

  /** Stores what has come, and says so; `isHeard` false: it is killed in between. */
  commit(isHeard = true): void {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) change();
    const stored = [...this.#stored.values()];
    this.#stored.clear();
    const bytes = this.#takenBytes;
    this.#takenBytes = 0;
    if (isHeard && (bytes > 0 || stored.length > 0)) this.client.taken(bytes, stored);
  }

  /** As by kill -9: what was not committed is lost. */
  [Symbol.dispose](): void {
    this.#isDead = true;
    this.client[Symbol.dispose]();
  }

  #positions(): LogFollow {
    // What a lost sentry left uncommitted came before anything that comes now.
    this.commit(false);
    this.#files.clear();
    this.#rows = [...this.#store.rows];
    return {
      positions: this.#rows.map(({ position }) => position),
      known: this.#store.known,
      journals: this.#journalPositions(),
    };
  }

  #journalPositions(): LogFollow["journals"] {
    return [...this.#store.cursors].map(([source, cursor]) => ({ source, cursor }));
  }

  #later(change: Change): void {
    this.#changes.push(change);
    if (!this.isPaused) setImmediate(() => this.#isDead || this.isPaused || this.commit());
  }

  #onJournal(file: number, bytes: Buffer): void {
    const { source, parser } = this.#journals.get(file)!;
    this.#takenBytes += bytes.length;
    const entries = parser.push(bytes);
    const last = entries.at(-1);
    if (last === undefined) return this.#later(() => undefined);
    this.#later(() => {
      this.#store.entries.push(...entries);
      this.#store.cursors.set(source, last.cursor);
    });
    this.#stored.set(file, { file, offset: last.endOffset, cursor: last.cursor, isDone: false });
  }

  #onJournalClose(file: number): void {
    const { source } = this.#journals.get(file)!;
    const cursor = this.#stored.get(file)?.cursor ?? this.#store.cursors.get(source) ?? null;
    this.#later(() => undefined);
    this.#stored.set(file, { file, offset: 0, cursor, isDone: true });
  }

  #onOpen({ position: index, source, path, device, inode, offset, head, file }: OpenedFile): void {
    const position = { path, device, inode, offset, head, isAway: false, isDone: false };
    const row = index === null ? { position, source } : this.#rows[index]!;
    this.log.push(`open ${path} ${offset}`);
    this.#files.set(file, { row, held: Buffer.alloc(0) });
    this.#later(() => {
      row.position = {
        ...position,
        isAway: row.position.isAway && index !== null,
        isDone: index !== null && row.position.isDone,
      };
      this.#store.rows.add(row);
    });
    this.#stored.set(file, { file, offset, cursor: null, isDone: false });
  }

  #update(file: number, part: Partial<FilePosition>): void {
    const { row } = this.#files.get(file)!;
    this.#later(() => {
      row.position = { ...row.position, ...part };
    });
  }

  #onBytes(file: number, offset: number, bytes: Buffer): void {
    const reading = this.#files.get(file)!;
    const all = Buffer.concat([reading.held, bytes]);
    const end = all.lastIndexOf(NEWLINE) + 1;
    reading.held = all.subarray(end);
    const at = offset + bytes.length - reading.held.length;
    this.#takenBytes += bytes.length;
    this.#takeLines(file, reading, all.subarray(0, end), at, false);
  }

  #onClose(file: number): void {
    const reading = this.#files.get(file)!;
    const { held } = reading;
    reading.held = Buffer.alloc(0);
    this.log.push(`close ${reading.row.position.path}`);
    this.#takeLines(file, reading, held, null, true);
  }

  #takeLines(file: number, { row }: Reading, bytes: Buffer, offset: number | null, isDone: boolean): void {
    const texts = bytes.toString("latin1").split("\n");
    if (texts.at(-1) === "") texts.pop();
    const { source } = row;
    const at = offset ?? this.#stored.get(file)?.offset ?? row.position.offset;
    this.#later(() => {
      for (const text of texts) this.#store.lines.push({ source, path: row.position.path, text });
      row.position = { ...row.position, offset: offset ?? row.position.offset, isDone };
    });
    this.#stored.set(file, { file, offset: at, cursor: null, isDone });
  }
}
