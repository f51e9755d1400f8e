/**
 * Files of our own that must survive a crash and a power cut: write, fsync, rename, fsync of the folder.
 * Kernel interface: fsync(2), rename(2), O_NOFOLLOW. Since: always. Needs: write permission on the folder; CAP_CHOWN to give
 * away the group. Without: throws. Cost: 8 system calls and two flushes of the disk.
 * Blinded by: a disk or controller that says it has flushed and has not.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { GarrisonError } from "#src/lib/errors.ts";

/** Who may read a file or folder of ours. The owner is the user that we run as: root. */
export interface Access {
  readonly mode: number;
  readonly gid: number;
}

/**
 * Makes a folder if it is missing, and gives it owner and mode.
 * @throws GarrisonError `GARRISON_FOLDER_UNSAFE` when it belongs to another user: what is in it cannot be trusted
 * @throws Error of node:fs (ENOTDIR and ELOOP: it is no folder)
 */
export function prepareOwnFolder(path: string, { mode, gid }: Access): void {
  mkdirSync(path, { recursive: true, mode });
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { uid } = fstatSync(fd);
    const own = process.geteuid?.() ?? 0;
    if (uid !== own) {
      throw new GarrisonError(
        "GARRISON_FOLDER_UNSAFE",
        `Cannot use "${path}": it belongs to uid ${uid}, ${own} is wanted`,
      );
    }
    fchownSync(fd, own, gid);
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/** Opens a new file for appending. @throws Error of node:fs (EEXIST) */
export function createForAppend(path: string, access: Access): number {
  const fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    giveAccess(fd, access);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Puts `content` in place of the file at `path`: whoever reads sees the old or the new one, whole. It lasts once
 * {@link syncFolder} has been called. On an error the old file stays.
 */
export function replaceFile(path: string, content: string | Uint8Array, access: Access): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  try {
    const fd = createForAppend(temporary, access);
    try {
      writeAll(fd, typeof content === "string" ? Buffer.from(content) : Buffer.from(content));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes creations, renames and removals in the folder of `path` last. */
export function syncFolder(path: string): void {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes every byte; a full disk may take a part of them before it throws. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

function giveAccess(fd: number, { mode, gid }: Access): void {
  fchownSync(fd, process.geteuid?.() ?? 0, gid);
  fchmodSync(fd, mode);
}
