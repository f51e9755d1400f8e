/** Names of users by their uid, of a host or of a tree that is looked at as one. */
import { join } from "node:path";
import { readBoundedFile } from "#src/linux/bounded-file.ts";

const MAX_BYTES = 16 * 1024 * 1024;

/** Of passwd(5) in the tree; of two users with one uid the first. */
export function readUserNames(root: string): ReadonlyMap<number, string> {
  const bytes = readBoundedFile(join(root, "etc/passwd"), MAX_BYTES);
  return typeof bytes === "string" ? new Map() : parseUserNames(bytes.toString("utf8"));
}

/** Of the text of passwd(5). */
export function parseUserNames(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , uid = ""] = line.split(":");
    if (name !== "" && /^\d{1,10}$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
