/**
 * Reads the configuration file, if whoever may write to it is as mighty as whoever runs Garrison: it decides what root does.
 * Only the file itself is judged, not the folders above it; POSIX ACLs show in the group bits (acl(5)).
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errnoOf } from "#src/lib/errors.ts";
import { formatMode } from "#src/lib/file-mode.ts";
import { configError } from "./problems.ts";

/** Largest file that is read. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Who may write to a file: what {@link describeDistrust} looks at. */
export interface FileOwnership {
  readonly uid: number;
  /** Type and permission bits, stat(2). */
  readonly mode: number;
}

/**
 * The text of the file; `undefined` when there is none.
 * @param callerUid effective uid of whoever acts on it
 * @throws GarrisonError `GARRISON_CONFIG` when it cannot be read or must not be trusted
 */
export async function readConfigFile(path: string, callerUid: number): Promise<string | undefined> {
  const refuse = (text: string): never => {
    throw configError(path, [{ line: null, text }]);
  };
  await using file = await openFile(path);
  if (file === undefined) return undefined;
  const stat = await file.stat();
  if (!stat.isFile()) return refuse("it is no regular file, expected one");
  const distrust = describeDistrust(stat, callerUid);
  if (distrust !== null) return refuse(distrust);
  const bytes = await readBounded(file);
  if (bytes === undefined) return refuse(`it has more than ${MAX_CONFIG_BYTES} bytes, expected at most 1 MiB`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("it has bytes that are no UTF-8, expected a text");
  }
}

/** Why a file must not decide what `callerUid` does: "<what is>, <what is wanted>"; `null` when it may. */
export function describeDistrust({ uid, mode }: FileOwnership, callerUid: number): string | null {
  if (uid !== 0 && uid !== callerUid) {
    return `it belongs to uid ${uid}, expected root${callerUid === 0 ? "" : ` or uid ${callerUid}`} as its owner`;
  }
  // What an ordinary user runs can do no more than this user.
  if (callerUid !== 0 || (mode & 0o022) === 0) return null;
  const shown = formatMode(mode);
  return `its mode ${shown} lets others than its owner write to it, expected 0644 or stricter because it decides what root does`;
}

async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: a FIFO in its place must not stop us.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw configError(path, [{ line: null, text: "it cannot be opened, expected a file that can be read" }], {
      cause: error,
    });
  }
}

/** At most {@link MAX_CONFIG_BYTES} bytes; `undefined` when there are more, also when it grows meanwhile. */
async function readBounded(file: FileHandle): Promise<Uint8Array | undefined> {
  const buffer = Buffer.alloc(MAX_CONFIG_BYTES + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
    if (bytesRead === 0) return buffer.subarray(0, filled);
    filled += bytesRead;
  }
  return undefined;
}
