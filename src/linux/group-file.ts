/**
 * Numbers of groups from /etc/group, without NSS: no library of the host runs in a root process of ours.
 * Kernel interface: open(2), read(2). Since: always. Needs: nothing. Cost: four system calls.
 * Blinded by: groups that are only in a directory service; /etc/group changed by root.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";

const MAX_GROUP_BYTES = 1024 * 1024;

/** The gid of a group in the text of group(5); of equal names the first counts, as in libc. */
export function parseGroupId(text: string, name: string): number | undefined {
  for (const line of text.split("\n")) {
    const [group, , gid] = line.split(":");
    if (group === name && gid !== undefined && /^\d{1,10}$/.test(gid)) return Number(gid);
  }
  return undefined;
}

/** The gid of a local group; the first MiB of the file counts. @returns `undefined` when there is none */
export function readGroupId(name: string, path = "/etc/group"): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(MAX_GROUP_BYTES);
      return parseGroupId(bytes.toString("utf8", 0, readSync(fd, bytes)), name);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
