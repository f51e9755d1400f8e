/** A stretch of a file in one buffer that is used again and again: 4 MiB a read, nothing is allocated a packet. */
import { read, readSync } from "node:fs";
import { promisify } from "node:util";

const WINDOW_BYTES = 4 * 1024 * 1024;
const readLater = promisify(read);

/** The unread bytes are `start` to `end` of `bytes`. */
export class ByteWindow {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, WINDOW_BYTES);
  start = 0;
  end = 0;
  readonly #fd: number;
  readonly #isRegular: boolean;
  #skipBytes = 0;
  #skipOffset = 0;
  /** Of the file, behind `end`. */
  #readBytes = 0;

  constructor(fd: number, isRegular: boolean) {
    this.#fd = fd;
    this.#isRegular = isRegular;
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

  /** Reads on, behind what is left. A pipe is waited for without holding up the process. @returns whether anything came */
  async fill(): Promise<boolean> {
    this.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    const room = WINDOW_BYTES - this.end;
    const count = this.#isRegular
      ? readSync(this.#fd, this.bytes, this.end, room, this.#readBytes)
      : (await readLater(this.#fd, this.bytes, this.end, room, null)).bytesRead;
    this.end += count;
    this.#readBytes += count;
    const skipped = Math.min(this.#skipBytes, this.end);
    this.#skipBytes -= skipped;
    this.start = skipped;
    return count > 0;
  }
}
