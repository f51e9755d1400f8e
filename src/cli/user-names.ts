/** Names of users by their uid, of a host or of a tree that is looked at as one. */
import { join } from "node:path";
import { readBoundedFile } from "#src/linux/bounded-file.ts";
import { parsePasswd } from "#src/linux/user-names.ts";

const MAX_BYTES = 16 * 1024 * 1024;

/** Of passwd(5) in the tree; of two users with one uid the first. */
export function readUserNames(root: string): ReadonlyMap<number, string> {
  const bytes = readBoundedFile(join(root, "etc/passwd"), MAX_BYTES);
  return typeof bytes === "string" ? new Map() : parsePasswd(bytes.toString("utf8"));
}
