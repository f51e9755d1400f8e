/** The rotated files beside a log: where the rest of what was rotated away is looked for. At most MAX_SIBLINGS are looked at. */
import { closeSync, lstatSync, readdirSync } from "node:fs";
import { joinPath, splitPath } from "#src/lib/raw-path.ts";
import type { FileHead } from "#src/model/log-stream.ts";
import { hasHead, type OpenLog, openLog } from "./open-log.ts";
import { compareAge, parseRotatedName } from "./rotated.ts";
import { readUnzippedHead } from "./unzipped.ts";

const MAX_LISTINGS = 5;
const MAX_SIBLINGS = 200;

/** A content that is looked for. */
export interface Wanted {
  readonly device: string;
  readonly inode: string;
  readonly head: FileHead;
  readonly offset: number;
}

/** What is open of a sibling. */
export interface OpenSibling {
  readonly log: OpenLog;
  /** As it is unzipped. */
  readonly head: Buffer;
}

/** One of them; opened when somebody asks what is in it, and closed by its owner. */
export class Sibling implements Disposable {
  readonly path: string;
  readonly mark: string | null;
  readonly mtimeNs: bigint;
  readonly isZipped: boolean;
  readonly device: string;
  readonly inode: string;
  #open: OpenSibling | null | undefined;

  /** @throws Error of node:fs when it is gone */
  constructor(path: string, mark: string | null, isZipped: boolean) {
    const { dev, ino, mtimeNs } = lstatSync(Buffer.from(path, "latin1"), { bigint: true });
    this.path = path;
    this.mark = mark;
    this.mtimeNs = mtimeNs;
    this.isZipped = isZipped;
    this.device = String(dev);
    this.inode = String(ino);
  }

  get key(): string {
    return `${this.device}:${this.inode}`;
  }

  /** @returns `undefined` when it is not there any more, or cannot be read or unzipped */
  async open(): Promise<OpenSibling | undefined> {
    if (this.#open === undefined) this.#open = (await this.#openNow()) ?? null;
    return this.#open ?? undefined;
  }

  /** Its descriptor belongs to the caller from now on. Only once, and only behind {@link open}. */
  take(): OpenSibling {
    const open = this.#open;
    if (open === null || open === undefined) throw new TypeError(`Cannot take "${this.path}": it is not open`);
    this.#open = null;
    return open;
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.log.fd);
    this.#open = null;
  }

  async #openNow(): Promise<OpenSibling | undefined> {
    const log = openLog(this.path);
    if (typeof log !== "object") return undefined;
    const isSame = log.device === this.device && log.inode === this.inode;
    const head = !isSame ? undefined : this.isZipped ? await readUnzippedHead(log.fd) : log.head;
    if (head !== undefined) return { log, head };
    closeSync(log.fd);
    return undefined;
  }
}

/** The name of a log whatever rotation made of it. `isLog`: whether a path is followed itself. */
export function stemOf(path: string, isLog: (path: string) => boolean): string {
  const { folder, name } = splitPath(path);
  const rotated = parseRotatedName(name);
  return rotated !== undefined && isLog(joinPath(folder, rotated.stem)) ? joinPath(folder, rotated.stem) : path;
}

/** The rotated files of a log that can be read, the oldest first. Listed again while a rotation goes on meanwhile: one would be missed. */
export function listSiblings(logPath: string): Sibling[] {
  for (let listing = 1; ; listing++) {
    const before = rotatedNames(logPath);
    const siblings = openSiblings(logPath, before);
    const isWhole = siblings.every(isInPlace) && isEqual(before, rotatedNames(logPath));
    if (isWhole || listing === MAX_LISTINGS) return siblings.sort(compareAge);
    closeSiblings(siblings);
  }
}

function openSiblings(logPath: string, names: readonly string[]): Sibling[] {
  const { folder } = splitPath(logPath);
  return names.flatMap((name) => {
    const rotated = parseRotatedName(name)!;
    try {
      return new Sibling(joinPath(folder, name), rotated.mark, rotated.compression !== "");
    } catch {
      // gone between the two looks, or none that may be read
      return [];
    }
  });
}

function rotatedNames(logPath: string): string[] {
  const { folder, name } = splitPath(logPath);
  const isRotated = (other: string): boolean => {
    const rotated = parseRotatedName(other);
    return rotated?.stem === name && (rotated.compression === "" || rotated.compression === ".gz");
  };
  return listNames(folder).filter(isRotated).slice(0, MAX_SIBLINGS);
}

/** Whether it still lies where it was opened. */
function isInPlace({ path, inode }: Sibling): boolean {
  try {
    return String(lstatSync(Buffer.from(path, "latin1"), { bigint: true }).ino) === inode;
  } catch {
    return false;
  }
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

/** The one that has a content: the file itself under another name, else the newest copy that reaches up to the offset. */
export async function findContent(siblings: readonly Sibling[], wanted: Wanted): Promise<Sibling | undefined> {
  const itself = siblings.find(({ device, inode }) => device === wanted.device && inode === wanted.inode);
  if (itself !== undefined && (await hasContentOf(itself, wanted.head))) return itself;
  // Of a content without a known byte nothing could be told from another.
  if (wanted.head.bytes === 0) return undefined;
  for (const sibling of siblings.toReversed()) {
    const reaches = sibling.isZipped || ((await sibling.open())?.log.sizeBytes ?? -1) >= wanted.offset;
    if (reaches && (await hasContentOf(sibling, wanted.head))) return sibling;
  }
  return undefined;
}

/** Whether it begins as a content did. */
export async function hasContentOf(sibling: Sibling, head: FileHead): Promise<boolean> {
  const open = await sibling.open();
  return open !== undefined && hasHead(open.head, head);
}

/** Closes those that nobody has taken. */
export function closeSiblings(siblings: Iterable<Sibling>): void {
  for (const sibling of siblings) sibling[Symbol.dispose]();
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(Buffer.from(folder, "latin1"), { encoding: "latin1" });
  } catch {
    return [];
  }
}
