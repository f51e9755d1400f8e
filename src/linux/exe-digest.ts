/**
 * sha256 of the program that a process runs, from the file itself and not from its path.
 * Needs: CAP_SYS_PTRACE. Without: no digest. Cost: 1 ms per MiB once per file, hashed one after the other between turns of the
 * event loop; then one open and one fstat. Memory: at most 1,024 digests; at most 512 MiB of programs wait to be hashed.
 * Blinded by: a change of the running file's pages in memory; programs over 512 MiB.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import { LruMap } from "#src/lib/lru.ts";
import { openExe } from "./proc.ts";

const readAsync = promisify(read);
const MAX_DIGESTS = 1024;
// Programs are chosen by those who read: a reader with a huge one must not make the others wait for theirs.
const MAX_WAITING_BYTES = 512n * 1024n * 1024n;
// A turn of the event loop waits 0.5 ms for one; smaller ones cost more turns than bytes.
const PIECE_BYTES = 1024 * 1024;

/** Digests of programs, kept by inode and ctime: a changed file is another entry. */
export class ExeDigests {
  readonly #digests = new LruMap<string, Promise<string | null>>(MAX_DIGESTS);
  #waitingBytes = 0n;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Opens the program at once, so that it is found even when the process ends meanwhile. `null`: it had ended already, its
   * program is too large, or too many wait.
   */
  of(pid: number): Promise<string | null> {
    return this.#ofOpened(openExe(pid));
  }

  /** Of the file that lies at a path now: for a process that has ended, whose path is known from the kernel's record. */
  ofPath(path: string): Promise<string | null> {
    return this.#ofOpened(openFile(path));
  }

  #ofOpened(fd: number | undefined): Promise<string | null> {
    if (fd === undefined) return Promise.resolve(null);
    const { dev, ino, size, ctimeNs } = fstatSync(fd, { bigint: true });
    const key = `${dev}:${ino}:${size}:${ctimeNs}`;
    const known = this.#digests.get(key);
    if (known !== undefined || this.#waitingBytes + size > MAX_WAITING_BYTES) {
      closeSync(fd);
      return known ?? Promise.resolve(null);
    }
    this.#waitingBytes += size;
    const digest = this.#last
      .then(() => hashFile(fd))
      .catch(() => null)
      .finally(() => {
        this.#waitingBytes -= size;
      });
    this.#last = digest;
    this.#digests.set(key, digest);
    return digest;
  }
}

/** Never waits for the other end of a FIFO, and takes regular files only. */
function openFile(path: string): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch {
    // Not there any more, or not for us: as unknown as before.
  }
  return undefined;
}

async function hashFile(fd: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await readAsync(fd, buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    closeSync(fd);
  }
}
