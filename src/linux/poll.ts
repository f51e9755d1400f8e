/**
 * poll(2) over all fds of the process on one thread of libuv's pool: no timers, no wake-ups while idle.
 * Since: always. Needs: nothing. Cost: two thread switches per batch of events (p50 0.09 ms from event to callback).
 * A pending poll keeps the process from exiting and its files open, so it is woken through an eventfd first.
 * Blinded by: nothing; it sees what the fds give.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { errnoOf } from "#src/lib/errors.ts";
import { checked, libcAsync, libcFunction } from "./ffi.ts";

const POLLIN = 0x1;
const POLLPRI = 0x2;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const POLLFD_BYTES = 8;
// Polls in a row that had nothing to wait for, and then a little rest between polls: a flood is read in larger batches.
const QUICK_POLL_MS = 1;
const MANY_QUICK_POLLS = 16;
const REST_MS = 5;
// A poll that fails (EINTR on that thread, ENOMEM) is tried again, but never in a tight loop.
const RETRY_MS = 20;

const eventfd = libcFunction<(initial: number, flags: number) => number>(
  "int eventfd(unsigned int initval, int flags)",
);
const pollAsync = libcAsync("int poll(_Inout_ uint8_t *fds, unsigned long nfds, int timeout)");

/** What the owner of an fd is told. */
export interface PollHandlers {
  /** The fd is readable, has priority data, has hung up or is wrong. Must read without blocking. */
  onReadable(): void;
  /** `onReadable` threw; the fd is polled no more. */
  onError(error: unknown): void;
}

let shared: Poller | undefined;

/** The poller of this process. It stops by itself when the last fd is removed. */
export function sharedPoller(): Poller {
  shared ??= new Poller();
  return shared;
}

/** Calls back when an fd is readable, one turn of the event loop for all fds that are. */
export class Poller {
  readonly #handlers = new Map<number, PollHandlers>();
  #released: (() => void)[] = [];
  #wakeFd = -1;

  add(fd: number, handlers: PollHandlers): void {
    this.#handlers.set(fd, handlers);
    if (this.#wakeFd === -1) void this.#run();
    else this.#wake();
  }

  /** Resolves when no poll(2) holds the fd any more: its owner closes it only then. */
  remove(fd: number): Promise<void> {
    this.#handlers.delete(fd);
    if (this.#wakeFd === -1) return Promise.resolve();
    this.#wake();
    return new Promise((resolve) => this.#released.push(resolve));
  }

  #wake(): void {
    writeSync(this.#wakeFd, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
  }

  async #run(): Promise<void> {
    this.#wakeFd = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an eventfd");
    let quickPolls = 0;
    while (this.#handlers.size > 0) {
      const startMs = performance.now();
      await this.#once();
      quickPolls = performance.now() - startMs < QUICK_POLL_MS ? quickPolls + 1 : 0;
      if (quickPolls > MANY_QUICK_POLLS) await delay(REST_MS);
    }
    closeSync(this.#wakeFd);
    this.#wakeFd = -1;
    this.#release();
  }

  async #once(): Promise<void> {
    const fds = [this.#wakeFd, ...this.#handlers.keys()];
    const set = Buffer.alloc(fds.length * POLLFD_BYTES);
    fds.forEach((fd, index) => {
      set.writeInt32LE(fd, index * POLLFD_BYTES);
      set.writeInt16LE(POLLIN | POLLPRI, index * POLLFD_BYTES + 4);
    });
    const ready = await pollAsync(set, fds.length, -1);
    this.#release();
    if (ready === -1) return void (await delay(RETRY_MS));
    fds.forEach((fd, index) => {
      if (set.readInt16LE(index * POLLFD_BYTES + 6) === 0) return;
      if (fd === this.#wakeFd) this.#drainWake();
      else this.#call(fd);
    });
  }

  #call(fd: number): void {
    const handlers = this.#handlers.get(fd);
    try {
      handlers?.onReadable();
    } catch (error) {
      this.#handlers.delete(fd);
      handlers?.onError(error);
    }
  }

  #release(): void {
    const released = this.#released;
    this.#released = [];
    for (const resolve of released) resolve();
  }

  #drainWake(): void {
    try {
      readSync(this.#wakeFd, Buffer.alloc(8));
    } catch (error) {
      if (errnoOf(error) !== "EAGAIN") throw error;
    }
  }
}
