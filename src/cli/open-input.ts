/** Opens what was named on the command line, to be read once. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { cleanText } from "#src/lib/clean-text.ts";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import type { ReplayFile } from "#src/logs/replay/settings.ts";

/** A regular file, or standard input for `-`. @returns why it cannot be read when it cannot */
export function openInput(name: string): ReplayFile | string {
  try {
    const fd = name === "-" ? 0 : openQuietly(name);
    const stats = fstatSync(fd);
    if (stats.isFile()) return { fd, name, sizeBytes: stats.size, changedUnixMs: Math.round(stats.mtimeMs) };
    if (name === "-" && !stats.isDirectory()) return { fd, name, sizeBytes: null, changedUnixMs: Date.now() };
    if (name !== "-") closeSync(fd);
    return `Cannot read "${cleanText(name)}": it is no regular file; a pipe can be given as "-"`;
  } catch (error) {
    const reason = errnoOf(error) === "ENOENT" ? "there is no such file" : cleanText(errorText(error));
    return `Cannot read "${cleanText(name)}": ${reason}`;
  }
}

/** Never waits for the writer of a FIFO, and leaves no trace in the file's atime where that is allowed. */
function openQuietly(path: string): number {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOATIME } = constants;
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  try {
    return openSync(path, flags | O_NOATIME);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
    return openSync(path, flags);
  }
}
