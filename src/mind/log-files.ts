/** Logs that the sentry reads for us on one connection: where each stands, and the beginning of a line whose end is not there yet. */

import type { LinePlace, PlacedHit } from "#src/logs/contract.ts";
import { LineCutter } from "#src/logs/match/line-cutter.ts";
import type { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import type { FilePosition, StoredUpTo } from "#src/model/log-stream.ts";
import type { LogPositionStore } from "#src/store/log-position-store.ts";
import type { LogJournal } from "./log-journal.ts";
import type { OpenedFile } from "./log-stream-client.ts";

/** One file. */
export class LogFile {
  readonly source: string;
  readonly number: number;
  /** Its row in the store; `null`: none yet. */
  id: number | null;
  isDirty = true;
  #position: FilePosition;
  readonly #cutter: LineCutter;
  readonly #matcher: SourceMatcher;
  readonly #count: (lines: Uint8Array) => void;

  /** @param count is given all whole lines */
  constructor(opened: OpenedFile, id: number | null, matcher: SourceMatcher, count: (lines: Uint8Array) => void) {
    const { path, device, inode, offset, head, source, file } = opened;
    this.source = source;
    this.number = file;
    this.id = id;
    this.#position = { path, device, inode, offset, head, isAway: false, isDone: false };
    this.#cutter = new LineCutter(offset);
    this.#matcher = matcher;
    this.#count = count;
  }

  /** Hits in the lines that these bytes complete. */
  push(bytes: Buffer): readonly PlacedHit[] {
    const hits: PlacedHit[] = [];
    this.#cutter.push(bytes, (lines, offset) => hits.push(...this.#match(lines, offset)));
    this.isDirty = true;
    return hits;
  }

  /** No byte of it comes any more: what is left of a line is a line. */
  end(): readonly PlacedHit[] {
    const hits: PlacedHit[] = [];
    this.#cutter.end((lines, offset) => hits.push(...this.#match(lines, offset)));
    this.change({ isDone: true });
    return hits;
  }

  change(change: Partial<Pick<FilePosition, "head" | "isAway" | "isDone">>): void {
    this.#position = { ...this.#position, ...change };
    this.isDirty = true;
  }

  /** As it is to be stored: at the begin of a line that is not whole. */
  get position(): FilePosition {
    return { ...this.#position, offset: this.#cutter.offset };
  }

  get storedUpTo(): StoredUpTo {
    return { file: this.number, offset: this.#cutter.offset, cursor: null, isDone: this.#position.isDone };
  }

  #match(lines: Buffer, offset: number): readonly PlacedHit[] {
    const place: LinePlace = { file: this.#position.path, offset, line: null };
    this.#count(lines);
    return this.#matcher.match(lines, place);
  }
}

/** Stores what has changed. Within a transaction. @returns what to do when it is committed */
export function storeFiles(
  files: readonly LogFile[],
  journals: readonly LogJournal[],
  positions: LogPositionStore,
): () => readonly StoredUpTo[] {
  const stored = files.map((file) => {
    const { source, position } = file;
    const id = file.id ?? positions.insert(source, position);
    if (file.id !== null) positions.update(id, source, position);
    return { file, id, upTo: file.storedUpTo };
  });
  for (const { source, cursor } of journals) if (cursor !== null) positions.putJournal({ source, cursor });
  return () => {
    for (const { file, id } of stored) file.id = id;
    for (const one of [...files, ...journals]) one.isDirty = false;
    return [...stored.map(({ upTo }) => upTo), ...journals.map(({ storedUpTo }) => storedUpTo)];
  };
}
