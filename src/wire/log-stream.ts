/**
 * The link on which raw log bytes go from the sentry to the mind: its frames, bounds and tables. Pure.
 *
 *     offset  bytes
 *     0       4      length of what follows, little endian
 *     4       1      1: a message as JSON; 2: bytes of a log
 *     5       4      of bytes: number of the file
 *     9       8      of bytes: offset of the first in the file
 *     17             of bytes: the bytes themselves, as they are
 *
 * Anything else ends the link. Memory: one frame.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { errnoOf, errorText, GarrisonError } from "#src/lib/errors.ts";
import type { FileHead, FilePosition, LogNews, LogTaken } from "#src/model/log-stream.ts";
import {
  type Check,
  type Checked,
  flag,
  integer,
  list,
  malformed,
  nullable,
  object,
  oneOf,
  tagged,
  text,
} from "./check.ts";

/** Longest message. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Most bytes of a log in one frame. */
export const MAX_CHUNK_BYTES = 256 * 1024;
/** Most bytes of logs that are on their way: the file is the buffer. */
export const MAX_IN_FLIGHT_BYTES = 4 * 1024 * 1024;
/** Most positions that a mind may send: followed files, and those that were rotated away lately. */
export const MAX_POSITIONS = 40_000;
/** Most of them in one message: the longest paths, escaped, still fit. */
export const MAX_POSITIONS_AT_ONCE = 40;
/** Most files in one `taken`. */
export const MAX_STORED_AT_ONCE = 2000;
/** Longest head of a file. */
export const MAX_HEAD_BYTES = 256;

// Messages have no credit: of an end that reads nothing for days they are enough to end the link.
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;
const CONGESTED_BYTES = 8 * 1024 * 1024;
const LENGTH_BYTES = 4;
const MESSAGE = 1;
const BYTES = 2;
// Behind the length: the type, the file and the offset.
const BYTES_HEADER = 1 + 4 + 8;
const MAX_FRAME_BYTES = Math.max(1 + MAX_MESSAGE_BYTES, BYTES_HEADER + MAX_CHUNK_BYTES);
const MAX_FILE = 0xffff_ffff;

const file = integer(1, MAX_FILE);
const offset = integer(0);
const path = text(4096);
const source = text(64);
const known = list(matching(/^[0-9a-f]{32}$/, "a key of a pattern"), 1024);
const identity = matching(/^\d{1,20}$/, "a decimal number");
// systemd: s=HEX;i=HEX;b=HEX;m=HEX;t=HEX;x=HEX
const cursor = matching(/^[0-9a-z=;]{1,512}$/, "a cursor of the journal");
const head: Check<FileHead> = object({
  bytes: integer(0, MAX_HEAD_BYTES),
  sha256: matching(/^[0-9a-f]{64}$/, "a SHA-256"),
});
const position: Check<FilePosition> = object({
  path,
  device: identity,
  inode: identity,
  offset,
  head,
  isAway: flag,
  isDone: flag,
});
const taken: Check<LogTaken & { readonly t: "taken" }> = object({
  t: oneOf(["taken"]),
  bytes: integer(0, MAX_IN_FLIGHT_BYTES),
  stored: list(object({ file, offset, cursor: nullable(cursor), isDone: flag }), MAX_STORED_AT_ONCE),
});

/** Mind to sentry. */
export const toLogs = tagged("t", {
  /** Some of what the mind has; the last is followed by `follow`. Their order gives each its index. */
  positions: object({ t: oneOf(["positions"]), items: list(position, MAX_POSITIONS_AT_ONCE) }),
  follow: object({ t: oneOf(["follow"]), known, journals: list(object({ source, cursor }), 64) }),
  taken,
});
/** A message of the mind. */
export type ToLogs = Checked<typeof toLogs>;

/** Sentry to mind, besides bytes. */
export const fromLogs: Check<LogNews> = tagged("t", {
  open: object({
    t: oneOf(["open"]),
    file,
    source,
    path,
    device: identity,
    inode: identity,
    offset,
    head,
    position: nullable(integer(0, MAX_POSITIONS - 1)),
  }),
  journal: object({ t: oneOf(["journal"]), file, source, cursor: nullable(cursor) }),
  head: object({ t: oneOf(["head"]), file, head }),
  away: object({ t: oneOf(["away"]), file }),
  gap: object({ t: oneOf(["gap"]), file, bytes: nullable(integer(0)), reason: text(500) }),
  close: object({ t: oneOf(["close"]), file }),
  gone: object({ t: oneOf(["gone"]), file }),
  settled: object({ t: oneOf(["settled"]), known }),
  state: object({
    t: oneOf(["state"]),
    sources: list(
      object({
        source,
        kind: oneOf(["file", "journal"]),
        files: integer(0),
        behindBytes: integer(0),
        missing: list(path, 16),
        unreadable: list(object({ path, reason: text(500) }), 16),
      }),
      64,
    ),
  }),
});

/** Bytes of a log. They lie in the chunk that they came in: who keeps them copies them. */
export interface LogBytes {
  readonly t: "bytes";
  readonly file: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** One frame. @throws RangeError when it is longer than MAX_MESSAGE_BYTES */
export function encodeMessage(message: LogNews | ToLogs): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`Cannot send message: it has ${body.length} bytes, ${MAX_MESSAGE_BYTES} are allowed`);
  }
  const header = Buffer.alloc(LENGTH_BYTES + 1);
  header.writeUInt32LE(1 + body.length, 0);
  header.writeUInt8(MESSAGE, LENGTH_BYTES);
  return Buffer.concat([header, body]);
}

/** What goes in front of `length` bytes of a log. @throws RangeError when they are none or more than MAX_CHUNK_BYTES */
export function encodeBytesHeader(fileNumber: number, at: number, length: number): Buffer {
  if (length < 1 || length > MAX_CHUNK_BYTES) {
    throw new RangeError(`Cannot send bytes: they are ${length}, 1 to ${MAX_CHUNK_BYTES} are allowed`);
  }
  const header = Buffer.alloc(LENGTH_BYTES + BYTES_HEADER);
  header.writeUInt32LE(BYTES_HEADER + length, 0);
  header.writeUInt8(BYTES, LENGTH_BYTES);
  header.writeUInt32LE(fileNumber, LENGTH_BYTES + 1);
  header.writeBigUInt64LE(BigInt(at), LENGTH_BYTES + 5);
  return header;
}

/** What one end of the link takes. */
export interface LogFrameHandlers<In> {
  readonly accepts: Check<In>;
  onMessage(message: In): void;
  /** `undefined`: bytes of logs are refused. */
  onBytes?: ((bytes: LogBytes) => void) | undefined;
  /** Called once, nothing comes after it. `null`: either side just closed; else what was refused, or what a handler threw. */
  onEnd(reason: string | null): void;
}

// The other side has closed while it was written to, or with something unread: its close, heard otherwise.
const GONE = new Set(["EPIPE", "ECONNRESET"]);

/** One end of a connection; fatal on the unexpected. */
export class LogLink<In> implements Disposable {
  readonly #socket: Socket;
  readonly #handlers: LogFrameHandlers<In>;
  #hasEnded = false;

  constructor(socket: Socket, handlers: LogFrameHandlers<In>) {
    this.#socket = socket;
    this.#handlers = handlers;
    const reader = new LogFrameReader();
    socket.on("data", (chunk: Buffer) => this.#receive(reader, chunk));
    socket.on("error", (error) => this.#end(GONE.has(errnoOf(error) ?? "") ? null : errorText(error)));
    socket.on("close", () => this.#end(null));
  }

  /** Whether the other side leaves much unread: what is only good to know should not be sent. */
  get isCongested(): boolean {
    return this.#socket.writableLength > CONGESTED_BYTES;
  }

  /**
   * Does nothing once the link has ended. Ends it, later, when the other side leaves more than 64 MiB unread.
   * @throws RangeError of {@link encodeMessage}
   */
  send(message: LogNews | ToLogs): void {
    if (this.#hasEnded || this.#socket.destroyed) return;
    this.#socket.write(encodeMessage(message));
    if (this.#socket.writableLength <= MAX_UNSENT_BYTES) return;
    this.#socket.destroy(
      new GarrisonError("GARRISON_WIRE_UNREAD", "Cannot send message: the other side leaves more than 64 MiB unread"),
    );
  }

  /** The socket owns `bytes` until `onSent`, which comes also when they could not be sent. @throws RangeError of {@link encodeBytesHeader} */
  sendBytes(fileNumber: number, at: number, bytes: Uint8Array, onSent?: () => void): void {
    if (this.#hasEnded) return onSent?.();
    this.#socket.cork();
    this.#socket.write(encodeBytesHeader(fileNumber, at, bytes.length));
    this.#socket.write(bytes, () => onSent?.());
    this.#socket.uncork();
  }

  [Symbol.dispose](): void {
    this.#end(null);
  }

  #receive(reader: LogFrameReader, chunk: Buffer): void {
    try {
      for (const frame of reader.push(chunk)) {
        if (this.#hasEnded) return;
        this.#take(frame);
      }
    } catch (error) {
      this.#end(errorText(error));
    }
  }

  #take(frame: Buffer): void {
    const type = frame[0];
    if (type === MESSAGE) return this.#handlers.onMessage(this.#handlers.accepts(parseMessage(frame), "message"));
    if (type !== BYTES || this.#handlers.onBytes === undefined) throw malformed("frame", "a permitted frame");
    this.#handlers.onBytes(parseBytes(frame));
  }

  #end(reason: string | null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#socket.destroy();
    this.#handlers.onEnd(reason);
  }
}

/** Cuts a stream into frames, without their length. */
export class LogFrameReader {
  /** Begin of a frame that is not whole yet, its length in front. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;

  /**
   * The frames that `chunk` completes; the caller takes all of them before the next push. They lie in `chunk` where they can.
   * @throws GarrisonError `GARRISON_WIRE_TOO_LONG` or `GARRISON_WIRE_MALFORMED`
   */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    let at = this.#heldBytes === 0 ? 0 : this.#fill(chunk);
    if (this.#heldBytes > 0) {
      if (this.#heldBytes < this.#wanted()) return;
      const frame = this.#held.subarray(LENGTH_BYTES, this.#heldBytes);
      this.#heldBytes = 0;
      this.#held = Buffer.alloc(0);
      yield frame;
    }
    while (chunk.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + checkedLength(chunk.readUInt32LE(at));
      if (end > chunk.length) break;
      yield chunk.subarray(at + LENGTH_BYTES, end);
      at = end;
    }
    if (at < chunk.length) this.#fill(chunk.subarray(at));
  }

  /** Bytes of the held frame with its length; of the length alone while that is not whole. */
  #wanted(): number {
    return this.#heldBytes < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + checkedLength(this.#held.readUInt32LE(0));
  }

  /** Moves from `chunk` what the held frame lacks. @returns how many bytes it took */
  #fill(chunk: Buffer): number {
    let at = 0;
    for (let wanted = this.#wanted(); this.#heldBytes < wanted && at < chunk.length; wanted = this.#wanted()) {
      if (this.#held.length < wanted) this.#held = grown(this.#held, this.#heldBytes, wanted);
      const count = chunk.copy(this.#held, this.#heldBytes, at, at + wanted - this.#heldBytes);
      this.#heldBytes += count;
      at += count;
    }
    return at;
  }
}

function grown(held: Buffer, heldBytes: number, wanted: number): Buffer {
  const larger = Buffer.alloc(wanted);
  held.copy(larger, 0, 0, heldBytes);
  return larger;
}

function checkedLength(length: number): number {
  if (length >= 1 && length <= MAX_FRAME_BYTES) return length;
  throw new GarrisonError(
    "GARRISON_WIRE_TOO_LONG",
    `Cannot accept message: it has ${length} bytes, 1 to ${MAX_FRAME_BYTES} are allowed`,
  );
}

function parseMessage(frame: Buffer): unknown {
  const body = frame.subarray(1);
  try {
    if (isUtf8(body)) return JSON.parse(body.toString("utf8"));
  } catch {
    // told below
  }
  throw malformed("frame", "JSON");
}

function parseBytes(frame: Buffer): LogBytes {
  if (frame.length <= BYTES_HEADER || frame.length > BYTES_HEADER + MAX_CHUNK_BYTES) {
    throw malformed("frame", `1 to ${MAX_CHUNK_BYTES} bytes of a log`);
  }
  const at = Number(frame.readBigUInt64LE(5));
  return {
    t: "bytes",
    file: file(frame.readUInt32LE(1), "frame.file"),
    offset: offset(at, "frame.offset"),
    bytes: frame.subarray(BYTES_HEADER),
  };
}

function matching(pattern: RegExp, expected: string): Check<string> {
  return (value, at) => {
    if (typeof value !== "string" || !pattern.test(value)) throw malformed(at, expected);
    return value;
  };
}
