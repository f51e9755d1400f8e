/**
 * fanotify(7) in notification mode with file handles: who did what to which inode, without polling.
 * Since: FAN_REPORT_DFID_NAME 5.9, FAN_REPORT_PIDFD 5.15 (5.10.220); probed by trying.
 * Needs: CAP_SYS_ADMIN. Without: init fails with EPERM (an unprivileged group would be told no process).
 * Cost: one read(2) per batch, about 90 bytes an event, 3 µs of CPU each with its pidfd; a mark is 6 system calls. Marks hold no
 * file open; they keep the inode in the kernel's memory.
 * Blinded by: raw writes to the block device, changes made by another host of a network filesystem, chattr (no event),
 * filesystems without file handles, CAP_SYS_ADMIN in the initial namespace; more than fs.fanotify.max_queued_events (16,384)
 * unread events, which the kernel says. Never a permission event (DESIGN rule 1): nobody ever waits for us.
 */
import { closeSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { type FanotifyEvent, parseFanotifyEvents } from "./fanotify-events.ts";
import { checked, lastErrno, libcFunction } from "./ffi.ts";

const FAN_CLOEXEC = 0x1;
const FAN_NONBLOCK = 0x2;
// Our own bounds hold (MAX_PATHS, MAX_FOLDERS), and the flag is refused to those whom the kernel would tell no pid.
const FAN_UNLIMITED_MARKS = 0x20;
const FAN_REPORT_PIDFD = 0x80;
const FAN_REPORT_FID = 0x200;
const FAN_REPORT_DIR_FID = 0x400;
const FAN_REPORT_NAME = 0x800;
const FAN_MARK_ADD = 0x1;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_HANDLE_FID = 0x200;
const MAX_HANDLE_SZ = 128;
const HANDLE_HEADER_BYTES = 8;
// struct statfs of 64-bit kernels: f_fsid lies behind seven 8-byte words.
const F_FSID_OFFSET = 56;
// One read opens a pidfd for each event in it: 64 KiB are at most about 900.
const BUFFER_BYTES = 64 * 1024;

const init = libcFunction<(flags: number, eventFlags: number) => number>(
  "int fanotify_init(unsigned int flags, unsigned int event_f_flags)",
);
const mark = libcFunction<(fd: number, flags: number, mask: bigint, dirFd: number, path: string) => number>(
  "int fanotify_mark(int fd, unsigned int flags, uint64_t mask, int dirfd, const char *path)",
);
const nameToHandleAt = libcFunction<
  (dirFd: number, path: string, handle: Buffer, mountId: Buffer, flags: number) => number
>("int name_to_handle_at(int dirfd, const char *path, _Inout_ uint8_t *handle, _Out_ uint8_t *mount_id, int flags)");
const fstatfs = libcFunction<(fd: number, buffer: Buffer) => number>("int fstatfs(int fd, _Out_ uint8_t *buf)");

/** The handle of what `fd` (O_PATH will do) refers to, as {@link FanotifyEvent} gives it. @throws GarrisonError `GARRISON_SYSCALL` */
export function fileHandleOf(fd: number): string {
  const stats = Buffer.alloc(256);
  const handle = Buffer.alloc(HANDLE_HEADER_BYTES + MAX_HANDLE_SZ);
  const mountId = Buffer.alloc(8);
  const take = (flags: number): number => {
    handle.writeUInt32LE(MAX_HANDLE_SZ, 0);
    return nameToHandleAt(fd, "", handle, mountId, AT_EMPTY_PATH | flags);
  };
  // Kernel 6.5: a handle to know the inode by, also of filesystems that cannot open by handle (overlay). Before: EINVAL.
  if (take(AT_HANDLE_FID) === -1) {
    if (lastErrno() !== "EINVAL") checked(-1, "take a file handle");
    checked(take(0), "take a file handle");
  }
  checked(fstatfs(fd, stats), "read the id of a filesystem");
  return (
    stats.toString("latin1", F_FSID_OFFSET, F_FSID_OFFSET + 8) +
    handle.toString("latin1", 0, HANDLE_HEADER_BYTES + handle.readUInt32LE(0))
  );
}

/** One notification group. Holds one fd; the owner disposes it when no poll(2) holds the fd any more. */
export class FanotifyGroup implements Disposable {
  readonly fd: number;
  /** Whether the kernel says by pidfd that a process has ended (5.15). */
  readonly hasPidfd: boolean;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  private constructor(fd: number, hasPidfd: boolean) {
    this.fd = fd;
    this.hasPidfd = hasPidfd;
  }

  /** @throws GarrisonError `GARRISON_SYSCALL` (EPERM: no CAP_SYS_ADMIN; EINVAL: kernel before 5.9) */
  static open(): FanotifyGroup {
    const base =
      FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME;
    const fd = init(base | FAN_REPORT_PIDFD, 0);
    if (fd !== -1) return new FanotifyGroup(fd, true);
    return new FanotifyGroup(checked(init(base, 0), "start fanotify"), false);
  }

  /**
   * Adds to the mask of the inode that `fd` (O_PATH will do) refers to.
   * @returns its handle as {@link FanotifyEvent} gives it
   * @throws GarrisonError `GARRISON_SYSCALL` (ENODEV, EOPNOTSUPP: the filesystem has no handles; ENOSPC: no marks left)
   */
  mark(fd: number, mask: number): string {
    checked(mark(this.fd, FAN_MARK_ADD, BigInt(mask), AT_FDCWD, `/proc/self/fd/${fd}`), "mark with fanotify");
    return fileHandleOf(fd);
  }

  /**
   * Gives what is queued in order, in batches of one read(2), until there is no more or `budgetMs` are over. Pidfds are open
   * during the callback only.
   * @throws what `onBatch` throws, and GarrisonError `GARRISON_FANOTIFY_MALFORMED`
   */
  read(onBatch: (events: readonly FanotifyEvent[]) => void, budgetMs: number): void {
    const untilMs = performance.now() + budgetMs;
    do {
      const events = this.#readOnce();
      if (events.length === 0) return;
      try {
        onBatch(events);
      } finally {
        for (const { pidfd } of events) if (pidfd >= 0) closeSync(pidfd);
      }
    } while (performance.now() < untilMs);
  }

  #readOnce(): FanotifyEvent[] {
    try {
      return parseFanotifyEvents(this.#buffer.subarray(0, readSync(this.fd, this.#buffer)));
    } catch (error) {
      if (errnoOf(error) === "EAGAIN") return [];
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
