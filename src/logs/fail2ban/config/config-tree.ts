/** Where a configuration is read from: the files below one folder such as /etc/fail2ban. At most 1 MiB a file. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "#src/lib/errors.ts";
import { readBoundedFile } from "#src/linux/bounded-file.ts";
import { configError } from "./config-error.ts";

const MAX_FILE_BYTES = 1_048_576;
const MAX_NAMES = 2000;

/** What the readers of this folder ask of the host; a test gives a map. */
export interface ConfigTree {
  /** The text of a file, `undefined` when there is none that can be read. */
  read(path: string): string | undefined;
  /** Names in a folder, sorted; none when there is no such folder. */
  names(folder: string): readonly string[];
}

/** The files of this host, or below `root`. */
export class HostConfigTree implements ConfigTree {
  readonly #root: string;

  constructor(root = "/") {
    this.#root = root;
  }

  /** @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when it is larger than 1 MiB, or no UTF-8 */
  read(path: string): string | undefined {
    const bytes = readBoundedFile(join(this.#root, path), MAX_FILE_BYTES);
    if (bytes === "too-large") throw configError(`Cannot read "${path}": it is larger than ${MAX_FILE_BYTES} bytes`);
    return bytes === "absent" ? undefined : decode(path, bytes);
  }

  names(folder: string): readonly string[] {
    try {
      return readdirSync(join(this.#root, folder)).sort().slice(0, MAX_NAMES);
    } catch (error) {
      if (errnoOf(error) !== undefined) return [];
      throw error;
    }
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw Object.assign(configError(`Cannot read "${path}": it is no UTF-8`), { cause: error });
  }
}
