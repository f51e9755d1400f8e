/**
 * The pattern of a rule as a tree of sets of characters, for the lint. It understands what rules need and refuses the rest by name:
 * what it cannot understand, it cannot vouch for. Looking ahead and behind is left out of the tree: without it a pattern matches more,
 * never less, so that a verdict of "cannot be forged" stays true.
 */
import { ANY, type CharSet, foldCase, setOf, unite } from "./char-set.ts";

/** A part of a pattern. `from` and `to` are its place in the source. */
export type PatternNode =
  | { readonly type: "set"; readonly set: CharSet }
  | { readonly type: "sequence"; readonly nodes: readonly PatternNode[] }
  | { readonly type: "choice"; readonly nodes: readonly PatternNode[] }
  | {
      readonly type: "group";
      readonly name: string;
      readonly node: PatternNode;
      readonly from: number;
      readonly to: number;
    }
  | RepeatNode;

/** A part that occurs from `min` to `max` times. */
export interface RepeatNode {
  readonly type: "repeat";
  readonly node: PatternNode;
  readonly min: number;
  readonly max: number;
  readonly from: number;
  readonly to: number;
}

const MAX_DEPTH = 50;
const NOTHING: PatternNode = { type: "sequence", nodes: [] };
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, v: 11, f: 12, 0: 0 };
const DIGIT = setOf((code) => code >= 48 && code <= 57);
const WORD = setOf((code) => /\w/.test(String.fromCharCode(code)));
const SPACE = setOf((code) => /\s/.test(String.fromCharCode(code)));
const CLASSES: Readonly<Record<string, CharSet>> = {
  d: DIGIT,
  w: WORD,
  s: SPACE,
  D: negate(DIGIT),
  W: negate(WORD),
  S: negate(SPACE),
};

/**
 * Parses a pattern that `RegExp` takes.
 * @param flags `i` or `""`
 * @throws SyntaxError naming what stands there, when the pattern is not anchored at both ends or holds what is not understood
 */
export function parsePattern(source: string, flags: string): PatternNode {
  new RegExp(source, flags);
  if (flags !== "" && flags !== "i") throw new SyntaxError(`flags are "${flags}", "i" or none is wanted`);
  if (!source.startsWith("^"))
    throw new SyntaxError('it does not begin with "^", so that it can match in the midst of a text');
  if (!/(?:^|[^\\])(?:\\\\)*\$$/.test(source))
    throw new SyntaxError('it does not end with "$", so that text may follow it');
  return new Parser(source, flags === "i").parse();
}

class Parser {
  readonly #source: string;
  readonly #end: number;
  readonly #folds: boolean;
  #at = 1;
  #depth = 0;

  constructor(source: string, folds: boolean) {
    this.#source = source;
    this.#end = source.length - 1;
    this.#folds = folds;
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (node.type === "choice")
      throw new SyntaxError('"|" stands outside of a group, so that "^" and "$" hold for one side only');
    return node;
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError(`groups are more than ${MAX_DEPTH} deep`);
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    this.#depth--;
    return nodes.length === 1 ? nodes[0]! : { type: "choice", nodes };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.#at < this.#end && !"|)".includes(this.#source[this.#at]!)) {
      const from = this.#at;
      nodes.push(this.#quantified(this.#atom(), from));
    }
    return { type: "sequence", nodes };
  }

  #quantified(node: PatternNode, from: number): PatternNode {
    const match = this.#match(/(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y);
    if (match === null) return node;
    const [, sign, count, comma, limit] = match;
    const min = sign === undefined ? Number(count) : sign === "+" ? 1 : 0;
    const max =
      sign === "?" ? 1 : sign !== undefined || (comma === "," && limit === "") ? Infinity : Number(limit || count);
    return { type: "repeat", node, min, max, from, to: this.#at };
  }

  #atom(): PatternNode {
    const from = this.#at;
    const char = this.#source[this.#at++]!;
    if (char === "(") return this.#group(from);
    if (char === "[") return this.#setNode(this.#class());
    if (char === "\\") return this.#escape();
    if (char === ".") return this.#setNode(ANY);
    if (char === "^" || char === "$") throw new SyntaxError(`"${char}" stands in the midst of it`);
    return this.#setNode(only(char.charCodeAt(0)));
  }

  #group(from: number): PatternNode {
    const [opening = "(", name] = this.#match(/\?(?::|<?[=!]|<(\w+)>)/y) ?? [];
    if (opening === "(" && this.#source[this.#at] === "?")
      throw new SyntaxError("flags within a group are not understood");
    const node = this.#choice();
    this.#take(")");
    if (/[=!]$/.test(opening)) return NOTHING;
    return name === undefined ? node : { type: "group", name, node, from, to: this.#at };
  }

  #escape(): PatternNode {
    if (this.#match(/[bB]/y) !== null) return NOTHING;
    if (/[1-9k]/.test(this.#source[this.#at]!)) throw new SyntaxError("references back to a group are not understood");
    return this.#setNode(this.#escapedSet());
  }

  #escapedSet(): CharSet {
    const code = this.#match(/x([\da-fA-F]{2})|u([\da-fA-F]{4})/y);
    if (code !== null) return only(Number.parseInt(code[1] ?? code[2]!, 16));
    const char = this.#source[this.#at++]!;
    if (char === "p" || char === "P" || char === "c") throw new SyntaxError(`"\\${char}" is not understood`);
    return CLASSES[char] ?? only(CONTROLS[char] ?? char.charCodeAt(0));
  }

  #class(): CharSet {
    const isNegated = this.#take("^");
    const sets: CharSet[] = [];
    while (!this.#take("]")) {
      const [from, first] = this.#member();
      const isRange = first !== null && this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (!isRange) {
        sets.push(from);
        continue;
      }
      this.#at++;
      const [, last] = this.#member();
      if (last === null) throw new SyntaxError("a range of a class ends in a class");
      sets.push(setOf((code) => code >= first && code <= last));
    }
    return isNegated ? negate(this.#folds ? foldCase(unite(sets)) : unite(sets)) : unite(sets);
  }

  /** A member of a class, and its code where it is one character. */
  #member(): [set: CharSet, code: number | null] {
    const char = this.#source[this.#at++]!;
    if (char !== "\\") return [only(char.charCodeAt(0)), char.charCodeAt(0)];
    if (this.#take("b")) return [only(8), 8];
    const set = this.#escapedSet();
    const codes = Array.from({ length: 256 }, (_, code) => code).filter(
      (code) => ((set[code >> 5]! >>> (code & 31)) & 1) === 1,
    );
    return [set, codes.length === 1 ? codes[0]! : null];
  }

  #setNode(set: CharSet): PatternNode {
    return { type: "set", set: this.#folds ? foldCase(set) : set };
  }

  #take(char: string): boolean {
    if (this.#source[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#source);
    if (match !== null) this.#at = sticky.lastIndex;
    return match;
  }
}

function only(wanted: number): CharSet {
  return setOf((code) => code === wanted);
}

/** Also what ends a line: no line holds it. */
function negate(set: CharSet): CharSet {
  return setOf((code) => ((set[code >> 5]! >>> (code & 31)) & 1) === 0);
}
