/**
 * Newline-delimited JSON with a cap on each frame. Pure: bytes in, values out.
 * Memory: at most two frames of `maxFrameBytes` are held, however small the pieces are in which they come.
 */
import { isUtf8 } from "node:buffer";
import { GarrisonError } from "#src/lib/errors.ts";

/** Longest frame between our processes: a batch of observations with small texts. */
export const MAX_FRAME_BYTES = 1024 * 1024;

const NEWLINE = 10;
const FIRST_HOLD_BYTES = 4096;

/** Cuts a byte stream into JSON values. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  /** The begin of a frame whose end has not come yet: the first `#heldBytes` of it. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  #failure: GarrisonError | null = null;

  constructor(maxFrameBytes = MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * The frames that `chunk` completes, parsed one by one as the caller takes them; the caller takes all of them before the
   * next `push`. Wherever the stream was cut into chunks, the same values come before the same error.
   * @throws GarrisonError `GARRISON_WIRE_TOO_LONG` or `GARRISON_WIRE_MALFORMED`; from then on every push throws it again
   */
  *push(chunk: Buffer): Generator<unknown, void, void> {
    if (this.#failure !== null) throw this.#failure;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const frame = this.#take(chunk.subarray(start, end));
      start = end + 1;
      yield this.#parse(frame);
    }
    this.#hold(chunk.subarray(start));
  }

  /** The held bytes with `rest` behind them. */
  #take(rest: Buffer): Buffer {
    if (this.#heldBytes === 0) {
      this.#checkLength(rest.length);
      return rest;
    }
    this.#hold(rest);
    const frame = this.#held.subarray(0, this.#heldBytes);
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    return frame;
  }

  /** Copies the piece: it would keep the whole chunk in memory. */
  #hold(piece: Buffer): void {
    const length = this.#heldBytes + piece.length;
    this.#checkLength(length);
    if (length > this.#held.length) {
      const larger = Buffer.alloc(
        Math.max(length, Math.min(this.#held.length * 2, this.#maxFrameBytes), FIRST_HOLD_BYTES),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = length;
  }

  #checkLength(bytes: number): void {
    if (bytes > this.#maxFrameBytes) {
      throw this.#fail("GARRISON_WIRE_TOO_LONG", `it is longer than ${this.#maxFrameBytes} bytes`);
    }
  }

  #parse(frame: Buffer): unknown {
    try {
      if (isUtf8(frame)) return JSON.parse(frame.toString("utf8"));
    } catch {
      // told below
    }
    throw this.#fail("GARRISON_WIRE_MALFORMED", "a line is not JSON");
  }

  #fail(code: `GARRISON_${string}`, what: string): GarrisonError {
    this.#failure = new GarrisonError(code, `Cannot accept message: ${what}`);
    return this.#failure;
  }
}

/**
 * One frame.
 * @throws RangeError when it would be longer than the cap: the sender must cut first
 * @throws TypeError when the value is none of JSON, such as `undefined`
 */
export function encodeFrame(value: unknown, maxFrameBytes = MAX_FRAME_BYTES): string {
  // JSON.stringify gives undefined for what JSON does not have, other than its declared type says.
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot send message: it is ${typeof value}, expected JSON`);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxFrameBytes) {
    throw new RangeError(`Cannot send message: it has ${bytes} bytes, ${maxFrameBytes} are allowed`);
  }
  return `${text}\n`;
}
