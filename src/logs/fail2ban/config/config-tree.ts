/** Where a configuration is read from: the files below one folder such as /etc/fail2ban. At most 1 MiB a file. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "#src/lib/errors.ts";
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
    let fd: number;
    try {
      fd = openSync(join(this.#root, path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch (error) {
      if (errnoOf(error) !== undefined) return undefined;
      throw error;
    }
    try {
      if (!fstatSync(fd).isFile()) return undefined;
      return decode(path, readBytes(fd, path));
    } finally {
      closeSync(fd);
    }
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

function readBytes(fd: number, path: string): Uint8Array {
  const bytes = new Uint8Array(MAX_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, bytes, length, bytes.length - length, null);
    length += count;
    if (length > MAX_FILE_BYTES) throw configError(`Cannot read "${path}": it is larger than ${MAX_FILE_BYTES} bytes`);
    if (count === 0) return bytes.subarray(0, length);
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw Object.assign(configError(`Cannot read "${path}": it is no UTF-8`), { cause: error });
  }
}
