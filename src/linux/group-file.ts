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

/** Names of the members of groups in the text of group(5); those whose primary group it is are not listed there. */
export function parseGroupMembers(text: string, names: readonly string[]): string[] {
  return text.split("\n").flatMap((line) => {
    const [group = "", , , members = ""] = line.split(":");
    return names.includes(group) ? members.split(",").filter((name) => name !== "") : [];
  });
}

/** Names of the members of local groups; the first MiB of the file counts. @returns none when there is no such file */
export function listGroupMembers(names: readonly string[], path = "/etc/group"): string[] {
  return parseGroupMembers(readStart(path) ?? "", names);
}

/** The gid of a local group; the first MiB of the file counts. @returns `undefined` when there is none */
export function readGroupId(name: string, path = "/etc/group"): number | undefined {
  const text = readStart(path);
  return text === undefined ? undefined : parseGroupId(text, name);
}

function readStart(path: string): string | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(MAX_GROUP_BYTES);
      return bytes.toString("utf8", 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
