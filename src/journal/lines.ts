/** Lines of a journal file with their places. Memory: one line and one chunk of 64 KiB. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { MAX_LINE_BYTES } from "./chain.ts";

const NEWLINE = 10;
const CHUNK_BYTES = 64 * 1024;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** One line. */
export interface Line {
  /** Without the newline; of a line longer than MAX_LINE_BYTES only the first MAX_LINE_BYTES + 1 bytes. */
  readonly bytes: Buffer;
  /** Where it begins in its file. */
  readonly offset: number;
  /** Bytes of the file that it takes, with its newline. */
  readonly sizeBytes: number;
  /** Whether a newline ends it. */
  readonly isWhole: boolean;
}

/** Cuts chunks into lines. */
export class LineCutter {
  #pieces: Buffer[] = [];
  #keptBytes = 0;
  #lineBytes = 0;
  #offset = 0;

  /** The lines that `chunk` completes. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      yield this.#take(true);
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** What is left behind the last newline. */
  *end(): Generator<Line> {
    if (this.#lineBytes > 0) yield this.#take(false);
  }

  #hold(piece: Buffer): void {
    this.#lineBytes += piece.length;
    const kept = piece.subarray(0, MAX_LINE_BYTES + 1 - this.#keptBytes);
    if (kept.length === 0) return;
    this.#pieces.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
  }

  #take(isWhole: boolean): Line {
    const sizeBytes = this.#lineBytes + (isWhole ? 1 : 0);
    const line = { bytes: Buffer.concat(this.#pieces), offset: this.#offset, sizeBytes, isWhole };
    this.#pieces = [];
    this.#keptBytes = 0;
    this.#lineBytes = 0;
    this.#offset += sizeBytes;
    return line;
  }
}

/** Lines of a file. @throws Error of node:fs */
export function* readLinesSync(path: string): Generator<Line> {
  const fd = openSync(path, OPEN_FLAGS);
  try {
    const cutter = new LineCutter();
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk)) {
      yield* cutter.push(chunk.subarray(0, length));
    }
    yield* cutter.end();
  } finally {
    closeSync(fd);
  }
}

/** Lines within the first `limitBytes` of a file that may be growing. @throws Error of node:fs */
export async function* readLines(path: string, limitBytes = Number.POSITIVE_INFINITY): AsyncGenerator<Line> {
  await using file = await open(path, OPEN_FLAGS);
  const cutter = new LineCutter();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; position < limitBytes; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(CHUNK_BYTES, limitBytes - position), position);
    if (bytesRead === 0) break;
    yield* cutter.push(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
  yield* cutter.end();
}
