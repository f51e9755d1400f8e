/**
 * Several files of configuration as one, with the interpolation of `%(name)s`. Pure.
 * Besides what Python's configparser has, fail2ban knows `%(section/name)s`, `%(known/name)s` (the value before it was overridden),
 * `%(default/name)s` and `%(__name__)s`. At most 10 levels, 256 KiB of text and 20,000 steps a value.
 */
import { GarrisonError } from "#src/lib/errors.ts";
import { configError } from "./config-error.ts";
import type { IniFile, IniSection, IniValue } from "./ini.ts";

const MAX_DEPTH = 10;
const MAX_TEXT = 262_144;
const MAX_STEPS = 20_000;

/** Values from outside the files, such as the parameters of a filter; they come before those of the section. */
export type Extra = ReadonlyMap<string, string>;

const NONE: Extra = new Map();

/** The error of an option or section that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof GarrisonError && error.code === "GARRISON_FAIL2BAN_MISSING";
}

function missing(what: string): GarrisonError {
  return new GarrisonError(
    "GARRISON_FAIL2BAN_MISSING",
    `Cannot read the configuration of fail2ban: ${what} is not there`,
  );
}

/** Sections and options by name. */
export class Config {
  readonly #defaults = new Map<string, IniValue>();
  readonly #sections = new Map<string, Map<string, IniValue>>();
  readonly #known = new Map<string, Map<string, IniValue>>();

  /** Lays one more file over what is there. */
  merge(file: IniFile): void {
    for (const [name, value] of file.defaults) this.#defaults.set(name, value);
    for (const [written, section] of file.sections) {
      const [, name, condition] = /^(\w+)(\?.+)$/s.exec(written) ?? [undefined, written, ""];
      const own = new Map([...section].map(([option, value]) => [option + condition, value]));
      this.#mergeSection(name ?? written, own);
    }
  }

  #mergeSection(name: string, own: IniSection): void {
    const section = this.#sections.get(name);
    if (section === undefined) {
      this.#sections.set(name, new Map(own));
      return;
    }
    const known = this.#known.get(name) ?? new Map<string, IniValue>();
    for (const [option, value] of section) if (own.has(option)) known.set(option, value);
    this.#known.set(name, known);
    for (const [option, value] of own) section.set(option, value);
  }

  /** Adds to `[DEFAULT]`. */
  setDefault(option: string, text: string): void {
    this.#defaults.set(option, { text, file: "", line: 0 });
  }

  /** Adds to a section that is there. */
  setOption(section: string, option: string, value: IniValue): void {
    this.#sections.get(section)?.set(option, value);
  }

  /** Names of the sections, in the order in which they first came. */
  get sections(): string[] {
    return [...this.#sections.keys()];
  }

  hasSection(section: string): boolean {
    return this.#sections.has(section);
  }

  /** Whether the section itself has it, `[DEFAULT]` set aside. */
  hasOwn(section: string, option: string): boolean {
    return this.#sections.get(section)?.has(option) ?? false;
  }

  /** Names of a section's own options. */
  ownOptions(section: string): string[] {
    return [...(this.#sections.get(section)?.keys() ?? [])];
  }

  /** As it is written, with its place; `undefined` when neither the section nor `[DEFAULT]` has it. */
  raw(section: string, option: string): IniValue | undefined {
    return this.#sections.get(section)?.get(option) ?? this.#defaults.get(option);
  }

  /**
   * A value with its interpolations.
   * @throws GarrisonError GARRISON_FAIL2BAN_MISSING when section or option is not there; GARRISON_FAIL2BAN_CONFIG when it cannot be
   * interpolated
   */
  get(section: string, name: string, extra: Extra = NONE): IniValue {
    const option = name.toLowerCase();
    if (section !== "DEFAULT" && !this.#sections.has(section)) throw missing(`section "${section}"`);
    const written = this.raw(section, option);
    const text = extra.get(option) ?? written?.text;
    if (text === undefined) throw missing(`option "${option}" of section "${section}"`);
    const place = { file: written?.file ?? "", line: written?.line ?? 0 };
    return { ...place, text: new Interpolation(this, section, option, place, extra).resolve(text) };
  }

  /** As `get`, for a name such as `section/option` or `known/option` too. */
  getAnywhere(section: string, option: string, extra: Extra = NONE): IniValue {
    const [, other, name] = /^([\w-]+)\/([^\s>]+)$/.exec(option) ?? [];
    if (other === undefined || name === undefined) return this.get(section, option, extra);
    const lower = other.toLowerCase();
    try {
      if (lower === "known") return this.#getKnown(section, name);
      return this.get(lower === "default" ? "DEFAULT" : other, name);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return this.get(section, option, extra);
    }
  }

  #getKnown(section: string, option: string): IniValue {
    const known = this.#known.get(section)?.get(option);
    if (known === undefined) return this.get(section, option);
    return { ...known, text: new Interpolation(this, section, option, known, NONE).resolve(known.text) };
  }

  /** What `%(section/option)s` stands for, as it is written. */
  rawAnywhere(section: string, other: string, option: string): string | undefined {
    const lower = other.toLowerCase();
    const fallback = this.#defaults.get(option)?.text;
    if (lower === "default") return fallback;
    if (lower === "known") return this.#known.get(section)?.get(option)?.text ?? fallback;
    const found = this.#sections.get(other);
    return found === undefined ? undefined : (found.get(option)?.text ?? fallback);
  }
}

class Interpolation {
  readonly #config: Config;
  readonly #section: string;
  readonly #where: string;
  readonly #extra: Extra;
  #length = 0;
  #steps = 0;

  constructor(
    config: Config,
    section: string,
    option: string,
    place: { readonly file: string; readonly line: number },
    extra: Extra,
  ) {
    this.#config = config;
    this.#section = section;
    this.#where = `option "${option}" of section "${section}"${place.file === "" ? "" : ` ("${place.file}" line ${place.line})`}`;
    this.#extra = extra;
  }

  resolve(text: string, depth = 1): string {
    if (depth > MAX_DEPTH) throw this.#refuse(`it refers to others ${MAX_DEPTH} levels deep`);
    // Names with a section are looked up as they are written, all others in lower case.
    const written = new Map<string, string>();
    for (const [, whole, other, option] of text.matchAll(/%\((([\w-]+)\/([^)]+))\)s/g)) {
      const found = this.#config.rawAnywhere(this.#section, other ?? "", option ?? "");
      if (whole !== undefined && found !== undefined) written.set(whole, found);
    }
    const resolved = text.replaceAll(/%(?:(%)|\(([^)]+)\)s|)/g, (_, percent?: string, name?: string) => {
      if (++this.#steps > MAX_STEPS) throw this.#refuse("it refers to others too often");
      if (percent !== undefined) return "%";
      if (name === undefined) throw this.#refuse('a "%" is neither "%%" nor "%(name)s"');
      const value = this.#lookUp(name.toLowerCase(), written);
      return value.includes("%") ? this.resolve(value, depth + 1) : value;
    });
    this.#length += resolved.length;
    if (this.#length > MAX_TEXT) throw this.#refuse(`it is longer than ${MAX_TEXT} characters`);
    return resolved;
  }

  #lookUp(name: string, written: ReadonlyMap<string, string>): string {
    if (name === "__name__") return this.#section;
    const value = this.#extra.get(name) ?? this.#config.raw(this.#section, name)?.text ?? written.get(name);
    if (value === undefined) throw this.#refuse(`"%(${name.slice(0, 80)})s" is not there`);
    return value;
  }

  #refuse(what: string): GarrisonError {
    return configError(`Cannot interpolate ${this.#where}: ${what}`);
  }
}
