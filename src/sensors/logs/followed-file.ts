/** One file that is read from where the mind stands to its end, again and again as it grows. */
import { closeSync, fstatSync, readSync } from "node:fs";
import type { FileHead, FilePosition } from "#src/model/log-stream.ts";
import { giveChunk, takeChunk } from "./chunk-pool.ts";
import { describeHead, hasHead, keyOf, readHead } from "./open-log.ts";
import { unzip } from "./unzipped.ts";

/** As MAX_HEAD_BYTES and MAX_CHUNK_BYTES of the wire. */
const HEAD_BYTES = 256;
const CHUNK_BYTES = 256 * 1024;
// Reads from this size on use a whole chunk of the pool.
const LARGE_BYTES = 64 * 1024;

/** What one read gave. `chunk`: what the bytes lie in, to be given back to the pool once they are sent. */
export type ReadResult =
  /** Nothing more is there now. */
  | { readonly t: "end" }
  | { readonly t: "bytes"; readonly bytes: Buffer; readonly isLast: boolean; readonly chunk: Buffer | null }
  /** It begins otherwise than before, or has become shorter: what was read is another content's. */
  | { readonly t: "truncated" };

/** A content that can be known again. */
export interface Anchor {
  readonly device: string;
  readonly inode: string;
  readonly head: FileHead;
}

/** What a file is from the start. */
export interface FollowedFileOptions {
  readonly fd: number;
  readonly device: string;
  readonly inode: string;
  readonly source: string;
  readonly path: string;
  readonly head: Buffer;
  /** Whether it came into being while its folder was watched. */
  readonly isNew: boolean;
}

/** Holds the descriptor, so that renaming and deleting take nothing away. */
export class FollowedFile {
  readonly device: string;
  readonly inode: string;
  readonly source: string;
  readonly path: string;
  readonly isNew: boolean;
  /** Paths of the list that it lies at; none: it is away. */
  readonly paths = new Set<string>();
  /** Device and inode of the file that it is a copy of, as a mind knew it. */
  copyOf: string | null = null;
  /** It never grows: a copy, or zipped. Closed at its end. */
  isRest = false;
  isZipped = false;
  /** Number on this connection; 0: the mind was not told of it. */
  file = 0;
  /** Of the next byte that is sent. */
  offset = 0;
  /** Where it began when the mind had no position of it. */
  beginAt: number | null = null;
  /** The mind has stored something of it, so that it has a position of it or has done with it. */
  isStored = false;
  isDrained = false;
  isClosed = false;
  /** Why it can be read no more. */
  loss: { readonly bytes: number | null; readonly reason: string } | null = null;
  /** It is being found out whether something else goes before it. */
  isAwaitingSearch = false;
  /** Its content goes before ours. */
  before: FollowedFile | null = null;
  lastGrowthMs = performance.now();
  /** Path of the list that it lay at last, once it is away. */
  lastPath: string | null = null;
  /** The newest of the contents that were found to have come between it and what lies at its path now. */
  newestBehind: Anchor | null = null;
  /** Why contents that came after it may be lost. */
  gapBehind: string | null = null;
  #fd: number;
  #predecessor: Anchor | null = null;
  #toldHeadBytes = -1;
  #sizeBytes = 0;
  /** The largest size that was certainly of this content. */
  #seenBytes = 0;
  #head: Buffer;
  #unzipped: AsyncGenerator<Buffer> | null = null;

  constructor({ fd, device, inode, source, path, head, isNew }: FollowedFileOptions) {
    this.#fd = fd;
    this.device = device;
    this.inode = inode;
    this.source = source;
    this.path = path;
    this.#head = head;
    this.isNew = isNew;
  }

  /** What is known of its content; of an empty one, of the content that went before it. */
  get anchor(): Anchor | null {
    const { device, inode, head } = this;
    return this.isEmpty ? this.#predecessor : { device, inode, head };
  }

  /** It took the place of another. */
  follows(other: FollowedFile): void {
    this.before = other;
    this.comesBehind(other.newestBehind ?? other.anchor);
  }

  /** What went before it. */
  comesBehind(predecessor: Anchor | null): void {
    this.#predecessor = predecessor;
  }

  get key(): string {
    return keyOf(this);
  }

  get isAway(): boolean {
    return this.paths.size === 0;
  }

  get head(): FileHead {
    return describeHead(this.#head);
  }

  /** The head, if the mind was told a shorter one or none. */
  takeNewHead(): FileHead | undefined {
    if (this.#head.length === this.#toldHeadBytes) return undefined;
    this.#toldHeadBytes = this.#head.length;
    return this.head;
  }

  /** Bytes that were there when it was last looked at, and were not sent. Of a zipped file nobody knows. */
  get behindBytes(): number {
    return this.isZipped ? 0 : Math.max(0, this.#sizeBytes - this.offset);
  }

  /** Bytes of this content that were certainly there, and were not sent. */
  get unreadBytes(): number {
    return Math.max(0, this.#seenBytes - this.offset);
  }

  /** Whether no byte of it is known. */
  get isEmpty(): boolean {
    return this.#head.length === 0;
  }

  /** Whether its head may still grow. */
  get isYoung(): boolean {
    return this.#head.length < HEAD_BYTES && this.isReadable;
  }

  /** Whether there is something to read from: not while a copy of a truncated file is looked for. */
  get isReadable(): boolean {
    return this.#fd !== -1;
  }

  /** Whether it is what a position speaks of. */
  isAt(position: FilePosition): boolean {
    const isSame = this.device === position.device && this.inode === position.inode;
    return (isSame || this.copyOf === keyOf(position)) && hasHead(this.#head, position.head);
  }

  /** Whether it lies where a position says, and begins as that: the number of a device may change, a file may be written anew. */
  isLike(position: FilePosition): boolean {
    const begins = position.head.bytes > 0 && hasHead(this.#head, position.head);
    return begins && this.paths.has(position.path) && this.measure() >= position.offset;
  }

  /** Whether it holds now, on disk, what begins so: then a copy of that need not be read. */
  holds(start: Buffer): boolean {
    if (this.isZipped || !this.isReadable) return false;
    const own = readHead(this.#fd);
    const length = Math.min(own.length, start.length);
    return length > 0 && own.subarray(0, length).equals(start.subarray(0, length));
  }

  /** @returns its size now */
  measure(): number {
    if (this.#fd !== -1 && !this.isZipped) {
      const { size } = fstatSync(this.#fd);
      if (size > this.#sizeBytes) this.lastGrowthMs = performance.now();
      this.#sizeBytes = size;
    }
    return this.#sizeBytes;
  }

  /** Time of its last write; of one that is closed 0. */
  get mtimeNs(): bigint {
    return this.#fd === -1 ? 0n : fstatSync(this.#fd, { bigint: true }).mtimeNs;
  }

  /** Goes on at `offset` as if nothing had been read. */
  rewind(offset: number): void {
    this.offset = offset;
    this.isDrained = false;
    this.isClosed = false;
    this.#toldHeadBytes = -1;
    void this.#unzipped?.return(undefined);
    this.#unzipped = null;
  }

  /** At most `room` bytes at the offset. Looks at head and size behind the read: a truncation before it is always seen. */
  read(room: number): ReadResult {
    const wanted = Math.min(room, CHUNK_BYTES, Math.max(0, this.measure() - this.offset));
    const chunk = wanted >= LARGE_BYTES ? takeChunk() : null;
    const buffer = chunk ?? Buffer.allocUnsafeSlow(wanted);
    const count = wanted === 0 ? 0 : readSync(this.#fd, buffer, 0, wanted, this.offset);
    const bytes = buffer.subarray(0, count);
    const head = this.#headWith(bytes);
    const isSame = readHead(this.#fd, head.length).equals(head) && this.measure() >= this.offset + count;
    const isTruncated = !isSame && !this.isRest;
    if (chunk !== null && (isTruncated || count === 0)) giveChunk(chunk);
    if (isTruncated) return { t: "truncated" };
    this.#seenBytes = Math.max(this.#seenBytes, this.#sizeBytes);
    this.#head = head;
    if (count === 0) return { t: "end" };
    return { t: "bytes", bytes, isLast: this.offset + count >= this.#sizeBytes, chunk };
  }

  /**
   * Looks at the head of a file that is not read now.
   * @returns whether it is still the same content
   */
  peek(): boolean {
    if (this.isRest || this.isZipped) return true;
    const size = this.measure();
    const start = readHead(this.#fd);
    if (size < this.offset || !start.subarray(0, this.#head.length).equals(this.#head)) return false;
    if (this.#head.length < start.length && this.offset === 0) this.#head = start;
    this.#seenBytes = Math.max(this.#seenBytes, size);
    return true;
  }

  /** The next piece of a zipped file; `undefined` at its end. @throws Error of node:zlib */
  async readUnzipped(): Promise<Buffer | undefined> {
    this.#unzipped ??= unzip(this.#fd, this.offset);
    const { value, done } = await this.#unzipped.next();
    return done === true ? undefined : value;
  }

  /** The content that took the place of this one in the same file. The descriptor goes with it. */
  succeed(): FollowedFile {
    const { device, inode, source, path } = this;
    const next = new FollowedFile({ fd: this.#fd, device, inode, source, path, head: readHead(this.#fd), isNew: true });
    for (const one of this.paths) next.paths.add(one);
    this.paths.clear();
    this.#fd = -1;
    return next;
  }

  /** From now on it is read from a copy of its content. */
  readFrom(fd: number, isZipped: boolean): void {
    this.#fd = fd;
    this.isRest = true;
    this.isZipped = isZipped;
    this.measure();
  }

  close(): void {
    void this.#unzipped?.return(undefined);
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** The head together with what was read behind it: nothing else is known to be of this content. */
  #headWith(bytes: Buffer): Buffer {
    const overlap = this.#head.length - this.offset;
    if (this.#head.length >= HEAD_BYTES || overlap < 0 || overlap >= bytes.length) return this.#head;
    return Buffer.concat([this.#head, bytes.subarray(overlap, HEAD_BYTES)]).subarray(0, HEAD_BYTES);
  }
}
