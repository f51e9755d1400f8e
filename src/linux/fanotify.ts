/**
 * fanotify(7) in notification mode with file handles: who did what to which inode, without polling.
 * Since: FAN_REPORT_DFID_NAME 5.9, FAN_REPORT_PIDFD 5.15, FAN_REPORT_TARGET_FID 5.17; probed by trying.
 * Needs: CAP_SYS_ADMIN (and CAP_DAC_READ_SEARCH to mark what only root reads). Without: init fails with EPERM.
 * Cost: one read(2) per batch, about 90 bytes an event; marks hold no file open.
 * Blinded by: raw writes to the block device, changes made by another host of a network filesystem, chattr (no event),
 * CAP_SYS_ADMIN in the initial namespace. Never a permission event (DESIGN rule 1): nobody ever waits for us.
 */
import { closeSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { type FanotifyEvent, parseFanotifyEvents } from "./fanotify-events.ts";
import { checked, libcFunction } from "./ffi.ts";

const FAN_CLOEXEC = 0x1;
const FAN_NONBLOCK = 0x2;
const FAN_REPORT_PIDFD = 0x80;
const FAN_REPORT_FID = 0x200;
const FAN_REPORT_DIR_FID = 0x400;
const FAN_REPORT_NAME = 0x800;
const FAN_REPORT_TARGET_FID = 0x1000;
const FAN_MARK_ADD = 0x1;
const FAN_MARK_REMOVE = 0x2;
const FAN_MARK_DONT_FOLLOW = 0x4;
const AT_FDCWD = -100;
const MAX_HANDLE_SZ = 128;

const init = libcFunction<(flags: number, eventFlags: number) => number>(
  "int fanotify_init(unsigned int flags, unsigned int event_f_flags)",
);
const mark = libcFunction<(fd: number, flags: number, mask: bigint, dirFd: number, path: Buffer) => number>(
  "int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const uint8_t *path)",
);
const nameToHandleAt = libcFunction<
  (dirFd: number, path: Buffer, handle: Buffer, mountId: Buffer, flags: number) => number
>("int name_to_handle_at(int dirfd, const uint8_t *path, uint8_t *handle, uint8_t *mount_id, int flags)");
const statfs = libcFunction<(path: Buffer, buffer: Buffer) => number>("int statfs(const uint8_t *path, uint8_t *buf)");

/** NUL-terminated bytes of a path held as latin1. */
function cPath(rawPath: string): Buffer {
  return Buffer.from(`${rawPath}\0`, "latin1");
}

/**
 * The handle of a path as {@link FanotifyEvent} gives it: fsid of statfs(2) and the handle of name_to_handle_at(2).
 * A symbolic link is not followed.
 * @throws GarrisonError `GARRISON_SYSCALL` (ENOENT: gone; EOPNOTSUPP: the filesystem has no handles)
 */
export function fileHandleKey(rawPath: string): string {
  const path = cPath(rawPath);
  const stats = Buffer.alloc(256);
  const handle = Buffer.alloc(8 + MAX_HANDLE_SZ);
  handle.writeUInt32LE(MAX_HANDLE_SZ, 0);
  checked(nameToHandleAt(AT_FDCWD, path, handle, Buffer.alloc(8), 0), `take the file handle of "${rawPath}"`);
  checked(statfs(path, stats), `statfs "${rawPath}"`);
  // struct statfs on 64-bit: f_fsid behind seven 8-byte words.
  return stats.toString("latin1", 56, 64) + handle.toString("latin1", 0, 8 + handle.readUInt32LE(0));
}

/** One notification group. Holds one fd; the owner disposes it. */
export class FanotifyGroup implements Disposable {
  readonly fd: number;
  /** Whether the kernel names the process by pidfd too (5.15). */
  readonly hasPidfd: boolean;
  readonly #buffer = Buffer.allocUnsafe(256 * 1024);

  private constructor(fd: number, hasPidfd: boolean) {
    this.fd = fd;
    this.hasPidfd = hasPidfd;
  }

  /** @throws GarrisonError `GARRISON_SYSCALL` (EPERM: no CAP_SYS_ADMIN; EINVAL: kernel before 5.9) */
  static open(): FanotifyGroup {
    const base = FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME;
    for (const extra of [FAN_REPORT_PIDFD | FAN_REPORT_TARGET_FID, FAN_REPORT_PIDFD]) {
      const fd = init(base | extra, 0);
      if (fd !== -1) return new FanotifyGroup(fd, true);
    }
    return new FanotifyGroup(checked(init(base, 0), "start fanotify"), false);
  }

  /** Adds to the mask of one inode; a symbolic link itself is marked. @throws GarrisonError `GARRISON_SYSCALL` */
  mark(rawPath: string, mask: number): void {
    const flags = FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW;
    checked(mark(this.fd, flags, BigInt(mask), AT_FDCWD, cPath(rawPath)), `mark "${rawPath}" with fanotify`);
  }

  /** Takes a mask off; a path that is gone has lost its mark already. */
  unmark(rawPath: string, mask: number): void {
    mark(this.fd, FAN_MARK_REMOVE | FAN_MARK_DONT_FOLLOW, BigInt(mask), AT_FDCWD, cPath(rawPath));
  }

  /**
   * Reads what is queued, at most `maxReads` buffers, and gives each event in order. Pidfds are closed behind the callback.
   */
  read(onEvent: (event: FanotifyEvent) => void, maxReads = 4): void {
    for (let reads = 0; reads < maxReads; reads++) {
      let length: number;
      try {
        length = readSync(this.fd, this.#buffer);
      } catch (error) {
        if (errnoOf(error) === "EAGAIN") return;
        throw error;
      }
      parseFanotifyEvents(this.#buffer.subarray(0, length), (event) => {
        try {
          onEvent(event);
        } finally {
          if (event.pidfd >= 0) closeSync(event.pidfd);
        }
      });
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
