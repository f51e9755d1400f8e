/**
 * Sends what files have, in turn, a chunk each: a file that is flooded does not keep the others waiting. While the mind takes nothing
 * nothing is read: the file is the buffer.
 */
import { errorText } from "#src/lib/errors.ts";
import type { LogStream } from "#src/model/log-stream.ts";
import { giveChunk } from "./chunk-pool.ts";
import type { FollowedFile } from "./followed-file.ts";

/** The next piece of a zipped file; `null` while it is being unzipped. */
interface Slot {
  piece: Buffer | null;
}

// Longest time that reading keeps the event loop at once.
const SLICE_MS = 8;

/** What the owner does. */
export interface PumpHandlers {
  /** All there is now was sent. */
  onDrained(file: FollowedFile): void;
  /** Another content took the place of this one. */
  onTruncated(file: FollowedFile): void;
  /** It cannot be read any more. */
  onFailed(file: FollowedFile, reason: string): void;
  onError(error: unknown): void;
}

/** The files that may have something to send. */
export class Pump {
  readonly #stream: LogStream;
  readonly #handlers: PumpHandlers;
  readonly #ready = new Set<FollowedFile>();
  readonly #slots = new Map<FollowedFile, Slot>();
  #isPlanned = false;

  constructor(stream: LogStream, handlers: PumpHandlers) {
    this.#stream = stream;
    this.#handlers = handlers;
  }

  /** Files that have not been read to their end. */
  get waiting(): ReadonlySet<FollowedFile> {
    return this.#ready;
  }

  /** Looks at a file soon. */
  wake(file: FollowedFile): void {
    if (file.file === 0 || file.isClosed || !file.isReadable) return;
    this.#ready.add(file);
    this.run();
  }

  forget(file: FollowedFile): void {
    this.#ready.delete(file);
    this.#slots.delete(file);
  }

  /** Forgets everything: another mind begins anew. */
  clear(): void {
    this.#ready.clear();
    this.#slots.clear();
  }

  /** Goes on, when there may be room again. */
  run(): void {
    if (this.#isPlanned || this.#ready.size === 0) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      try {
        this.#work();
      } catch (error) {
        this.#handlers.onError(error);
      }
    });
  }

  #work(): void {
    const untilMs = performance.now() + SLICE_MS;
    let isStuck = 0;
    while (this.#ready.size > isStuck && this.#stream.roomBytes > 0) {
      if (performance.now() > untilMs) return this.run();
      const [file] = this.#ready as Iterable<FollowedFile> as [FollowedFile];
      this.#ready.delete(file);
      // One that waits stays in line; when nobody but those is left, somebody else wakes them.
      if (this.#step(file)) isStuck = 0;
      else {
        this.#ready.add(file);
        isStuck++;
      }
    }
  }

  /** @returns whether anything was done */
  #step(file: FollowedFile): boolean {
    const { before } = file;
    const mustWait = file.isAwaitingSearch || (before !== null && !before.isDrained && !before.isClosed);
    if (!mustWait) file.before = null;
    if (file.isZipped) return !mustWait && this.#stepZipped(file);
    try {
      if (mustWait) return this.#peek(file);
      this.#stepPlain(file);
    } catch (error) {
      this.#handlers.onFailed(file, errorText(error));
    }
    return true;
  }

  #stepPlain(file: FollowedFile): void {
    const result = file.read(this.#stream.roomBytes);
    switch (result.t) {
      case "truncated":
        return this.#handlers.onTruncated(file);
      case "end":
        return this.#handlers.onDrained(file);
      case "bytes":
        this.#sendHead(file);
        this.#send(file, result.bytes, result.chunk);
        if (result.isLast) this.#handlers.onDrained(file);
        else this.#ready.add(file);
    }
  }

  /** One that waits may be truncated meanwhile. */
  #peek(file: FollowedFile): boolean {
    if (file.peek()) return false;
    this.#handlers.onTruncated(file);
    return true;
  }

  #stepZipped(file: FollowedFile): boolean {
    const slot = this.#slots.get(file);
    if (slot !== undefined) {
      if (slot.piece === null || slot.piece.length > this.#stream.roomBytes) return false;
      this.#send(file, slot.piece);
    }
    const next: Slot = { piece: null };
    this.#slots.set(file, next);
    this.#ready.add(file);
    file.readUnzipped().then(
      (piece) => this.#takePiece(file, next, piece),
      (error: unknown) => {
        if (this.#slots.get(file) === next) this.#handlers.onFailed(file, errorText(error));
      },
    );
    return true;
  }

  #takePiece(file: FollowedFile, slot: Slot, piece: Buffer | undefined): void {
    // Another mind may have begun anew meanwhile.
    if (this.#slots.get(file) !== slot) return;
    slot.piece = piece ?? null;
    if (piece === undefined) {
      this.forget(file);
      this.#handlers.onDrained(file);
    }
    this.run();
  }

  #sendHead(file: FollowedFile): void {
    const head = file.takeNewHead();
    if (head !== undefined) this.#stream.send({ t: "head", file: file.file, head });
  }

  #send(file: FollowedFile, bytes: Buffer, chunk: Buffer | null = null): void {
    this.#stream.sendBytes(file.file, file.offset, bytes, chunk === null ? undefined : () => giveChunk(chunk));
    file.offset += bytes.length;
    file.isDrained = false;
  }
}
