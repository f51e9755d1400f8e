/**
 * A list of watched paths: what a folder means to it, and a walk through what exists of it.
 * Paths are raw (bytes as latin1), patterns are written in UTF-8.
 */
import { closeSync, constants, type Dir, fstatSync, lstatSync, opendirSync, openSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import {
  isWild,
  matchesComponent,
  type PathPattern,
  parsePathPattern,
  pathComponents,
  relate,
} from "#src/lib/path-pattern.ts";
import { joinPath, toRawPath } from "#src/lib/raw-path.ts";

/** Most paths that are watched at once; what is beyond is said as blindness. */
export const MAX_PATHS = 20_000;
/** Most folders that are watched at once. */
export const MAX_FOLDERS = 20_000;
const MAX_DEPTH = 64;
const NAMES_AT_ONCE = 256;
const O_PATH = 0o10000000;

/** What the names in one folder mean to a list. */
export interface Interest {
  /** Everything below is on the list. */
  readonly isDeep: boolean;
  /** Components of patterns that name paths of the list here. */
  readonly listed: Names;
  /** Components of patterns that lead on from here. */
  readonly onward: Names;
}

/** What a walk meets. */
export interface Visitor {
  /**
   * A folder that matters, before the names in it are looked at: a mark set here misses none of them.
   * @returns whether to go in
   */
  folder(path: string, interest: Interest): boolean;
  /** A path of the list, whether it exists or not. */
  thing(path: string): void;
}

/** Components of patterns: plain names, and those with wildcards. */
export class Names {
  readonly #plain: ReadonlySet<string>;
  readonly #wild: readonly string[];

  constructor(components: readonly string[]) {
    this.#plain = new Set(components.filter((one) => !isWild(one)));
    this.#wild = [...new Set(components.filter(isWild))];
  }

  /** Names without wildcards: they can be looked up without listing a folder. */
  get plain(): ReadonlySet<string> {
    return this.#plain;
  }

  get isWild(): boolean {
    return this.#wild.length > 0;
  }

  get isEmpty(): boolean {
    return this.#plain.size === 0 && this.#wild.length === 0;
  }

  has(name: string): boolean {
    return this.#plain.has(name) || this.#wild.some((component) => matchesComponent(component, name));
  }
}

/** Patterns in the order of their weight: the first that names a path counts. */
export class PathList {
  readonly #patterns: readonly PathPattern[];
  /** Ten thousand home folders share one interest. */
  readonly #interests = new Map<string, Interest | undefined>();

  /** @throws SyntaxError of {@link parsePathPattern} */
  constructor(texts: readonly string[]) {
    this.#patterns = texts.map((text) => {
      const pattern = parsePathPattern(text);
      return { ...pattern, components: pattern.components.map(toRawPath) };
    });
  }

  /** Text of the first pattern that names the path. */
  patternOf(path: string): string | undefined {
    const components = pathComponents(path);
    return this.#patterns.find((pattern) => relate(pattern, components) === "match")?.text;
  }

  /** @returns `undefined` when nothing in the folder matters */
  interestIn(folder: string): Interest | undefined {
    const at = pathComponents(folder);
    const isOn = ({ components }: PathPattern): boolean =>
      components.slice(0, at.length).every((component, index) => matchesComponent(component, at[index]!));
    const shared = this.#patterns.filter(isOn);
    const key = `${at.length} ${shared.map(({ text }) => text).join(" ")}`;
    if (!this.#interests.has(key)) this.#interests.set(key, interestOf(shared, at.length));
    return this.#interests.get(key);
  }
}

/** @param shared patterns whose first components fit the folder */
function interestOf(shared: readonly PathPattern[], depth: number): Interest | undefined {
  const isDeep = shared.some((pattern) => pattern.isDeep && pattern.components.length <= depth);
  const next = shared.filter(({ components }) => components.length > depth);
  const isLast = (pattern: PathPattern): boolean => !pattern.isDeep && pattern.components.length === depth + 1;
  const namesOf = (patterns: readonly PathPattern[]): Names =>
    new Names(patterns.map(({ components }) => components[depth]!));
  const listed = namesOf(next.filter(isLast));
  const onward = namesOf(next.filter((pattern) => !isLast(pattern)));
  return isDeep || !listed.isEmpty || !onward.isEmpty ? { isDeep, listed, onward } : undefined;
}

/** Goes from a folder down through what exists of a list. Each `yield` is a place to give way. */
export function* walkList(list: PathList, folder: string, visitor: Visitor, depth = 0): Generator<void> {
  const interest = list.interestIn(folder);
  if (interest === undefined || depth > MAX_DEPTH || !visitor.folder(folder, interest)) return;
  yield;
  for (const name of namesIn(folder, interest)) {
    const path = joinPath(folder, name);
    if (interest.isDeep || interest.listed.has(name)) visitor.thing(path);
    if (interest.onward.has(name) || (interest.isDeep && isRealFolder(path))) {
      yield* walkList(list, path, visitor, depth + 1);
    } else yield;
  }
}

/** Plain names first, then what else is there when that matters. A folder is read piece by piece: it may hold a million names. */
function* namesIn(folder: string, { isDeep, listed, onward }: Interest): Generator<string> {
  const plain = new Set([...listed.plain, ...onward.plain]);
  yield* plain;
  if (!isDeep && !listed.isWild && !onward.isWild) return;
  for (const name of listFolder(folder)) if (!plain.has(name)) yield name;
}

function* listFolder(folder: string): Generator<string> {
  const dir = openDir(folder);
  if (dir === undefined) return;
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name;
  } finally {
    dir.closeSync();
  }
}

function openDir(folder: string): Dir | undefined {
  try {
    // Node takes bytes too, though its types do not say so.
    return opendirSync(Buffer.from(folder, "latin1") as unknown as string, {
      encoding: "latin1",
      bufferSize: NAMES_AT_ONCE,
    });
  } catch (error) {
    if (errnoOf(error) === "EACCES") return undefined;
    return undefinedWhenGone(error);
  }
}

/** A folder itself, not a link to one: a walk of everything below must not leave it. */
function isRealFolder(path: string): boolean {
  try {
    return lstatSync(Buffer.from(path, "latin1")).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Opens (O_PATH) a folder on the way to a path of the list. A symbolic link is followed only when it belongs to root: a user must
 * not choose what is watched and shown.
 * @returns `undefined` when there is no folder, or a link of a user
 * @throws Error of node:fs (EACCES)
 */
export function openFolder(path: string): number | undefined {
  const name = Buffer.from(path, "latin1");
  try {
    const stats = lstatSync(name);
    if (stats.isSymbolicLink() ? stats.uid !== 0 : !stats.isDirectory()) return undefined;
    const follow = stats.isSymbolicLink() ? 0 : constants.O_NOFOLLOW;
    return openSync(name, O_PATH | constants.O_DIRECTORY | follow);
  } catch (error) {
    return undefinedWhenGone(error);
  }
}

/**
 * Opens (O_PATH) a path of the list.
 * @returns `undefined` when nothing is there
 * @throws Error of node:fs (EACCES)
 */
export function openThing(path: string, { follow = false } = {}): number | undefined {
  try {
    return openSync(Buffer.from(path, "latin1"), O_PATH | (follow ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    return undefinedWhenGone(error);
  }
}

function undefinedWhenGone(error: unknown): undefined {
  const code = errnoOf(error);
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG") return undefined;
  throw error;
}

/** Type of what an O_PATH descriptor holds, as far as watching differs. */
export function kindOf(fd: number): "folder" | "link" | "other" {
  const stats = fstatSync(fd);
  if (stats.isDirectory()) return "folder";
  return stats.isSymbolicLink() ? "link" : "other";
}

/** Closes a descriptor behind `use`. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
