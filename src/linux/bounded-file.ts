/**
 * Reads a whole file whose path or content may be a stranger's: only a regular file, only so much of it, never waiting for a FIFO.
 * Kernel interface: open(2), fstat(2), read(2). Needs: nothing. Cost: four system calls.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";

/** `absent`: there is none that can be opened, or it is no regular file. `too-large`: it has more bytes, also when it grows meanwhile. */
export type BoundedFile = Buffer | "absent" | "too-large";

/** The bytes of a file of at most `maxBytes`. @throws Error for a failed read */
export function readBoundedFile(path: string, maxBytes: number): BoundedFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) !== undefined) return "absent";
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return "absent";
    return stat.size > maxBytes ? "too-large" : readUpTo(fd, stat.size, maxBytes);
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number, sizeBytes: number, maxBytes: number): BoundedFile {
  // Files of /proc have no size, and others may grow.
  let bytes = Buffer.alloc(Math.min(maxBytes, Math.max(sizeBytes, 4096)) + 1);
  for (let filled = 0; ; ) {
    const count = readSync(fd, bytes, filled, bytes.length - filled, null);
    filled += count;
    if (filled > maxBytes) return "too-large";
    if (count === 0) return bytes.subarray(0, filled);
    if (filled === bytes.length)
      bytes = Buffer.concat([bytes, Buffer.alloc(Math.min(bytes.length, maxBytes + 1 - filled))]);
  }
}
