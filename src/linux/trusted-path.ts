/**
 * Opens what lies at a path of which some folders belong to customers: one component at a time, so that nobody can swap a part of
 * it between a check and its use. A symbolic link is followed only where root alone decides: the link and every folder before it
 * belong to root and nobody else may write there.
 * Kernel interface: openat(2) with O_PATH | O_NOFOLLOW, readlink(2), and open(2) of /proc/self/fd/N to read.
 * Since: 2.6.39. Needs: CAP_DAC_READ_SEARCH for folders of others. Without: EACCES. Cost: three system calls a component.
 * Blinded by: nothing; a hard link looks as the file itself, see {@link TrustedPath.isRootsOwn}.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import { pathComponents } from "#src/lib/path-pattern.ts";
import { checked, libcFunction } from "./ffi.ts";
import { quotePath } from "./held-path.ts";

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const O_NOATIME = 0o1000000;
const STICKY = 0o1000n;
const WRITE_FOR_OTHERS = 0o022n;
const MAX_LINKS = 8;
const GONE = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ESTALE", "ENXIO"]);

const openat = libcFunction<(dirFd: number, name: Buffer, flags: number) => number>(
  "int openat(int dirfd, const uint8_t *name, int flags)",
);
const readlinkat = libcFunction<(dirFd: number, name: string, target: Buffer, size: number) => number>(
  "long readlinkat(int dirfd, const char *path, _Out_ uint8_t *buf, size_t bufsiz)",
);

/** A file or folder that is held by an O_PATH descriptor. The owner disposes it. */
export class TrustedPath implements Disposable {
  readonly fd: number;
  readonly stats: BigIntStats;
  /** Whether root (or the caller) alone decides what lies at the path. */
  readonly isRootsOwn: boolean;
  /** Owner of the folder that it lies in. */
  readonly folderUid: bigint;

  private constructor(fd: number, stats: BigIntStats, isRootsOwn: boolean, folderUid: bigint) {
    this.fd = fd;
    this.stats = stats;
    this.isRootsOwn = isRootsOwn;
    this.folderUid = folderUid;
  }

  /**
   * @param rawPath absolute, bytes as latin1
   * @returns `undefined` when nothing is there
   * @throws GarrisonError `GARRISON_PATH_UNSAFE` for a symbolic link that somebody else than root could have made
   * @throws GarrisonError `GARRISON_SYSCALL` (EACCES)
   */
  static open(rawPath: string): TrustedPath | undefined {
    const walk = new Walk(rawPath);
    try {
      for (const name of walk) walk.enter(name);
      return new TrustedPath(walk.fd, walk.stats, walk.isRootsOwn, walk.folderUid);
    } catch (error) {
      closeSync(walk.fd);
      if (GONE.has(errnoOf((error as Error).cause ?? error) ?? "")) return undefined;
      throw error;
    }
  }

  /** Opens it to read, without changing its atime where the kernel lets us. The caller closes the fd. */
  openToRead(): number {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    const path = `/proc/self/fd/${this.fd}`;
    try {
      return openSync(path, flags | O_NOATIME);
    } catch (error) {
      // Only its owner and CAP_FOWNER may ask for that; the sentry has neither, but its mounts are read-only, which does the same.
      if (errnoOf(error) === "EPERM") return openSync(path, flags);
      throw error;
    }
  }

  /** Where it really lies, raw. */
  realPath(): string {
    return readlinkSync(`/proc/self/fd/${this.fd}`, { encoding: "latin1" });
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** The components of a path, those of links that are followed among them. */
class Walk implements Iterable<string> {
  readonly #rawPath: string;
  readonly #ahead: string[];
  #links = 0;
  fd: number;
  stats: BigIntStats;
  isRootsOwn = true;
  folderUid = 0n;

  constructor(rawPath: string) {
    this.#rawPath = rawPath;
    this.#ahead = componentsOf(rawPath);
    this.fd = openSync("/", O_PATH | constants.O_DIRECTORY);
    this.stats = fstatSync(this.fd, { bigint: true });
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let name = this.#ahead.shift(); name !== undefined; name = this.#ahead.shift()) yield name;
  }

  enter(name: string): void {
    const fd = this.#openIn(name);
    const stats = fstatSync(fd, { bigint: true });
    const isHeld = this.isRootsOwn && isHeldByRoot(this.stats, stats);
    if (stats.isSymbolicLink()) {
      try {
        return this.#follow(fd, isHeld);
      } finally {
        closeSync(fd);
      }
    }
    this.folderUid = this.stats.uid;
    this.#stand(fd, stats);
    this.isRootsOwn = isHeld;
  }

  #follow(link: number, isHeld: boolean): void {
    if (!isHeld || ++this.#links > MAX_LINKS) {
      throw new GarrisonError(
        "GARRISON_PATH_UNSAFE",
        `Cannot open ${quotePath(this.#rawPath)}: a part of it is a symbolic link that not only root could have made, a plain path is wanted`,
      );
    }
    const buffer = Buffer.alloc(4096);
    const length = checked(readlinkat(link, "", buffer, buffer.length), `read a link of ${quotePath(this.#rawPath)}`);
    const target = buffer.toString("latin1", 0, length);
    this.#ahead.unshift(...componentsOf(target));
    if (!target.startsWith("/")) return;
    const root = openSync("/", O_PATH | constants.O_DIRECTORY);
    this.#stand(root, fstatSync(root, { bigint: true }));
  }

  #openIn(name: string): number {
    const bytes = Buffer.from(`${name}\0`, "latin1");
    const act = `open ${quotePath(this.#rawPath)}`;
    return checked(openat(this.fd, bytes, O_PATH | constants.O_NOFOLLOW | O_CLOEXEC), act);
  }

  #stand(fd: number, stats: BigIntStats): void {
    closeSync(this.fd);
    this.fd = fd;
    this.stats = stats;
  }
}

/** `..` of a link is entered as any other name: the kernel leads it up. */
function componentsOf(rawPath: string): string[] {
  const components = rawPath.startsWith("/") ? pathComponents(rawPath) : rawPath.split("/");
  return components.filter((one) => one !== "" && one !== ".");
}

function isHeldByRoot(folder: BigIntStats, inside: BigIntStats): boolean {
  if (!isTrusted(folder.uid)) return false;
  if ((folder.mode & WRITE_FOR_OTHERS) === 0n) return inside.isSymbolicLink() ? isTrusted(inside.uid) : true;
  return (folder.mode & STICKY) !== 0n && isTrusted(inside.uid);
}

/** Without root the caller's own links are as good to him as root's. */
function isTrusted(uid: bigint): boolean {
  return uid === 0n || uid === BigInt(process.geteuid?.() ?? 0);
}
