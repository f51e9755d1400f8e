/**
 * A file or folder reached without following any symbolic link, held open while its owner and mode are changed: whatever
 * happens to its name meanwhile, no other file is touched.
 * Kernel interface: openat(2) with O_PATH | O_NOFOLLOW, one component at a time; fstat, chown and chmod through /proc/self/fd.
 * One openat2(2) with RESOLVE_NO_SYMLINKS would do the same from 5.6 on, but would not tell who owns the folders on the way.
 * Since: 2.6.39. Needs: CAP_DAC_READ_SEARCH for folders of others, CAP_FOWNER and CAP_CHOWN to change.
 * Without: EACCES or EPERM. Cost: three system calls a component.
 * Blinded by: nothing; a mount or a rename on the way leads to another inode, which the caller compares.
 */
import { type BigIntStats, chmodSync, chownSync, closeSync, constants, fstatSync, openSync } from "node:fs";
import { cleanText } from "#src/lib/clean-text.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { pathComponents } from "#src/lib/path-pattern.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import { checked, libcFunction } from "./ffi.ts";

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const STICKY = 0o1000n;
const WRITE_FOR_OTHERS = 0o022n;

const openat = libcFunction<(dirFd: number, name: Buffer, flags: number) => number>(
  "int openat(int dirfd, const uint8_t *name, int flags)",
);

/** Owner and permission bits. */
export interface Ownership {
  /** With setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** One regular file or folder. The owner disposes it. */
export class HeldPath implements Disposable {
  readonly type: "file" | "folder";
  readonly inode: bigint;
  readonly device: bigint;
  /** Number of names. */
  readonly links: number;
  /**
   * Whether root alone decides what lies at the path: each folder on the way belongs to root, and nobody else may write in it
   * unless it is sticky and what we go on to belongs to root.
   */
  readonly isRootsOwn: boolean;
  readonly #fd: number;

  private constructor(fd: number, stats: BigIntStats, isRootsOwn: boolean) {
    this.#fd = fd;
    this.type = stats.isDirectory() ? "folder" : "file";
    this.inode = stats.ino;
    this.device = stats.dev;
    this.links = Number(stats.nlink);
    this.isRootsOwn = isRootsOwn;
  }

  /**
   * @param rawPath absolute, bytes as latin1
   * @throws GarrisonError `GARRISON_PATH_UNSAFE` when a component is a symbolic link, `.`, `..` or empty, or what is there is
   *   neither a regular file nor a folder
   * @throws GarrisonError `GARRISON_SYSCALL` with the errno when it cannot be opened
   */
  static open(rawPath: string): HeldPath {
    const components = checkedComponents(rawPath);
    let fd = openSync("/", O_PATH | constants.O_DIRECTORY);
    try {
      let stats = fstatSync(fd, { bigint: true });
      let isRootsOwn = true;
      for (const [index, name] of components.entries()) {
        const next = openIn(fd, name, rawPath);
        closeSync(fd);
        fd = next;
        const nextStats = fstatSync(fd, { bigint: true });
        requireType(nextStats, rawPath, index < components.length - 1);
        isRootsOwn &&= isHeldByRoot(stats, nextStats);
        stats = nextStats;
      }
      return new HeldPath(fd, stats, isRootsOwn);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Owner and mode as they are now. */
  readOwnership(): Ownership {
    const { mode, uid, gid } = fstatSync(this.#fd);
    return { mode: mode & 0o7777, uid, gid };
  }

  /** Takes setuid and setgid away, as chown(2) does. @throws Error of node:fs (EPERM, EROFS) */
  setOwner(uid: number, gid: number): void {
    chownSync(`/proc/self/fd/${this.#fd}`, uid, gid);
  }

  /** @throws Error of node:fs (EPERM when the file is immutable, EROFS) */
  setMode(mode: number): void {
    chmodSync(`/proc/self/fd/${this.#fd}`, mode);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function checkedComponents(rawPath: string): string[] {
  const components = pathComponents(rawPath);
  const isWrong = components.some((one) => one === "" || one === "." || one === ".." || one.includes("\0"));
  if (!rawPath.startsWith("/") || components.length === 0 || rawPath.length > 4096 || isWrong) {
    throw unsafe(rawPath, "it is not a plain absolute path");
  }
  return components;
}

function openIn(folderFd: number, name: string, rawPath: string): number {
  const bytes = Buffer.from(`${name}\0`, "latin1");
  return checked(openat(folderFd, bytes, O_PATH | constants.O_NOFOLLOW | O_CLOEXEC), `open ${quotePath(rawPath)}`);
}

function requireType(stats: BigIntStats, rawPath: string, isOnTheWay: boolean): void {
  if (stats.isSymbolicLink()) throw unsafe(rawPath, "a part of it is a symbolic link");
  if (stats.isDirectory() || (!isOnTheWay && stats.isFile())) return;
  throw unsafe(rawPath, isOnTheWay ? "a part of it is no folder" : "it is neither a regular file nor a folder");
}

function isHeldByRoot(folder: BigIntStats, inside: BigIntStats): boolean {
  if (folder.uid !== 0n) return false;
  return (folder.mode & WRITE_FOR_OTHERS) === 0n || ((folder.mode & STICKY) !== 0n && inside.uid === 0n);
}

function unsafe(rawPath: string, what: string): GarrisonError {
  return new GarrisonError(
    "GARRISON_PATH_UNSAFE",
    `Cannot open ${quotePath(rawPath)}: ${what}, a regular file or folder is wanted`,
  );
}

/** A raw path in quotes for a message, harmless to show. */
export function quotePath(rawPath: string): string {
  return `"${cleanText(showRawPath(rawPath), 300)}"`;
}
