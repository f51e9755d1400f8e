/** Writes a tree as a regular expression of JavaScript. Pure. */
import { unreachable } from "#src/lib/unreachable.ts";
import type { Category, ClassItem, Place, RegexNode } from "./syntax.ts";
import { childrenOf } from "./walk.ts";

/**
 * `ascii`: for texts that have nothing above U+007F, flags none; `unicode`: for all, flag `v`. `outline`: as `ascii`, with anything in
 * place of what lies above: no match is lost, and others come to it.
 */
export type Charset = "ascii" | "unicode" | "outline";

/** Source and flags for `new RegExp`. Groups are numbered: V8 makes a slow object of named ones at each match. */
export interface JsRegex {
  readonly source: string;
  readonly flags: string;
  /** Names of the captures, in order; one that stands in several branches has several. */
  readonly captures: readonly string[];
}

// Python 3.11: str.isspace() with \x1c to \x1f; str.isalnum() and "_"; str.isdecimal().
const SPACE = "\\t-\\r\\x1c-\\x20";
const MEMBERS: Readonly<Record<"ascii" | "unicode", Readonly<Record<"d" | "w" | "s", string>>>> = {
  ascii: { d: "0-9", w: "0-9A-Za-z_", s: SPACE },
  unicode: {
    d: "\\p{Nd}",
    w: "\\p{L}\\p{N}_",
    s: `${SPACE}\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000`,
  },
};

/**
 * Source and flags of a tree that has been specialised.
 * @param names of the groups that capture; others do not
 */
export function emitRegex(root: RegexNode, names: ReadonlyMap<number, string>, charset: Charset): JsRegex {
  const emitter = new Emitter(names, charset);
  const ignoreCase = emitter.caseOf(root) === true;
  const source = emitter.emit(root, ignoreCase);
  return { source, flags: `${ignoreCase ? "i" : ""}${charset === "unicode" ? "v" : ""}`, captures: emitter.captures };
}

class Emitter {
  readonly #names: ReadonlyMap<number, string>;
  readonly #charset: Charset;
  readonly captures: string[] = [];
  /** Number of the capture that a group was written as last: the one on the way to what follows. */
  readonly #numbers = new Map<number, number>();
  readonly #cases = new Map<RegexNode, boolean | "mixed" | null>();

  constructor(names: ReadonlyMap<number, string>, charset: Charset) {
    this.#names = names;
    this.#charset = charset;
  }

  /** @param ignoreCase what is in force where the text will stand */
  emit(node: RegexNode, ignoreCase: boolean): string {
    const wanted = this.caseOf(node);
    if (wanted === null || wanted === ignoreCase) return this.#node(node, ignoreCase);
    if (wanted !== "mixed") return `(?${wanted ? "i" : "-i"}:${this.#node(node, wanted)})`;
    return this.#node(node, ignoreCase);
  }

  #node(node: RegexNode, ignoreCase: boolean): string {
    switch (node.type) {
      case "char":
        return charSource(node.code, this.#charset);
      case "any":
        return node.dotAll ? "[^]" : "[^\\n]";
      case "class":
        return classSource(node.items, node.negated, node.ascii ? "ascii" : this.#charset, this.#charset);
      case "at":
        return placeSource(node.where, node.ascii ? "ascii" : this.#charset);
      case "concat":
        return this.#concat(node.parts, ignoreCase);
      case "either":
        return `(?:${node.branches.map((branch) => this.emit(branch, ignoreCase)).join("|")})`;
      case "group": {
        const name = this.#names.get(node.index);
        if (name === undefined) return `(?:${this.emit(node.body, ignoreCase)})`;
        this.#numbers.set(node.index, this.captures.push(name));
        return `(${this.emit(node.body, ignoreCase)})`;
      }
      case "look":
        return `(?${node.behind ? "<" : ""}${node.negated ? "!" : "="}${this.emit(node.body, ignoreCase)})`;
      case "atomic": {
        const number = this.captures.push("_atomic");
        return `(?:(?=(${this.emit(node.body, ignoreCase)}))\\${number})`;
      }
      case "repeat":
        return this.#repeat(node, ignoreCase);
      case "reference":
        if (this.#charset === "outline") return "[^]*";
        return `(?:\\${this.#numbers.get(node.index) ?? 0})`;
      case "condition":
        throw new TypeError("Cannot write a condition: the tree has not been specialised");
      default:
        return unreachable(node);
    }
  }

  /** Neighbours of the same case share one group of flags. */
  #concat(parts: readonly RegexNode[], ignoreCase: boolean): string {
    let source = "";
    for (let at = 0; at < parts.length; ) {
      const wanted = this.caseOf(parts[at] as RegexNode);
      const other = wanted === "mixed" || wanted === null || wanted === ignoreCase ? null : wanted;
      let end = at + 1;
      while (other !== null && end < parts.length && this.caseOf(parts[end] as RegexNode) === other) end++;
      const run = parts.slice(at, end).map((part) => this.emit(part, other ?? ignoreCase));
      source += other === null ? run.join("") : `(?${other ? "i" : "-i"}:${run.join("")})`;
      at = end;
    }
    return source;
  }

  /** Whether all letters below are matched in either case; `null` when there is none, and "mixed". */
  caseOf(node: RegexNode): boolean | "mixed" | null {
    const known = this.#cases.get(node);
    if (known !== undefined) return known;
    const children = childrenOf(node).map((child) => this.caseOf(child));
    const all = [...children, ownCase(node)].filter((one) => one !== null);
    const first = all[0] ?? null;
    const found = all.every((one) => one === first) ? first : "mixed";
    this.#cases.set(node, found);
    return found;
  }

  #repeat(node: RegexNode & { type: "repeat" }, ignoreCase: boolean): string {
    const body = this.emit(node.body, ignoreCase);
    const isAtom = ["char", "any", "class", "group", "either"].includes(node.body.type);
    return `${isAtom ? body : `(?:${body})`}${countSource(node.min, node.max)}${node.lazy ? "?" : ""}`;
  }
}

function countSource(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function charSource(code: number, charset: Charset): string {
  if (code > 0x7f) return { ascii: "[]", outline: "[^]", unicode: `\\u{${code.toString(16)}}` }[charset];
  const character = String.fromCharCode(code);
  if (code < 0x20 || code === 0x7f) return hex(code);
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function classSource(items: readonly ClassItem[], negated: boolean, categories: Charset, charset: Charset): string {
  if (charset === "outline" && items.some((item) => "to" in item && item.to > 0x7f)) return "[^]";
  const members = items.map((item) =>
    "from" in item ? rangeSource(item.from, item.to, charset) : categorySource(item.category, categories, charset),
  );
  return `[${negated ? "^" : ""}${members.join("")}]`;
}

function rangeSource(from: number, to: number, charset: Charset): string {
  if (charset === "unicode") return from === to ? memberSource(from) : `${memberSource(from)}-${memberSource(to)}`;
  if (from > 0x7f) return "";
  const last = Math.min(to, 0x7f);
  return from === last ? memberSource(from) : `${memberSource(from)}-${memberSource(last)}`;
}

function memberSource(code: number): string {
  if (code > 0x7f) return `\\u{${code.toString(16)}}`;
  const character = String.fromCharCode(code);
  return /[0-9A-Za-z]/.test(character) ? character : hex(code);
}

function categorySource(category: Category, categories: Charset, charset: Charset): string {
  const members = MEMBERS[categories === "unicode" ? "unicode" : "ascii"][category.toLowerCase() as "d" | "w" | "s"];
  if (category === category.toLowerCase()) return members;
  if (charset === "unicode") return `[^${members}]`;
  // Without the flag v a class has no classes within: the few complements are written out.
  return { D: "\\D", W: "\\W", S: "\\x00-\\x08\\x0e-\\x1b\\x21-\\xff" }[category as "D" | "W" | "S"];
}

function placeSource(where: Place, charset: Charset): string {
  switch (where) {
    case "start":
      return "^";
    case "line-start":
      return "(?<![^\\n])";
    case "end":
      return "$";
    case "last-line-end":
      return "(?=\\n?$)";
    case "line-end":
      return "(?![^\\n])";
    case "boundary":
      return charset !== "unicode" ? "\\b" : `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
    case "no-boundary":
      return charset !== "unicode" ? "\\B" : `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`;
    default:
      return unreachable(where);
  }
}

const WORD = `[${MEMBERS.unicode.w}]`;

function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

function ownCase(node: RegexNode): boolean | null {
  if (node.type === "char") return isLetter(node.code) ? node.ignoreCase : null;
  if (node.type === "class") return node.items.some((item) => "from" in item) ? node.ignoreCase : null;
  return node.type === "reference" ? node.ignoreCase : null;
}

function isLetter(code: number): boolean {
  return code > 0x7f || /[a-z]/i.test(String.fromCharCode(code));
}
