/**
 * flock(2) on a lock file: held by one process, let go by the kernel however that process ends.
 * Since: 2.0. Needs: write permission on the folder. Cost: none while held.
 * Blinded by: network filesystems that keep flock local.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { checked, lastErrno, libcFunction } from "./ffi.ts";

const LOCK_EX_NB = 2 | 4;

const flock = libcFunction<(fd: number, operation: number) => number>("int flock(int fd, int operation)");

/** A lock that is held until disposed. */
export class FileLock implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes the lock and writes `note` into the file for whoever finds it taken.
   * @returns the lock, or the note of its holder when it is taken
   * @throws Error of node:fs, GarrisonError `GARRISON_SYSCALL`
   */
  static take(path: string, note: string): FileLock | string {
    const fd = openSync(path, "a+", 0o644);
    if (flock(fd, LOCK_EX_NB) === -1) {
      const isHeld = lastErrno() === "EAGAIN";
      closeSync(fd);
      if (isHeld) return readFileSync(path, "utf8").slice(0, 1000);
      checked(-1, `lock "${path}"`);
    }
    ftruncateSync(fd);
    writeSync(fd, note);
    return new FileLock(fd);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
