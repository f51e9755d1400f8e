/** Files with what they include, in the order in which they override each other. */
import { dirname, isAbsolute, join, normalize } from "node:path";
import { Config } from "./config.ts";
import { configError } from "./config-error.ts";
import type { ConfigTree } from "./config-tree.ts";
import { type IniFile, parseIni } from "./ini.ts";

const MAX_DEPTH = 10;
const MAX_FILES = 300;

/**
 * Reads NAME.conf, NAME.d/*.conf, NAME.local and NAME.d/*.local below a folder, each with the files that its `[INCLUDES]` names.
 * @param name such as `jail` or `filter.d/sshd`
 * @returns `null` when there is none of them
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when one cannot be read as fail2ban reads it, or there are too many
 */
export function readConfig(tree: ConfigTree, folder: string, name: string): Config | null {
  const reader = new IncludeReader(tree);
  const files = reader.read(candidates(tree, join(folder, name)));
  if (files.length === 0) return null;
  const config = new Config();
  for (const file of files) config.merge(file);
  return config;
}

function candidates(tree: ConfigTree, base: string): string[] {
  const extra = `${base}.d`;
  const names = tree.names(extra).filter((name) => !name.startsWith("."));
  const below = (ending: string): string[] =>
    names.filter((name) => name.endsWith(ending)).map((name) => join(extra, name));
  return [`${base}.conf`, ...below(".conf"), `${base}.local`, ...below(".local")];
}

class IncludeReader {
  readonly #tree: ConfigTree;
  readonly #parsed = new Map<string, IniFile | undefined>();
  #count = 0;

  constructor(tree: ConfigTree) {
    this.#tree = tree;
  }

  read(paths: readonly string[]): IniFile[] {
    return this.#withLocals(paths).flatMap((path) => this.#withIncludes(path, []));
  }

  /** Behind each X.conf its X.local, if that is not listed by itself. */
  #withLocals(paths: readonly string[]): string[] {
    return paths.flatMap((path) => {
      const local = `${path.replace(/\.[^./]+$/, "")}.local`;
      return paths.includes(local) || this.#parse(local) === undefined ? [path] : [path, local];
    });
  }

  #withIncludes(path: string, above: readonly string[]): IniFile[] {
    const file = this.#parse(path);
    if (file === undefined) return [];
    if (above.length >= MAX_DEPTH) throw configError(`Cannot read "${path}": it is included ${MAX_DEPTH} levels deep`);
    if (++this.#count > MAX_FILES)
      throw configError(`Cannot read "${path}": more than ${MAX_FILES} files are included`);
    const included = (option: string): IniFile[] =>
      this.#withLocals(includesOf(file, option).filter((one) => !above.includes(one))).flatMap((one) =>
        this.#withIncludes(one, [...above, path]),
      );
    return [...included("before"), file, ...included("after")];
  }

  #parse(path: string): IniFile | undefined {
    if (!this.#parsed.has(path)) {
      const text = this.#tree.read(path);
      this.#parsed.set(path, text === undefined ? undefined : parseIni(text, path));
    }
    return this.#parsed.get(path);
  }
}

function includesOf(file: IniFile, option: string): string[] {
  const section = file.sections.get("INCLUDES");
  if (section === undefined || !(section.has(option) || file.defaults.has(option))) return [];
  const config = new Config();
  config.merge(file);
  return config
    .get("INCLUDES", option)
    .text.split("\n")
    .filter((name) => name !== "")
    .map((name) => normalize(isAbsolute(name) ? name : join(dirname(file.path), name)));
}
