/**
 * Parser of Python's regular expressions (the module re of 3.11). Pure. What Python refuses is refused, and so is what this parser
 * does not know: nothing is guessed. At most 64 KiB of text, 200 groups, 100 levels.
 */
import type { GarrisonError } from "#src/lib/errors.ts";
import { parseClass, parseEscape } from "./parse-escape.ts";
import { regexError } from "./regex-error.ts";
import { Source } from "./source.ts";
import type { Place, PythonRegex, RegexFlags, RegexNode } from "./syntax.ts";

const MAX_CHARACTERS = 65_536;
const MAX_GROUPS = 200;
const MAX_DEPTH = 100;
const MAX_REPEAT = 65_535;

const NO_FLAGS: RegexFlags = { ignoreCase: false, multiLine: false, dotAll: false, ascii: false, verbose: false };
const FLAG_NAMES: Readonly<Record<string, keyof RegexFlags>> = {
  i: "ignoreCase",
  m: "multiLine",
  s: "dotAll",
  a: "ascii",
  x: "verbose",
};

/**
 * The tree of a regular expression.
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX with the offset, when Python would refuse it or it has a construct that is not known
 * @see Python 3.11, Lib/re/_parser.py and the library reference of re
 */
export function parsePythonRegex(text: string, options: { multiLine?: boolean } = {}): PythonRegex {
  if (text.length > MAX_CHARACTERS) {
    throw regexError(`it has ${text.length} characters, at most ${MAX_CHARACTERS} are taken`);
  }
  return new Parser(text).parse({ ...NO_FLAGS, multiLine: options.multiLine ?? false });
}

class Parser {
  readonly #source: Source;
  readonly #names = new Map<number, string>();
  readonly #indexes = new Map<string, number>();
  readonly #open = new Set<number>();
  #groups = 0;
  #depth = 0;

  constructor(text: string) {
    this.#source = new Source(text);
  }

  parse(given: RegexFlags): PythonRegex {
    const flags = this.#globalFlags(given);
    const root = this.#either(flags);
    if (!this.#source.isAtEnd) throw this.#refuse("a parenthesis is closed that was not opened");
    return { root, names: this.#names };
  }

  /** `(?i)` at the start, once; Python 3.11 takes it nowhere else. */
  #globalFlags(given: RegexFlags): RegexFlags {
    let flags = given;
    for (;;) {
      const match = this.#source.take(/\(\?([aiLmsux]+)\)/y);
      if (match === null) return flags;
      flags = this.#withFlags(flags, match[1] ?? "", true);
    }
  }

  #withFlags(flags: RegexFlags, letters: string, value: boolean): RegexFlags {
    let next = flags;
    for (const letter of letters) {
      const name = FLAG_NAMES[letter];
      if (name !== undefined) next = { ...next, [name]: value };
      else if (letter === "L") throw this.#refuse('the flag "L" depends on the locale, and is not converted');
      else next = { ...next, ascii: false };
    }
    return next;
  }

  #either(flags: RegexFlags): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw this.#refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    const branches = [this.#concat(flags)];
    while (this.#source.skip("|")) branches.push(this.#concat(flags));
    this.#depth--;
    return branches.length === 1 ? (branches[0] as RegexNode) : { type: "either", branches };
  }

  #concat(flags: RegexFlags): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      if (flags.verbose) this.#source.take(/(?:[ \t\n\r\f\v]|#[^\n]*)+/y);
      if (this.#source.isAtEnd || this.#source.next === "|" || this.#source.next === ")") break;
      const part = this.#atom(flags);
      if (part !== null) parts.push(this.#repeated(part, flags));
    }
    return parts.length === 1 ? (parts[0] as RegexNode) : { type: "concat", parts };
  }

  /** `null` for a comment. */
  #atom(flags: RegexFlags): RegexNode | null {
    const character = this.#source.shift();
    switch (character) {
      case ".":
        return { type: "any", dotAll: flags.dotAll };
      case "^":
        return at(flags.multiLine ? "line-start" : "start", flags);
      case "$":
        return at(flags.multiLine ? "line-end" : "last-line-end", flags);
      case "[":
        return { type: "class", ...parseClass(this.#source), ignoreCase: flags.ignoreCase, ascii: flags.ascii };
      case "(":
        return this.#parenthesis(flags);
      case "\\":
        return this.#escape(flags);
      case "*":
      case "+":
      case "?":
        throw this.#refuse(`"${character}" has nothing to repeat`);
      default:
        return { type: "char", code: character.codePointAt(0) ?? 0, ignoreCase: flags.ignoreCase };
    }
  }

  #repeated(atom: RegexNode, flags: RegexFlags): RegexNode {
    if (flags.verbose) this.#source.take(/(?:[ \t\n\r\f\v]|#[^\n]*)+/y);
    const match = this.#source.take(/(?:([*+?])|\{(\d*)(,?)(\d*)\})([?+]?)/y);
    if (match === null || match[0].startsWith("{}")) {
      if (match !== null) this.#source.back(match[0].length);
      return atom;
    }
    const [min, max] = repeatBounds(match);
    if (Math.max(min, max === Number.POSITIVE_INFINITY ? 0 : max) > MAX_REPEAT || min > max) {
      throw this.#refuse(`"${match[0].slice(0, 20)}" is no count of repeats`);
    }
    if (atom.type === "at") throw this.#refuse(`"${match[0].slice(0, 20)}" has nothing to repeat`);
    if (/^(?:[*+?]|\{\d*,?\d*\}(?<!\{\}))/.test(this.#source.rest(20))) throw this.#refuse("a repeat is repeated");
    const repeat: RegexNode = { type: "repeat", min, max, lazy: match[5] === "?", body: atom };
    return match[5] === "+" ? { type: "atomic", body: repeat } : repeat;
  }

  #parenthesis(flags: RegexFlags): RegexNode | null {
    const source = this.#source;
    if (!source.skip("?")) return this.#group(null, flags);
    if (source.skip("P<")) return this.#group(this.#name(">"), flags);
    if (source.skip("P=")) return this.#reference(this.#name(")"), flags);
    if (source.skip(":")) return this.#closed(this.#either(flags));
    if (source.skip("#")) {
      if (source.take(/[^)]*\)/y) === null) throw this.#refuse("a comment is not closed");
      return null;
    }
    if (source.skip(">")) return { type: "atomic", body: this.#closed(this.#either(flags)) };
    if (source.skip("(")) return this.#condition(flags);
    const look = source.take(/(<?)([=!])/y);
    if (look !== null) {
      const body = this.#closed(this.#either(flags));
      return { type: "look", behind: look[1] === "<", negated: look[2] === "!", body };
    }
    return this.#flagged(flags);
  }

  /** `(?i:...)`, `(?-i:...)`. */
  #flagged(flags: RegexFlags): RegexNode {
    const match = this.#source.take(/([aiLmsux]*)(?:-([imsx]+))?:/y);
    if (match === null) throw this.#refuse(`"(?${this.#source.rest(3)}" is not known`);
    const added = this.#withFlags(flags, match[1] ?? "", true);
    return this.#closed(this.#either(this.#withFlags(added, match[2] ?? "", false)));
  }

  #group(name: string | null, flags: RegexFlags): RegexNode {
    const index = ++this.#groups;
    if (index > MAX_GROUPS) throw this.#refuse(`it has more than ${MAX_GROUPS} groups`);
    if (name !== null) {
      if (this.#indexes.has(name)) throw this.#refuse(`group "${name}" is defined twice`);
      this.#indexes.set(name, index);
      this.#names.set(index, name);
    }
    this.#open.add(index);
    const body = this.#closed(this.#either(flags));
    this.#open.delete(index);
    return { type: "group", index, name, body };
  }

  #condition(flags: RegexFlags): RegexNode {
    const index = this.#groupOf(this.#name(")"));
    const yes = this.#concat(flags);
    const no = this.#source.skip("|") ? this.#concat(flags) : { type: "concat" as const, parts: [] };
    if (this.#source.next === "|") throw this.#refuse("a condition has more than two branches");
    return this.#closed({ type: "condition", index, yes, no });
  }

  #reference(name: string, flags: RegexFlags): RegexNode {
    return this.#referenceTo(this.#groupOf(name), flags);
  }

  #referenceTo(index: number, flags: RegexFlags): RegexNode {
    if (index < 1 || index > this.#groups) throw this.#refuse(`group ${index} is referred to and is not there`);
    if (this.#open.has(index)) throw this.#refuse(`group ${index} is referred to from within itself`);
    return { type: "reference", index, ignoreCase: flags.ignoreCase };
  }

  #escape(flags: RegexFlags): RegexNode {
    const escaped = parseEscape(this.#source);
    switch (escaped.type) {
      case "char":
        return { type: "char", code: escaped.code, ignoreCase: flags.ignoreCase };
      case "category":
        return {
          type: "class",
          negated: false,
          items: [{ category: escaped.category }],
          ignoreCase: false,
          ascii: flags.ascii,
        };
      case "place":
        return at(escaped.where, flags);
      default:
        return this.#referenceTo(escaped.index, flags);
    }
  }

  #name(end: string): string {
    const match = this.#source.take(end === ">" ? /([^>]*)>/y : /([^)]*)\)/y);
    const name = match?.[1] ?? "";
    if (!/^(?:[A-Za-z_][A-Za-z0-9_]{0,63}|[1-9]\d{0,2})$/.test(name) || (end === ">" && /^\d/.test(name))) {
      throw this.#refuse(`"${name.slice(0, 40)}" is no name of a group`);
    }
    return name;
  }

  #groupOf(name: string): number {
    const index = /^\d/.test(name) ? Number(name) : this.#indexes.get(name);
    if (index === undefined || index > this.#groups) throw this.#refuse(`group "${name}" is not there`);
    return index;
  }

  #closed(node: RegexNode): RegexNode {
    if (!this.#source.skip(")")) throw this.#refuse("a parenthesis is not closed");
    return node;
  }

  #refuse(what: string): GarrisonError {
    return regexError(`${what}, at offset ${this.#source.offset}`);
  }
}

function at(where: Place, flags: RegexFlags): RegexNode {
  return { type: "at", where, ascii: flags.ascii };
}

function repeatBounds(match: RegExpExecArray): [number, number] {
  const [, sign, low, comma, high] = match;
  if (sign === "*") return [0, Number.POSITIVE_INFINITY];
  if (sign === "+") return [1, Number.POSITIVE_INFINITY];
  if (sign === "?") return [0, 1];
  const min = Number(low || 0);
  if (comma === "") return [min, min];
  return [min, high === "" ? Number.POSITIVE_INFINITY : Number(high)];
}
