/**
 * Lists of networks on the disk, one file a list, packed; each is replaced as a whole. Only root reads and writes them.
 * Bounds: 64 lists, 1,000,000 networks together. Disk and memory: 4 bytes a network of IPv4, 16 of IPv6.
 *
 * A file: `GBL1`; for each family and length of prefix family u8, prefix u8, count u32, keys; then the crc32 of all that, u32.
 */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { GarrisonError } from "#src/lib/errors.ts";
import { prepareOwnFolder, replaceFile, syncFolder } from "#src/linux/durable-file.ts";
import {
  countNetworks,
  groupName,
  keyBytesOf,
  type PackedGroup,
  type PackedNetworks,
  unionOf,
} from "#src/linux/packed-networks.ts";

const MAGIC = Buffer.from("GBL1");
const MAX_LISTS = 64;
/** Most networks in all lists together. */
export const MAX_LISTED = 1_000_000;
const MAX_FILE_BYTES = 20 * 1024 * 1024;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/;

/** The lists in one folder. There must be only one. */
export class BlockLists {
  readonly #folder: string;
  readonly #lists = new Map<string, PackedNetworks>();
  /** Names of files that could not be read. */
  readonly damaged: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws GarrisonError `GARRISON_FOLDER_UNSAFE`. @throws Error of node:fs */
  static open(folder: string, { readOnly = false }: { readonly readOnly?: boolean } = {}): BlockLists {
    if (!readOnly) prepareOwnFolder(folder, { mode: 0o700, gid: process.getegid?.() ?? 0 });
    const lists = new BlockLists(folder);
    for (const file of listFiles(folder)) lists.#read(file);
    return lists;
  }

  /** All networks of all lists, each once. */
  get union(): PackedNetworks {
    return unionOf([...this.#lists.values()]);
  }

  /**
   * Puts a list in place of the one of this name; it is on the disk when this returns. An empty one is removed.
   * @returns how many networks it has, each counted once
   * @throws GarrisonError `GARRISON_ACTION_REFUSED` when the name or the number is beyond the bounds. @throws Error of node:fs
   */
  put(name: string, packed: PackedNetworks): number {
    if (!NAME.test(name))
      throw refused(`Cannot keep list: its name has other characters than letters, digits, "_" and "-"`);
    const count = countNetworks(packed);
    if (count === 0) {
      rmSync(this.#pathOf(name), { force: true });
      this.#lists.delete(name);
    } else {
      this.#checkRoom(name, count);
      replaceFile(this.#pathOf(name), encode(packed), { mode: 0o600, gid: process.getegid?.() ?? 0 });
      this.#lists.set(name, packed);
    }
    syncFolder(this.#pathOf(name));
    return count;
  }

  #checkRoom(name: string, count: number): void {
    const others = [...this.#lists].filter(([other]) => other !== name);
    if (others.length >= MAX_LISTS) throw refused(`Cannot keep list "${name}": there are ${MAX_LISTS} already`);
    const all = others.reduce((sum, [, packed]) => sum + countNetworks(packed), count);
    if (all <= MAX_LISTED) return;
    throw refused(`Cannot keep list "${name}": all lists would have ${all} networks, ${MAX_LISTED} are allowed`);
  }

  #read(file: string): void {
    const path = join(this.#folder, file);
    try {
      if (statSync(path).size > MAX_FILE_BYTES) throw new RangeError("it is too large");
      this.#lists.set(file.slice(0, -".list".length), decode(readFileSync(path)));
    } catch {
      this.damaged.push(file);
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}.list`);
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith(".list") && NAME.test(file.slice(0, -".list".length)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function encode(packed: PackedNetworks): Buffer {
  const parts: Uint8Array[] = [MAGIC];
  for (const { family, prefix, keys } of packed.values()) {
    const head = Buffer.alloc(6);
    head[0] = family;
    head[1] = prefix;
    head.writeUInt32BE(keys.length / keyBytesOf(family), 2);
    parts.push(head, keys);
  }
  const content = Buffer.concat(parts);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(content));
  return Buffer.concat([content, end]);
}

/** @throws SyntaxError when it is not what {@link encode} gives */
function decode(bytes: Buffer): PackedNetworks {
  const content = bytes.subarray(0, -4);
  if (
    bytes.length < 8 ||
    !content.subarray(0, 4).equals(MAGIC) ||
    crc32(content) !== bytes.readUInt32BE(content.length)
  ) {
    throw new SyntaxError("Cannot read a list: its checksum is wrong");
  }
  const groups = new Map<string, PackedGroup>();
  for (let at = MAGIC.length; at < content.length; ) {
    const family = content[at] === 4 ? 4 : 6;
    const prefix = content[at + 1]!;
    const end = at + 6 + content.readUInt32BE(at + 2) * keyBytesOf(family);
    groups.set(groupName({ family, prefix }), { family, prefix, keys: Uint8Array.from(content.subarray(at + 6, end)) });
    at = end;
  }
  return groups;
}

function refused(message: string): GarrisonError {
  return new GarrisonError("GARRISON_ACTION_REFUSED", message);
}
