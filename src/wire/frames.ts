/**
 * Newline-delimited JSON with a cap on each frame. Pure: bytes in, values out.
 * Memory: at most one frame of `maxFrameBytes` is held.
 */
import { GarrisonError } from "#src/lib/errors.ts";

/** Longest frame between our processes: a batch of observations with small texts. */
export const MAX_FRAME_BYTES = 1024 * 1024;

const NEWLINE = 10;

/** Cuts a byte stream into JSON values. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  #pieces: Buffer[] = [];
  #heldBytes = 0;

  constructor(maxFrameBytes = MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * The frames that `chunk` completes, parsed.
   * @throws GarrisonError `GARRISON_WIRE_TOO_LONG` or `GARRISON_WIRE_MALFORMED`; the stream is unusable from then on
   */
  push(chunk: Buffer): unknown[] {
    const values: unknown[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      values.push(this.#take());
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return values;
  }

  #hold(piece: Buffer): void {
    this.#heldBytes += piece.length;
    if (this.#heldBytes > this.#maxFrameBytes) {
      throw new GarrisonError(
        "GARRISON_WIRE_TOO_LONG",
        `Cannot accept message: it is longer than ${this.#maxFrameBytes} bytes`,
      );
    }
    if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(): unknown {
    const text = Buffer.concat(this.#pieces).toString("utf8");
    this.#pieces = [];
    this.#heldBytes = 0;
    try {
      return JSON.parse(text);
    } catch {
      throw new GarrisonError("GARRISON_WIRE_MALFORMED", "Cannot accept message: a line is not JSON");
    }
  }
}

/** One frame. @throws RangeError when it would be longer than the cap: the sender must cut first */
export function encodeFrame(value: unknown, maxFrameBytes = MAX_FRAME_BYTES): string {
  const line = `${JSON.stringify(value)}\n`;
  if (Buffer.byteLength(line) > maxFrameBytes + 1) {
    throw new RangeError(`Cannot send message: it has ${Buffer.byteLength(line)} bytes, ${maxFrameBytes} are allowed`);
  }
  return line;
}
