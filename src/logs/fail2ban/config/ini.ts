/**
 * Parser of one file of configuration, as Python's configparser reads it for fail2ban. Pure. At most 20,000 lines and 4,000 options.
 * @see Python 3.11, library reference of configparser, "Supported INI File Structure"
 */
import { configError } from "./config-error.ts";

const MAX_LINES = 20_000;
const MAX_OPTIONS = 4000;

/** The value of an option, and where it stands. */
export interface IniValue {
  readonly text: string;
  readonly file: string;
  /** Line of the option's name, from 1. */
  readonly line: number;
}

/** Options of a section by their names in lower case. */
export type IniSection = ReadonlyMap<string, IniValue>;

/** One file. */
export interface IniFile {
  readonly path: string;
  /** Of `[DEFAULT]`. */
  readonly defaults: IniSection;
  readonly sections: ReadonlyMap<string, IniSection>;
}

/**
 * Reads one file: `name = value` or `name: value`, further lines of a value indented deeper than its name, lines that begin with `#`
 * or `;` and what follows ` ;` are comments.
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG for what Python refuses: no section, an option or section twice, no delimiter
 */
export function parseIni(text: string, path: string): IniFile {
  return new IniParser(path).parse(text);
}

interface Draft {
  readonly lines: string[];
  readonly line: number;
}

class IniParser {
  readonly #path: string;
  readonly #defaults = new Map<string, Draft>();
  readonly #sections = new Map<string, Map<string, Draft>>();
  #section: Map<string, Draft> | null = null;
  #option: Draft | null = null;
  #indent = 0;
  #options = 0;

  constructor(path: string) {
    this.#path = path;
  }

  parse(text: string): IniFile {
    const lines = text.split(/\r\n|\n|\r/);
    if (lines.length > MAX_LINES) throw configError(`Cannot read "${this.#path}": it has more than ${MAX_LINES} lines`);
    for (const [index, line] of lines.entries()) this.#takeLine(line, index + 1);
    const sections = [...this.#sections].map(([name, drafts]): [string, IniSection] => [name, this.#finish(drafts)]);
    return { path: this.#path, defaults: this.#finish(this.#defaults), sections: new Map(sections) };
  }

  #takeLine(line: string, number: number): void {
    const comment = commentStart(line);
    const value = strip(comment === null ? line : line.slice(0, comment));
    if (value === "") {
      // An empty line belongs to the value, a comment does not.
      if (comment === null) this.#option?.lines.push("");
      return;
    }
    const indent = line.search(/\S/);
    if (this.#option !== null && indent > this.#indent) this.#option.lines.push(value);
    else {
      this.#indent = indent;
      this.#takeStart(value, number);
    }
  }

  #takeStart(value: string, number: number): void {
    const header = /^\[(.+)\]/.exec(value);
    if (header !== null) this.#takeHeader(header[1] ?? "", number);
    else if (this.#section === null) throw this.#refuse(number, "an option stands before the first section");
    else this.#takeOption(value, number, this.#section);
  }

  #takeHeader(name: string, number: number): void {
    this.#option = null;
    if (name === "DEFAULT") {
      this.#section = this.#defaults;
      return;
    }
    if (this.#sections.has(name)) throw this.#refuse(number, `section "${name.slice(0, 80)}" is there twice`);
    this.#section = new Map();
    this.#sections.set(name, this.#section);
  }

  #takeOption(value: string, number: number, section: Map<string, Draft>): void {
    const delimiter = value.search(/[=:]/);
    if (delimiter < 1) throw this.#refuse(number, `"${value.slice(0, 80)}" is no option, "name = value" is wanted`);
    const name = strip(value.slice(0, delimiter)).toLowerCase();
    if (section.has(name)) throw this.#refuse(number, `option "${name.slice(0, 80)}" is there twice`);
    if (++this.#options > MAX_OPTIONS) throw this.#refuse(number, `there are more than ${MAX_OPTIONS} options`);
    this.#option = { lines: [strip(value.slice(delimiter + 1))], line: number };
    section.set(name, this.#option);
  }

  #finish(drafts: ReadonlyMap<string, Draft>): IniSection {
    const finished = [...drafts].map(([name, { lines, line }]): [string, IniValue] => [
      name,
      { text: lines.join("\n").trimEnd(), file: this.#path, line },
    ]);
    return new Map(finished);
  }

  #refuse(number: number, what: string): Error {
    return configError(`Cannot read "${this.#path}" line ${number}: ${what}`);
  }
}

/** Where a comment begins; `null`: nowhere. */
function commentStart(line: string): number | null {
  if (/^\s*[#;]/.test(line)) return 0;
  const inline = line.search(/(?<=\s);/);
  return inline === -1 ? null : inline;
}

function strip(text: string): string {
  return text.trim();
}
