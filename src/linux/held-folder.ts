/**
 * A folder that is held open while its names are listed and the beginnings of its files are read: in a folder in which others may put
 * names, no symbolic link is followed, no FIFO or device is waited for, and no path is walked twice.
 * Kernel interface: openat(2) with O_NOFOLLOW, getdents64(2) into one buffer, pread(2). Since: 2.6.16.
 * Needs: CAP_DAC_READ_SEARCH for folders and files of others. Without: EACCES.
 * Cost: one system call for each 64 KiB of names (about 1,500 of a mail spool), three for each file that is read.
 * Blinded by: a mount over the folder; a filesystem of a user (FUSE) may let an open wait.
 */
import { type BigIntStats, closeSync, constants, fstatSync, readSync } from "node:fs";
import { arch } from "node:os";
import { errnoOf } from "#src/lib/errors.ts";
import { checked, lastErrno, libcFunction } from "./ffi.ts";
import { TrustedPath } from "./trusted-path.ts";

const O_NOATIME = 0o1000000;
const O_CLOEXEC = 0o2000000;
const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
const FILE_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC;
const SYS_GETDENTS64 = arch() === "arm64" ? 61 : 217;
const LIST_BYTES = 64 * 1024;
// struct linux_dirent64 of linux v6.18 include/linux/dirent.h: d_ino u64, d_off i64, d_reclen u16, d_type u8, d_name
const RECLEN_OFFSET = 16;
const TYPE_OFFSET = 18;
const NAME_OFFSET = 19;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_REG = 8;
// What a name leads to when it is gone, or is no longer the plain file or folder that it was listed as.
const GONE = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENXIO", "ESPIPE", "ENAMETOOLONG", "ESTALE", "EINVAL"]);

const openat = libcFunction<(dirFd: number, name: Uint8Array, flags: number) => number>(
  "int openat(int dirfd, const uint8_t *name, int flags)",
);
const getdents = libcFunction<(number: number, fd: number, buffer: Buffer, size: number) => number>(
  "long syscall(long number, long fd, uint8_t *buffer, size_t size)",
);

// One at a time is listed: nothing else runs before a list has ended.
const list = Buffer.alloc(LIST_BYTES);

/** One name of a folder, valid during the call that it is given to. */
export interface FolderEntry {
  /** The name lies in it from `start` to `end`, with a NUL behind it. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** `unknown`: the filesystem does not say. Links, FIFOs, sockets and devices are not given at all. */
  readonly type: "file" | "folder" | "unknown";
}

/** An open folder. The owner disposes it. */
export class HeldFolder implements Disposable {
  readonly #fd: number;
  #withAtime = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param rawPath absolute, bytes as latin1; links are followed as {@link TrustedPath} does
   * @returns `undefined` when there is no folder
   * @throws GarrisonError `GARRISON_SYSCALL` (EACCES) or `GARRISON_PATH_UNSAFE`
   */
  static open(rawPath: string): HeldFolder | undefined {
    using path = TrustedPath.open(rawPath);
    if (path === undefined || !path.stats.isDirectory()) return undefined;
    return HeldFolder.#openIn(path.fd, ".");
  }

  /** A folder in it. @returns `undefined` when there is none, or a link of that name @throws GarrisonError `GARRISON_SYSCALL` (EACCES) */
  openFolder(name: string): HeldFolder | undefined {
    return HeldFolder.#openIn(this.#fd, name);
  }

  static #openIn(dirFd: number, name: string): HeldFolder | undefined {
    try {
      return new HeldFolder(checked(openat(dirFd, Buffer.from(`${name}\0`, "latin1"), FOLDER_FLAGS), "open a folder"));
    } catch (error) {
      if (GONE.has(errnoOf((error as Error).cause) ?? "")) return undefined;
      throw error;
    }
  }

  /** What fstat(2) says of it now. */
  stats(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /**
   * Lists it once, from its beginning; a folder that is held for a second list is opened anew.
   * @param take returns `false` to end the list
   * @throws GarrisonError `GARRISON_SYSCALL`
   */
  list(take: (entry: FolderEntry) => boolean): void {
    const entry = { bytes: list, start: 0, end: 0, type: "unknown" as FolderEntry["type"] };
    for (;;) {
      const filled = getdents(SYS_GETDENTS64, this.#fd, list, LIST_BYTES);
      // ENOENT: it has been removed, so that nothing is in it any more.
      if (filled === 0 || (filled === -1 && lastErrno() === "ENOENT")) return;
      checked(filled, "list a folder");
      for (let at = 0; at < filled; at += list.readUInt16LE(at + RECLEN_OFFSET)) {
        const type = list[at + TYPE_OFFSET];
        if (type !== DT_REG && type !== DT_DIR && type !== DT_UNKNOWN) continue;
        entry.type = type === DT_REG ? "file" : type === DT_DIR ? "folder" : "unknown";
        entry.start = at + NAME_OFFSET;
        entry.end = list.indexOf(0, entry.start);
        if (!isDots(list, entry.start, entry.end) && !take(entry)) return;
      }
    }
  }

  /**
   * Opens a file in it to read. @param name with a NUL behind it
   * @returns `-1` when it is gone or is no file that can be opened without waiting; the caller closes the descriptor
   * @throws GarrisonError `GARRISON_SYSCALL` (EACCES)
   */
  openFile(name: Uint8Array): number {
    try {
      return checked(openat(this.#fd, name, FILE_FLAGS | (O_NOATIME & ~this.#withAtime)), "open a file");
    } catch (error) {
      const errno = errnoOf((error as Error).cause) ?? "";
      // Only its owner and CAP_FOWNER may leave the atime as it is.
      if (errno === "EPERM" && this.#withAtime === 0) {
        this.#withAtime = O_NOATIME;
        return this.openFile(name);
      }
      if (GONE.has(errno)) return -1;
      throw error;
    }
  }

  /**
   * Reads the beginning of a file in it. @param name with a NUL behind it
   * @param into from `at` on it has room for `maxBytes`
   * @returns how many bytes were read; `-1` when it is gone, or is no regular file any more
   * @throws GarrisonError `GARRISON_SYSCALL` (EACCES) @throws Error of node:fs (EIO)
   */
  readHead(name: Uint8Array, into: Buffer, at: number, maxBytes: number): number {
    const fd = this.openFile(name);
    if (fd === -1) return -1;
    try {
      return readHeadOf(fd, into, at, maxBytes);
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Reads the beginning of an open file; a FIFO has none that pread(2) gives. @returns as {@link HeldFolder.readHead} */
export function readHeadOf(fd: number, into: Buffer, at: number, maxBytes: number): number {
  try {
    return readSync(fd, into, at, maxBytes, 0);
  } catch (error) {
    if (GONE.has(errnoOf(error) ?? "")) return -1;
    throw error;
  }
}

/** The name of an entry, raw. */
export function entryName({ bytes, start, end }: FolderEntry): string {
  return bytes.toString("latin1", start, end);
}

function isDots(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === 0x2e && (end === start + 1 || (end === start + 2 && bytes[start + 1] === 0x2e));
}
