/** Collects the beginnings of files, and writes them to the child that reads them. */
import { writeSync } from "node:fs";
import type { Head, HeadBuffer } from "../spool/open-messages.ts";
import type { PostfixQueue } from "../spool/walk.ts";
import { HEAD_BYTES, headAt, MAX_ITEM_BYTES, writePrefix } from "./feed.ts";

const BUFFER_BYTES = 256 * 1024;

/** Writes to a pipe, and waits while it is full. */
export class Feeder implements HeadBuffer {
  readonly #fd: number;
  readonly #indexOf: (queue: string) => number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES + MAX_ITEM_BYTES);
  #filled = 0;

  /** @param indexOf a queue's number, by which its sums are told */
  constructor(fd: number, indexOf: (queue: string) => number) {
    this.#fd = fd;
    this.#indexOf = indexOf;
  }

  place(): { into: Buffer; at: number; maxBytes: number } {
    return { into: this.#buffer, at: headAt(this.#filled), maxBytes: HEAD_BYTES };
  }

  /** @throws Error of node:fs (EPIPE) when the child has ended */
  take({ mta, queue, ownerUid, bytes }: Head): void {
    const kind = mta === "exim" ? "exim" : (queue as PostfixQueue);
    this.#filled = writePrefix(this.#buffer, this.#filled, { queue: this.#indexOf(queue), kind, ownerUid, bytes });
    if (this.#filled >= BUFFER_BYTES) this.flush();
  }

  flush(): void {
    for (let at = 0; at < this.#filled; ) at += writeSync(this.#fd, this.#buffer, at, this.#filled - at);
    this.#filled = 0;
  }
}
