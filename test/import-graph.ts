/** The imports of src/ and bin/, read from the source: what the borders of ARCHITECTURE.md are checked against. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules, stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

/** One import of one file. */
export interface Import {
  /** Path of the importing file from the root of the tree, such as `src/lib/lru.ts`. */
  readonly from: string;
  /** Path of an own file, name of a package (`@scope/name`), or `node:NAME`. */
  readonly to: string;
  /** `type`: gone at run time. `lazy`: `import(...)`, only when that line runs. */
  readonly kind: "static" | "lazy" | "type";
}

/** One source file. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** Which lazy imports a walk follows. @default all */
export type FollowsLazy = (one: Import) => boolean;

const STATIC = /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?\s*"([^"]+)"/gm;
const LAZY = /\bimport\(\s*"([^"]+)"\s*\)/g;
const COMMENT = /^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/\s.*$/gm;

/** Every shipped file of a tree; `*.test.ts` are not. */
export function readSources(root: string): readonly SourceFile[] {
  return ["bin", "src"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => join(folder, name))
      .sort()
      .map((path) => parseSource(path, readFileSync(join(root, path), "utf8"))),
  );
}

/**
 * The imports of one file. What is gone when the types are stripped, as Node does it, is of kind `type`.
 * @throws SyntaxError when the text is not erasable TypeScript (enum, namespace, parameter property, decorator)
 */
export function parseSource(path: string, text: string): SourceFile {
  const running = stripTypes(path, text).replace(COMMENT, "");
  const all = text.replace(COMMENT, "");
  const toImport = (kind: Import["kind"]) => (name: string) => ({ from: path, to: resolveImport(path, name), kind });
  const statics = namesOf(running, STATIC);
  const lazies = namesOf(running, LAZY);
  const types = [...namesOf(all, STATIC), ...namesOf(all, LAZY)].filter(
    (name) => !statics.includes(name) && !lazies.includes(name),
  );
  const imports = [...statics.map(toImport("static")), ...lazies.map(toImport("lazy")), ...types.map(toImport("type"))];
  return { path, text, imports };
}

function stripTypes(path: string, text: string): string {
  try {
    return stripTypeScriptTypes(text);
  } catch (error) {
    throw new SyntaxError(`Cannot strip the types of "${path}": ${(error as Error).message}`, { cause: error });
  }
}

function namesOf(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name ?? ""))];
}

function resolveImport(from: string, name: string): string {
  if (name.startsWith("#src/")) return name.slice(1);
  if (name.startsWith(".")) return join(dirname(from), name);
  if (name.startsWith("node:")) return name;
  if (builtinModules.includes(name)) return `node:${name}`;
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** What is loaded from an entry at run time: for each file and package, the chain of files that leads to it. */
export function reach(
  sources: readonly SourceFile[],
  entry: string,
  followsLazy: FollowsLazy = () => true,
): ReadonlyMap<string, readonly string[]> {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const chains = new Map<string, readonly string[]>([[entry, [entry]]]);
  for (const [path, chain] of chains) {
    for (const one of byPath.get(path)?.imports ?? []) {
      const isFollowed = one.kind === "static" || (one.kind === "lazy" && followsLazy(one));
      if (isFollowed && !chains.has(one.to)) chains.set(one.to, [...chain, one.to]);
    }
  }
  return chains;
}

/** Rings of imports at run time, each once, as a chain that ends where it begins. */
export function findCycles(sources: readonly SourceFile[]): readonly (readonly string[])[] {
  const cycles = sources.flatMap(({ path }) => {
    const chain = shortestWayBack(sources, path);
    return chain === undefined ? [] : [chain];
  });
  const keyOf = (cycle: readonly string[]): string => [...new Set(cycle)].sort().join(" ");
  return [...Map.groupBy(cycles, keyOf).values()].map(([first]) => first ?? []);
}

function shortestWayBack(sources: readonly SourceFile[], path: string): readonly string[] | undefined {
  const chains = [...reach(sources, path).values()];
  return chains
    .filter((chain) => importsOf(sources, chain.at(-1) ?? "").some(({ to, kind }) => to === path && kind !== "type"))
    .map((chain) => [...chain, path])
    .sort((a, b) => a.length - b.length)[0];
}

function importsOf(sources: readonly SourceFile[], path: string): readonly Import[] {
  return sources.find((source) => source.path === path)?.imports ?? [];
}
