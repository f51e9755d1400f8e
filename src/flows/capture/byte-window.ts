/** A stretch of a file in one buffer that is used again and again: 4 MiB a read, nothing is allocated a packet. */
import { readSync } from "node:fs";
import { Socket } from "node:net";

const WINDOW_BYTES = 4 * 1024 * 1024;

/** The unread bytes are `start` to `end` of `bytes`. */
export class ByteWindow {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, WINDOW_BYTES);
  start = 0;
  end = 0;
  readonly #fd: number;
  /** `null`: a regular file. */
  readonly #pipe: AsyncIterator<Buffer> | null;
  /** What has come of a pipe, and did not fit. */
  #rest: Buffer = Buffer.alloc(0);
  #skipBytes = 0;
  #skipOffset = 0;
  /** Of the file, behind `end`. */
  #readBytes = 0;

  constructor(fd: number, isRegular: boolean) {
    this.#fd = fd;
    // A Socket waits for a pipe whether it blocks or not, and leaves the process free meanwhile.
    this.#pipe = isRegular ? null : new Socket({ fd, readable: true, writable: false })[Symbol.asyncIterator]();
  }

  /** Where the record at `start`, or the one that is passed over, begins in the file. */
  get offset(): number {
    return this.#skipBytes > 0 ? this.#skipOffset : this.#readBytes - (this.end - this.start);
  }

  /** How much was announced but has not come when the file is over. */
  get unreadBytes(): number {
    return this.end - this.start + this.#skipBytes;
  }

  /** Passes over `count` bytes, also such as have not been read yet. */
  skip(count: number): void {
    const here = Math.min(count, this.end - this.start);
    this.#skipOffset = this.offset;
    this.start += here;
    this.#skipBytes += count - here;
  }

  /** Reads on, behind what is left. @returns whether anything came */
  async fill(): Promise<boolean> {
    this.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    const count = this.#pipe === null ? this.#readFile() : await this.#readPipe(this.#pipe);
    this.end += count;
    this.#readBytes += count;
    const skipped = Math.min(this.#skipBytes, this.end);
    this.#skipBytes -= skipped;
    this.start = skipped;
    return count > 0;
  }

  #readFile(): number {
    return readSync(this.#fd, this.bytes, this.end, WINDOW_BYTES - this.end, this.#readBytes);
  }

  async #readPipe(pipe: AsyncIterator<Buffer>): Promise<number> {
    if (this.#rest.length === 0) {
      const { done, value } = await pipe.next();
      if (done === true) return 0;
      this.#rest = value;
    }
    const count = this.#rest.copy(this.bytes, this.end);
    this.#rest = this.#rest.subarray(count);
    return count;
  }
}
