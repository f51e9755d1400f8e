/** Which paths are logs of which source, by the globs of the sentry's own settings: the mind has no say in it. */
import { createHash } from "node:crypto";
import { joinPath, splitPath } from "#src/lib/raw-path.ts";
import { PathList } from "../path-list.ts";
import { parseRotatedName } from "./rotated.ts";

/** Most globs of all sources together. */
const MAX_PATTERNS = 1000;
const MAX_ALTERNATIVES = 64;

/** What the sensor is told of a source; the rest of LogSource is for the mind. */
export interface FollowedSource {
  readonly name: string;
  readonly kind: "file" | "journal";
  readonly paths: readonly string[];
}

/** What a path is. */
export interface LogPath {
  readonly source: string;
  /** Stands for the source and the glob, 32 hex digits. */
  readonly key: string;
}

/** The file sources. */
export class Sources {
  /** All globs. */
  readonly list: PathList;
  readonly keys: readonly string[];
  readonly #globs: readonly { readonly list: PathList; readonly source: string; readonly key: string }[];

  /** @throws SyntaxError for a glob that is none; RangeError for too many */
  constructor(sources: readonly FollowedSource[]) {
    const globs = sources
      .filter(({ kind }) => kind === "file")
      .flatMap(({ name, paths }) => paths.map((glob) => ({ source: name, glob, alternatives: expandBrackets(glob) })));
    const count = globs.reduce((sum, { alternatives }) => sum + alternatives.length, 0);
    if (count > MAX_PATTERNS) {
      throw new RangeError(`Cannot follow logs: they have ${count} globs, at most ${MAX_PATTERNS} are wanted`);
    }
    this.list = new PathList(globs.flatMap(({ alternatives }) => alternatives));
    this.#globs = globs.map(({ source, glob, alternatives }) => ({
      list: new PathList(alternatives),
      source,
      key: createHash("sha256").update(`${source}\0${glob}`).digest("hex").slice(0, 32),
    }));
    this.keys = [...new Set(this.#globs.map(({ key }) => key))];
  }

  /** @returns `undefined` when it is no log of ours: what rotation made of a log belongs to that log */
  find(path: string): LogPath | undefined {
    const found = this.#find(path);
    if (found === undefined) return undefined;
    const { folder, name } = splitPath(path);
    const rotated = parseRotatedName(name);
    if (rotated === undefined) return found;
    if (rotated.compression !== "" || this.#find(joinPath(folder, rotated.stem)) !== undefined) return undefined;
    return found;
  }

  #find(path: string): LogPath | undefined {
    return this.#globs.find(({ list }) => list.patternOf(path) !== undefined);
  }
}

/** `[0-9]` and `[abc]` written out: the paths of a list know `*` and `?`. @throws SyntaxError for a class that cannot be */
export function expandBrackets(glob: string): readonly string[] {
  let texts = [""];
  for (const piece of glob.split(/(\[[^\]]*\])/)) {
    const members = piece.startsWith("[") && piece.endsWith("]") ? membersOf(piece.slice(1, -1), glob) : [piece];
    texts = texts.flatMap((text) => members.map((member) => text + member));
    if (texts.length > MAX_ALTERNATIVES) {
      throw new SyntaxError(`Cannot follow "${glob}": it stands for more than ${MAX_ALTERNATIVES} globs`);
    }
  }
  return texts;
}

function membersOf(inside: string, glob: string): string[] {
  if (inside === "" || /[!^/*?]/.test(inside)) {
    throw new SyntaxError(`Cannot follow "${glob}": "[${inside}]" is no list of characters, expected such as "[0-9]"`);
  }
  const members = new Set<string>();
  for (const [, from = "", to = from] of inside.matchAll(/(.)(?:-(.))?/gsu)) {
    for (let code = from.codePointAt(0)!; code <= to.codePointAt(0)! && members.size <= MAX_ALTERNATIVES; code++) {
      members.add(String.fromCodePoint(code));
    }
  }
  return [...members];
}
