/**
 * Options of a filter with both interpolations, as fail2ban puts them together: parameters of the jail, then options of the jail, then
 * `[Definition]`, then `[Init]`. Pure.
 */
import { type Config, isMissing } from "./config.ts";
import { substituteTags } from "./substitute-tags.ts";

/** The options that a filter is made of. */
export const FILTER_OPTIONS = [
  "usedns",
  "prefregex",
  "ignoreregex",
  "failregex",
  "maxlines",
  "datepattern",
  "journalmatch",
] as const;

/** Holds what was looked up, as fail2ban does, from the first to the second reading of a jail's filter. */
export class FilterOptions {
  readonly #config: Config;
  readonly #parameters: Map<string, string>;
  readonly #cache = new Map<string, string | undefined>();
  #extra: ReadonlyMap<string, string> = new Map();
  #options = new Map<string, string>();

  /** @param backend `systemd` gives lines of the journal, all others lines of a file */
  constructor(config: Config, parameters: ReadonlyMap<string, string>, backend: string) {
    this.#config = config;
    this.#parameters = new Map(parameters);
    if (!this.#parameters.get("logtype") && !config.hasOwn("Definition", "logtype")) {
      this.#parameters.set("logtype", backend.startsWith("systemd") ? "journal" : "file");
    }
  }

  /**
   * Reads the options.
   * @param jail options of the jail, which come before those of the filter
   * @param all whether every option of `[Definition]` is read, not only those that a filter is made of
   */
  read(jail: ReadonlyMap<string, string>, all: boolean): void {
    this.#extra = new Map([...jail, ...this.#parameters].map(([name, value]) => [name.toLowerCase(), value]));
    this.#options = new Map();
    const given = new Map([...jail, ...this.#parameters]);
    for (const name of FILTER_OPTIONS) if (!given.has(name)) this.#take(name, this.#extra);
    this.#readInit();
    if (!all) return;
    for (const name of this.#config.ownOptions("Definition")) if (!this.#options.has(name)) this.#take(name, new Map());
  }

  #take(name: string, extra: ReadonlyMap<string, string>): void {
    const text = this.#find(() => this.#config.get("Definition", name, extra).text);
    if (text !== undefined) this.#options.set(name, text);
  }

  /** `[Init]` stands behind the parameters, and is known besides under `known/`. */
  #readInit(): void {
    for (const name of this.#config.ownOptions("Init")) {
      const text = this.#config.get("Init", name).text;
      if (!name.startsWith("known/")) this.#parameters.set(`known/${name}`, text);
      if (!this.#parameters.has(name)) this.#parameters.set(name, text);
    }
  }

  /** All options with their tags replaced. */
  combined(): Map<string, string> {
    return substituteTags(new Map([...this.#options, ...this.#parameters]), (name) => this.#lookUp(name));
  }

  #lookUp(name: string): string | undefined {
    if (!this.#cache.has(name)) {
      const text = this.#find(() => this.#config.getAnywhere("Definition", name, this.#extra).text);
      this.#cache.set(name, text);
    }
    return this.#cache.get(name);
  }

  #find(get: () => string): string | undefined {
    try {
      return get();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}
