/**
 * inotify(7) on folders: which name in them was written, came or went, without polling.
 * Since: 2.6.13; IN_EXCL_UNLINK 2.6.36. Needs: read permission on the folder (CAP_DAC_READ_SEARCH). Without: EACCES.
 * Cost: one read(2) per batch, 16 bytes and the name an event; equal events that follow each other are one. About 1 KiB of kernel
 * memory a folder; they count against fs.inotify.max_user_watches.
 * Blinded by: writes through mmap(2), by another host of a network filesystem, under another hard link in another folder; more than
 * fs.inotify.max_queued_events (16,384) unread events, which the kernel says.
 */
import { closeSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { checked, libcFunction } from "./ffi.ts";
import { type InotifyEvent, parseInotifyEvents } from "./inotify-events.ts";

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
const BUFFER_BYTES = 64 * 1024;

const init = libcFunction<(flags: number) => number>("int inotify_init1(int flags)");
const addWatch = libcFunction<(fd: number, path: string, mask: number) => number>(
  "int inotify_add_watch(int fd, const char *path, uint32_t mask)",
);
const removeWatch = libcFunction<(fd: number, watch: number) => number>("int inotify_rm_watch(int fd, int wd)");

/** One inotify instance. The owner disposes it when no poll(2) holds the fd any more. */
export class Inotify implements Disposable {
  readonly fd: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** @throws GarrisonError `GARRISON_SYSCALL` (EMFILE: fs.inotify.max_user_instances) */
  static open(): Inotify {
    return new Inotify(checked(init(IN_CLOEXEC | IN_NONBLOCK), "start inotify"));
  }

  /**
   * Watches the inode that `fd` (O_PATH will do) refers to; the mask takes the place of one that it had.
   * @returns the number of the watch, the same for the same inode
   * @throws GarrisonError `GARRISON_SYSCALL` (ENOSPC: fs.inotify.max_user_watches)
   */
  watch(fd: number, mask: number): number {
    return checked(addWatch(this.fd, `/proc/self/fd/${fd}`, mask), "watch a folder with inotify");
  }

  /** The kernel answers by an event with IN_IGNORED. A watch that is gone already is no error. */
  unwatch(watch: number): void {
    removeWatch(this.fd, watch);
  }

  /** What is queued, at most one read(2). */
  read(): InotifyEvent[] {
    try {
      return parseInotifyEvents(this.#buffer.subarray(0, readSync(this.fd, this.#buffer)));
    } catch (error) {
      if (errnoOf(error) === "EAGAIN") return [];
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
