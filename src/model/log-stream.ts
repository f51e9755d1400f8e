/** What the sensor `logs` and the mind say to each other of followed logs. Types only; bounds are in wire/log-stream.ts. */

/** The first bytes of a file: they tell one content from another when names and inode numbers are used again. */
export interface FileHead {
  /** How many bytes: 0 to 256, fewer than 256 only while the file was shorter. */
  readonly bytes: number;
  /** Lower-case hex of their SHA-256. */
  readonly sha256: string;
}

/** How far a file has been read: what the mind keeps, in the same transaction as what came of the lines. */
export interface FilePosition {
  /** Raw path (bytes as latin1) under which it was opened. */
  readonly path: string;
  /** Decimal. */
  readonly device: string;
  readonly inode: string;
  /** Bytes from the start that need not be sent again. */
  readonly offset: number;
  readonly head: FileHead;
  /** It has left its path: what came after it has a position of its own. */
  readonly isAway: boolean;
  /** It was read to its end and closed; kept until the sentry says that it is gone. */
  readonly isDone: boolean;
}

/** Where the journal of a source goes on. */
export interface JournalPosition {
  readonly source: string;
  /** Of the last entry that need not be sent again. */
  readonly cursor: string;
}

/** What a mind that has just connected already has. */
export interface LogFollow {
  readonly positions: readonly FilePosition[];
  /** What `settled` named before: a new file of these is read from its start, also when it came while nobody looked. */
  readonly known: readonly string[];
  readonly journals: readonly JournalPosition[];
}

/** One file or journal up to where the mind has stored it. */
export interface StoredUpTo {
  readonly file: number;
  readonly offset: number;
  /** Of a journal: the last whole entry that is stored. */
  readonly cursor: string | null;
  /** `close` of it is stored too. */
  readonly isDone: boolean;
}

/** What the mind has done with what it was sent. */
export interface LogTaken {
  /** Bytes that it has consumed since it last said so: so many more may be sent. */
  readonly bytes: number;
  readonly stored: readonly StoredUpTo[];
}

/** How far a source is. */
export interface SourceState {
  readonly source: string;
  readonly kind: "file" | "journal";
  readonly files: number;
  /** Bytes that lie in its files and were not sent yet. */
  readonly behindBytes: number;
  /** Paths without wildcards that are not there; the first 16. */
  readonly missing: readonly string[];
  /** The first 16 that are there and cannot be followed. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
}

/** What the mind is told besides the bytes themselves. `file` is a number that belongs to one connection. */
export type LogNews =
  /** First of each file. `position`: index in what the mind sent; `null`: a file that it had no position of. */
  | {
      readonly t: "open";
      readonly file: number;
      readonly source: string;
      readonly path: string;
      readonly device: string;
      readonly inode: string;
      /** Where the bytes begin that follow. */
      readonly offset: number;
      readonly head: FileHead;
      readonly position: number | null;
    }
  /** First of each journal. `cursor`: what comes is behind it; `null`: it comes from the start. */
  | { readonly t: "journal"; readonly file: number; readonly source: string; readonly cursor: string | null }
  /** The file has grown: this head is kept in place of the shorter one. */
  | { readonly t: "head"; readonly file: number; readonly head: FileHead }
  /** The file has left its path, by rotation or deletion. It is still read. */
  | { readonly t: "away"; readonly file: number }
  /** Bytes that nobody can read any more. `bytes` is `null` when nobody knows how many. */
  | { readonly t: "gap"; readonly file: number; readonly bytes: number | null; readonly reason: string }
  /** No byte of it comes any more: what is left of a line is a line. */
  | { readonly t: "close"; readonly file: number }
  /** Answer to a stored `close`: the position may be forgotten. */
  | { readonly t: "gone"; readonly file: number }
  /** All files that these stand for have been opened: to be kept behind what was opened. */
  | { readonly t: "settled"; readonly known: readonly string[] }
  | { readonly t: "state"; readonly sources: readonly SourceState[] };

/** The sensor's end. */
export interface LogStreamHandlers {
  /** A mind has connected and said what it has: everything is opened anew for it. */
  onFollow(follow: LogFollow): void;
  /** There may be room again. */
  onTaken(taken: LogTaken): void;
  /** The mind is gone: nothing is taken any more until another follows. */
  onLost(): void;
}

/** The way to the mind for bytes, lent by the sentry to the sensor `logs` alone. */
export interface LogStream {
  /** From now on these are told; a mind that is connected already must connect anew. */
  serve(handlers: LogStreamHandlers): Disposable;
  /** Bytes that may be sent now; 0 while nobody follows. */
  readonly roomBytes: number;
  send(news: LogNews): void;
  /** At most MAX_CHUNK_BYTES of wire/log-stream.ts. The stream owns `bytes` until it calls `onSent`, which it does once. */
  sendBytes(file: number, offset: number, bytes: Uint8Array, onSent?: () => void): void;
}
