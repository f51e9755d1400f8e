/**
 * How a file looks: type, mode, owner, times, xattrs, inode flags; and its bytes, read without side effects.
 * Kernel interface: open(2) with O_PATH then /proc/self/fd (so that no FIFO or device is ever opened), fstat, getxattr,
 * FS_IOC_GETFLAGS. Since: 2.6.39. Needs: CAP_DAC_READ_SEARCH for files of others; CAP_FOWNER for O_NOATIME on them.
 * Cost: about 8 system calls a file. Blinded by: a file changed and changed back between two looks.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { libcFunction } from "./ffi.ts";

const O_PATH = 0o10000000;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IMMUTABLE_FL = 0x10;
const FS_APPEND_FL = 0x20;
const XATTR_LIST_BYTES = 4096;
const XATTR_VALUE_BYTES = 4096;

const listxattr = libcFunction<(path: string, list: Buffer, size: number) => number>(
  "long listxattr(const char *path, _Out_ uint8_t *list, size_t size)",
);
const getxattr = libcFunction<(path: string, name: string, value: Buffer, size: number) => number>(
  "long getxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)",
);
const ioctl = libcFunction<(fd: number, request: number, argument: Buffer) => number>(
  "int ioctl(int fd, unsigned long request, _Out_ uint8_t *argument)",
);

/** Type of a directory entry, as find(1) names it. */
export type FileType = "file" | "folder" | "link" | "fifo" | "socket" | "device";

/** What fstat and friends say. Numbers of the kernel stay `bigint` where they may exceed 2^53. */
export interface FileMetadata {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly links: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Text of a symbolic link, latin1; `null` for other types. */
  readonly target: string | null;
  /** Name to value in hex, cut at 4 KiB a value. */
  readonly xattrs: Readonly<Record<string, string>>;
  /** Inode flags that matter: `immutable`, `append-only`. Empty where the filesystem has none. */
  readonly flags: readonly string[];
}

/** An open look at one path: metadata, and content when it is a regular file. */
export class FileLook implements Disposable {
  readonly metadata: FileMetadata;
  readonly #fd: number;

  private constructor(fd: number, metadata: FileMetadata) {
    this.#fd = fd;
    this.metadata = metadata;
  }

  /**
   * @param rawPath bytes as latin1; the last component is not followed
   * @returns `undefined` when nothing is there
   * @throws Error of node:fs (EACCES, ELOOP)
   */
  static open(rawPath: string): FileLook | undefined {
    let pathFd: number;
    try {
      pathFd = openSync(Buffer.from(rawPath, "latin1"), O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
    try {
      const stats = fstatSync(pathFd, { bigint: true });
      const type = fileType(stats);
      if (type !== "file" && type !== "folder") return new FileLook(-1, toMetadata(stats, type, rawPath, -1));
      const fd = openQuietly(`/proc/self/fd/${pathFd}`);
      try {
        return new FileLook(fd, toMetadata(stats, type, rawPath, fd));
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    } finally {
      closeSync(pathFd);
    }
  }

  /**
   * The bytes of a regular file in pieces, at most `limitBytes` in all. The buffer is reused between pieces.
   * @returns whether the whole file was given
   */
  readPieces(limitBytes: number, onPiece: (piece: Buffer) => void): boolean {
    if (this.metadata.type !== "file") return false;
    const buffer = Buffer.allocUnsafe(Math.min(limitBytes, 256 * 1024));
    let position = 0;
    while (position < limitBytes) {
      const length = readSync(this.#fd, buffer, 0, Math.min(buffer.length, limitBytes - position), position);
      if (length === 0) return true;
      onPiece(buffer.subarray(0, length));
      position += length;
    }
    return readSync(this.#fd, buffer, 0, 1, position) === 0;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== -1) closeSync(this.#fd);
  }
}

function openQuietly(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
    return openSync(path, flags);
  }
}

function fileType(stats: BigIntStats): FileType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "link";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : "device";
}

function toMetadata(stats: BigIntStats, type: FileType, rawPath: string, fd: number): FileMetadata {
  return {
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: Number(stats.size),
    links: Number(stats.nlink),
    device: stats.dev,
    inode: stats.ino,
    mtimeMs: Number(stats.mtimeMs),
    ctimeMs: Number(stats.ctimeMs),
    target: type === "link" ? readlinkSync(Buffer.from(rawPath, "latin1"), "latin1") : null,
    xattrs: fd === -1 ? {} : readXattrs(fd),
    flags: fd === -1 ? [] : readFlags(fd),
  };
}

function readXattrs(fd: number): Record<string, string> {
  const path = `/proc/self/fd/${fd}`;
  const list = Buffer.alloc(XATTR_LIST_BYTES);
  const listBytes = listxattr(path, list, list.length);
  const xattrs: Record<string, string> = {};
  if (listBytes <= 0) return xattrs;
  const value = Buffer.alloc(XATTR_VALUE_BYTES);
  for (const name of list.toString("latin1", 0, listBytes).split("\0").filter(Boolean).sort()) {
    const valueBytes = getxattr(path, name, value, value.length);
    xattrs[name] = valueBytes < 0 ? "unreadable" : value.toString("hex", 0, valueBytes);
  }
  return xattrs;
}

function readFlags(fd: number): string[] {
  const argument = Buffer.alloc(8);
  if (ioctl(fd, FS_IOC_GETFLAGS, argument) === -1) return [];
  const bits = argument.readUInt32LE(0);
  return [
    ...((bits & FS_IMMUTABLE_FL) !== 0 ? ["immutable"] : []),
    ...((bits & FS_APPEND_FL) !== 0 ? ["append-only"] : []),
  ];
}
