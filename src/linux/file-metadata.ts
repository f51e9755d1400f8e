/**
 * How a file looks: type, mode, owner, times, xattrs, inode flags; and its bytes, read without side effects.
 * Kernel interface: open(2) with O_PATH (so that no FIFO or device is ever opened), fstat, statx, listxattr, getxattr; content
 * through /proc/self/fd. Since: statx 4.11. Needs: CAP_DAC_READ_SEARCH for content of others; CAP_FOWNER for O_NOATIME on it.
 * Without: metadata only where the folder may be searched. Cost: 6 system calls a file, 4 more with its content.
 * Blinded by: a file changed and changed back between two looks; a filesystem of a user (FUSE) may let an open wait.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { libcFunction } from "./ffi.ts";
import { describeFileCapabilities } from "./file-capabilities.ts";

const O_PATH = 0o10000000;
const AT_EMPTY_PATH = 0x1000;
const STATX_BYTES = 256;
const ATTRIBUTES_OFFSET = 8;
const STATX_ATTRIBUTES = [
  [0x10, "immutable"],
  [0x20, "append-only"],
  // Something is mounted over it: what the path shows is another file than the folder holds (5.8).
  [0x2000, "mounted-over"],
] as const;
const MAX_XATTRS = 32;
const MAX_XATTR_BYTES = 64 * 1024;
const MAX_SHOWN_XATTR_BYTES = 256;
const PIECE_BYTES = 256 * 1024;

const statx = libcFunction<(dirFd: number, path: string, flags: number, mask: number, buffer: Buffer) => number>(
  "int statx(int dirfd, const char *path, int flags, unsigned int mask, _Out_ uint8_t *statxbuf)",
);
const listxattr = libcFunction<(path: string, list: Buffer | null, size: number) => number>(
  "long listxattr(const char *path, _Out_ uint8_t *list, size_t size)",
);
const getxattr = libcFunction<(path: string, name: string, value: Buffer, size: number) => number>(
  "long getxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)",
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
  /** Where it really lies, latin1: differs from the path asked for when a symbolic link was on the way. */
  readonly realPath: string;
  /** What starting it gives beyond the starter's own, in the words of getcap(8); `null` for nothing. */
  readonly capabilities: string | null;
  /**
   * Name to value in hex, without capabilities. A value over 256 bytes is its digest; of more than 32 the rest is one digest
   * under `others`.
   */
  readonly xattrs: Readonly<Record<string, string>>;
  /** `immutable`, `append-only`, `mounted-over`. Empty where the filesystem has none. */
  readonly flags: readonly string[];
}

/** How a path is opened. */
export interface FileLookOptions {
  /** Look at what a symbolic link leads to. @default false */
  readonly follow?: boolean;
}

/** An open look at one path: metadata, and content when it is a regular file. The owner disposes it. */
export class FileLook implements Disposable {
  readonly metadata: FileMetadata;
  readonly #pathFd: number;

  private constructor(pathFd: number, metadata: FileMetadata) {
    this.#pathFd = pathFd;
    this.metadata = metadata;
  }

  /**
   * @param rawPath bytes as latin1
   * @returns `undefined` when nothing is there
   * @throws Error of node:fs (EACCES, ELOOP)
   */
  static open(rawPath: string, { follow = false }: FileLookOptions = {}): FileLook | undefined {
    const pathFd = openPath(rawPath, follow);
    if (pathFd === undefined) return undefined;
    try {
      return new FileLook(pathFd, readMetadata(pathFd));
    } catch (error) {
      closeSync(pathFd);
      throw error;
    }
  }

  /**
   * The bytes of a regular file in pieces, at most `limitBytes` in all. The buffer is reused between pieces.
   * @returns whether the whole file was given
   * @throws Error of node:fs (EACCES)
   */
  readPieces(limitBytes: number, onPiece: (piece: Buffer) => void): boolean {
    if (this.metadata.type !== "file") return false;
    const fd = openQuietly(`/proc/self/fd/${this.#pathFd}`);
    try {
      const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(limitBytes, this.metadata.sizeBytes + 1, PIECE_BYTES)));
      let position = 0;
      while (position < limitBytes) {
        const length = readSync(fd, buffer, 0, Math.min(buffer.length, limitBytes - position), position);
        if (length === 0) return true;
        onPiece(buffer.subarray(0, length));
        position += length;
      }
      return readSync(fd, buffer, 0, 1, position) === 0;
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#pathFd);
  }
}

/** @returns `undefined` when nothing is there */
function openPath(rawPath: string, follow: boolean): number | undefined {
  try {
    return openSync(Buffer.from(rawPath, "latin1"), O_PATH | (follow ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    const code = errnoOf(error);
    // A name beyond the kernel's bounds cannot exist.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    throw error;
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

function readMetadata(fd: number): FileMetadata {
  const stats = fstatSync(fd, { bigint: true });
  const type = fileType(stats);
  const { capabilities, xattrs } = readXattrs(fd);
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
    target: type === "link" ? readLinkOf(fd) : null,
    realPath: readlinkSync(`/proc/self/fd/${fd}`, "latin1"),
    capabilities,
    xattrs,
    flags: readFlags(fd),
  };
}

const readlinkat = libcFunction<(dirFd: number, path: string, buffer: Buffer, size: number) => number>(
  "long readlinkat(int dirfd, const char *path, _Out_ uint8_t *buf, size_t size)",
);

/** The text of the very link that `fd` holds, whatever its path names by now. */
function readLinkOf(fd: number): string {
  const buffer = Buffer.alloc(4096);
  const length = readlinkat(fd, "", buffer, buffer.length);
  return length < 0 ? "" : buffer.toString("latin1", 0, length);
}

function readXattrs(fd: number): Pick<FileMetadata, "capabilities" | "xattrs"> {
  const path = `/proc/self/fd/${fd}`;
  const listBytes = listxattr(path, null, 0);
  if (listBytes <= 0) return { capabilities: null, xattrs: {} };
  const list = Buffer.alloc(MAX_XATTR_BYTES);
  const names = list.toString("latin1", 0, Math.max(0, listxattr(path, list, list.length))).split("\0");
  const xattrs: Record<string, string> = {};
  const others: string[] = [];
  let capabilities: string | null = null;
  for (const name of names.filter(Boolean).sort()) {
    const value = readXattr(path, name);
    if (name === "security.capability" && value !== null) capabilities = describeFileCapabilities(value);
    else if (Object.keys(xattrs).length < MAX_XATTRS) xattrs[name] = showXattr(value);
    else others.push(`${name}=${showXattr(value)}`);
  }
  if (others.length > 0) xattrs["others"] = `${others.length} more, sha256 ${sha256(others.join("\0"))}`;
  return { capabilities, xattrs };
}

/** @returns `null` when it may not be read */
function readXattr(path: string, name: string): Buffer | null {
  const value = Buffer.alloc(MAX_XATTR_BYTES);
  const valueBytes = getxattr(path, name, value, value.length);
  return valueBytes < 0 ? null : value.subarray(0, valueBytes);
}

function showXattr(value: Buffer | null): string {
  if (value === null) return "unreadable";
  return value.length <= MAX_SHOWN_XATTR_BYTES
    ? value.toString("hex")
    : `${value.length} bytes, sha256 ${sha256(value)}`;
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function readFlags(fd: number): string[] {
  const buffer = Buffer.alloc(STATX_BYTES);
  if (statx(fd, "", AT_EMPTY_PATH, 0, buffer) === -1) return [];
  const bits = buffer.readUInt32LE(ATTRIBUTES_OFFSET);
  return STATX_ATTRIBUTES.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}
