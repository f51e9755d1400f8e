/** The rotated files beside a log: where the rest of what was rotated away is looked for. At most MAX_SIBLINGS are looked at. */
import { type BigIntStats, closeSync, lstatSync, readdirSync } from "node:fs";
import { joinPath, splitPath } from "#src/lib/raw-path.ts";
import type { FileHead } from "#src/model/log-stream.ts";
import { hasHead, keyOf, type OpenLog, openLog } from "./open-log.ts";
import { compareAge, parseRotatedName, type RotatedName } from "./rotated.ts";
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

/** What the owner of a sibling gets. */
export interface OpenSibling {
  readonly log: OpenLog;
  /** As it is unzipped. */
  readonly head: Buffer;
}

/**
 * One of them, open since it was listed: whatever rotation does meanwhile, it is the same file, and the descriptor says which. Closed by
 * its owner.
 */
export class Sibling implements Disposable {
  readonly path: string;
  readonly mark: string | null;
  readonly isZipped: boolean;
  readonly log: OpenLog;
  #isTaken = false;
  /** `undefined`: not looked at. */
  #head: Buffer | null | undefined;

  constructor(path: string, { mark, compression }: RotatedName, log: OpenLog) {
    this.path = path;
    this.mark = mark;
    this.isZipped = compression !== "";
    this.log = log;
    this.#head = this.isZipped ? undefined : log.head;
  }

  get mtimeNs(): bigint {
    return this.log.mtimeNs;
  }

  get key(): string {
    return keyOf(this.log);
  }

  /** Its first bytes, as it is unzipped; `undefined` when it cannot be unzipped. */
  async head(): Promise<Buffer | undefined> {
    if (this.#head === undefined) this.#head = (await readUnzippedHead(this.log.fd)) ?? null;
    return this.#head ?? undefined;
  }

  /** Its descriptor belongs to the caller from now on. Only behind a {@link head} that there was. */
  take(): OpenSibling {
    if (this.#isTaken || !this.#head) throw new TypeError(`Cannot take "${this.path}": its head is not known`);
    this.#isTaken = true;
    return { log: this.log, head: this.#head };
  }

  [Symbol.dispose](): void {
    if (!this.#isTaken) closeSync(this.log.fd);
    this.#isTaken = true;
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

/** Whether there are rotated files of a log. Opens nothing. */
export function hasSiblings(logPath: string): boolean {
  return rotatedNames(logPath).length > 0;
}

/** Whether the newest of the rotated files of a log is the one of that key. Opens nothing. */
export function isNewestSibling(logPath: string, key: string): boolean {
  const names = rotatedNames(logPath);
  const { folder } = splitPath(logPath);
  const files = names.flatMap((name) => {
    const stats = statsAt(joinPath(folder, name));
    const { mark } = parseRotatedName(name)!;
    return stats === undefined ? [] : { mark, mtimeNs: stats.mtimeNs, key: `${stats.dev}:${stats.ino}` };
  });
  return files.sort(compareAge).at(-1)?.key === key && isEqual(names, rotatedNames(logPath));
}

function openSiblings(logPath: string, names: readonly string[]): Sibling[] {
  const { folder } = splitPath(logPath);
  return names.flatMap((name) => {
    const path = joinPath(folder, name);
    const log = openLog(path);
    // gone between the two looks, or none that may be read
    return typeof log === "object" ? new Sibling(path, parseRotatedName(name)!, log) : [];
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
function isInPlace({ path, key }: Sibling): boolean {
  const stats = statsAt(path);
  return stats !== undefined && `${stats.dev}:${stats.ino}` === key;
}

/** Only to compare: what is opened is opened with care. */
function statsAt(path: string): BigIntStats | undefined {
  return lstatSync(Buffer.from(path, "latin1"), { bigint: true, throwIfNoEntry: false });
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

/** The one that has a content: the file itself under another name, else the newest copy that reaches up to the offset. */
export async function findContent(siblings: readonly Sibling[], wanted: Wanted): Promise<Sibling | undefined> {
  const itself = siblings.find(({ key }) => key === keyOf(wanted));
  if (itself !== undefined && (await hasContentOf(itself, wanted.head))) return itself;
  // Of a content without a known byte nothing could be told from another.
  if (wanted.head.bytes === 0) return undefined;
  for (const sibling of siblings.toReversed()) {
    const reaches = sibling.isZipped || sibling.log.sizeBytes >= wanted.offset;
    if (reaches && (await hasContentOf(sibling, wanted.head))) return sibling;
  }
  return undefined;
}

/** Whether it begins as a content did. */
export async function hasContentOf(sibling: Sibling, head: FileHead): Promise<boolean> {
  const start = await sibling.head();
  return start !== undefined && hasHead(start, head);
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
