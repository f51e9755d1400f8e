/**
 * The mind's end of the link on which log bytes come from the sentry. It connects again when the sentry was started anew, and says
 * each time where the mind stands; nothing but what `positions` gives is kept for that.
 *
 * The contract with its owner: what `onOpen`, `onHead`, `onAway`, `onBytes`, `onClose` and `onSettled` tell is stored in the order in
 * which it is told, together with what came of the lines, in transactions of any size; `taken` is called behind each. Then no line is
 * lost or read twice, whoever is killed at whatever step:
 *
 * - `onOpen` with a position: that row goes on, with path, device, inode, offset and head as told now. Without: a new row.
 * - An offset is stored at the begin of a line that is not whole yet. What is left at `onClose` is a line.
 * - `onClose` sets the row's `isDone`; `onGone` deletes it.
 */
import { GarrisonError } from "#src/lib/errors.ts";
import type { FileHead, LogFollow, LogNews, SourceState, StoredUpTo } from "#src/model/log-stream.ts";
import {
  fromLogs,
  type LogBytes,
  LogLink,
  MAX_IN_FLIGHT_BYTES,
  MAX_POSITIONS_AT_ONCE,
  MAX_STORED_AT_ONCE,
} from "#src/wire/log-stream.ts";
import { RetryLink } from "./retry-link.ts";

/** A file that the sentry reads for us. */
export type OpenedFile = Omit<Extract<LogNews, { readonly t: "open" }>, "t">;
/** A journal that the sentry reads for us. */
export type OpenedJournal = Omit<Extract<LogNews, { readonly t: "journal" }>, "t">;

/** What the mind does with it. `file` is a number that belongs to one connection. */
export interface LogStreamClientHandlers {
  /** What is stored, or will be before anything that comes now. Asked at each connection. */
  positions(): LogFollow;
  onOpen(file: OpenedFile): void;
  onHead(file: number, head: FileHead): void;
  onAway(file: number): void;
  /** Raw bytes of a file at an offset. They are overwritten later: what is kept is copied. */
  onBytes(file: number, offset: number, bytes: Buffer): void;
  onGap(file: number, bytes: number | null, reason: string): void;
  onClose(file: number): void;
  onGone(file: number): void;
  /** To be stored in place of what was told before, and given back as `known`. */
  onSettled(known: readonly string[]): void;
  /** A journal begins, at first or again: what is held of an entry that is not whole is dropped. */
  onJournalOpen(journal: OpenedJournal): void;
  /** Raw bytes in the export format. They are overwritten later. */
  onJournal(file: number, offset: number, bytes: Buffer): void;
  onState(sources: readonly SourceState[]): void;
  /** All numbers are void. `null`: the sentry has just ended. A reason: it said something that it must not. */
  onLost(reason: string | null): void;
}

/** Stays connected until disposed. */
export class LogStreamClient implements Disposable {
  readonly #handlers: LogStreamClientHandlers;
  readonly #retry: RetryLink;
  #link: LogLink<LogNews> | null = null;
  /** Of each open file or journal the offset of the byte that comes next. */
  readonly #next = new Map<number, { readonly isJournal: boolean; offset: number }>();
  #untakenBytes = 0;
  #positionCount = 0;

  constructor(socketPath: string, handlers: LogStreamClientHandlers) {
    this.#handlers = handlers;
    this.#retry = new RetryLink(socketPath, {
      onConnect: (socket, onEnd) => {
        this.#next.clear();
        this.#untakenBytes = 0;
        const link = new LogLink<LogNews>(socket, {
          accepts: fromLogs,
          onMessage: (news) => this.#onNews(news),
          onBytes: (bytes) => this.#onBytes(bytes),
          onEnd: (reason) => {
            this.#link = null;
            onEnd();
            if (!this.#retry.isDisposed) handlers.onLost(reason);
          },
        });
        this.#link = link;
        this.#follow(link);
      },
    });
  }

  get isConnected(): boolean {
    return this.#link !== null;
  }

  /** Bytes that have come and were not said to be taken: the sentry sends at most 4 MiB more. */
  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /**
   * `bytes` more have been consumed, so that the sentry may send as many; and so far is stored, on disk. Also for files of which
   * nothing but the opening is stored: the sentry then knows that the mind has a position of them.
   * @throws RangeError when more is taken than has come
   */
  taken(bytes: number, stored: readonly StoredUpTo[]): void {
    if (this.#link === null) return;
    if (bytes > this.#untakenBytes) {
      throw new RangeError(`Cannot take ${bytes} bytes: ${this.#untakenBytes} have come and were not taken`);
    }
    this.#untakenBytes -= bytes;
    this.#link.send({ t: "taken", bytes, stored: stored.slice(0, MAX_STORED_AT_ONCE) });
    for (let at = MAX_STORED_AT_ONCE; at < stored.length; at += MAX_STORED_AT_ONCE) {
      this.#link.send({ t: "taken", bytes: 0, stored: stored.slice(at, at + MAX_STORED_AT_ONCE) });
    }
  }

  [Symbol.dispose](): void {
    this.#retry[Symbol.dispose]();
    this.#link?.[Symbol.dispose]();
  }

  #follow(link: LogLink<LogNews>): void {
    const { positions, known, journals } = this.#handlers.positions();
    this.#positionCount = positions.length;
    for (let at = 0; at < positions.length; at += MAX_POSITIONS_AT_ONCE) {
      link.send({ t: "positions", items: positions.slice(at, at + MAX_POSITIONS_AT_ONCE) });
    }
    link.send({ t: "follow", known, journals });
  }

  #onNews(news: LogNews): void {
    const handlers = this.#handlers;
    switch (news.t) {
      case "open": {
        const { t: _, ...file } = news;
        if ((file.position ?? -1) >= this.#positionCount) throw unexpected(`position ${file.position} was never sent`);
        this.#begin(file.file, false, file.offset);
        return handlers.onOpen(file);
      }
      case "journal": {
        const { t: _, ...journal } = news;
        this.#begin(journal.file, true, 0);
        return handlers.onJournalOpen(journal);
      }
      case "settled":
        return handlers.onSettled(news.known);
      case "state":
        return handlers.onState(news.sources);
      default:
        return this.#onFileNews(news);
    }
  }

  #onFileNews(news: Exclude<LogNews, { readonly t: "open" | "journal" | "settled" | "state" }>): void {
    const { file } = news;
    if (!this.#next.has(file)) throw unexpected(`file ${file} is not open`);
    switch (news.t) {
      case "head":
        return this.#handlers.onHead(file, news.head);
      case "away":
        return this.#handlers.onAway(file);
      case "gap":
        return this.#handlers.onGap(file, news.bytes, news.reason);
      case "close":
        return this.#handlers.onClose(file);
      case "gone":
        this.#next.delete(file);
        return this.#handlers.onGone(file);
    }
  }

  #begin(file: number, isJournal: boolean, offset: number): void {
    if (this.#next.has(file)) throw unexpected(`file ${file} is open already`);
    this.#next.set(file, { isJournal, offset });
  }

  #onBytes({ file, offset, bytes }: LogBytes): void {
    const next = this.#next.get(file);
    if (next?.offset !== offset) {
      throw unexpected(`bytes of file ${file} come at ${offset}, ${next?.offset ?? "an open file"} is wanted`);
    }
    this.#untakenBytes += bytes.length;
    if (this.#untakenBytes > MAX_IN_FLIGHT_BYTES)
      throw unexpected(`more than ${MAX_IN_FLIGHT_BYTES} bytes are not taken`);
    next.offset += bytes.length;
    if (next.isJournal) this.#handlers.onJournal(file, offset, bytes);
    else this.#handlers.onBytes(file, offset, bytes);
  }
}

function unexpected(what: string): GarrisonError {
  return new GarrisonError("GARRISON_WIRE_MALFORMED", `Cannot accept message: ${what}`);
}
