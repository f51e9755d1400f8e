/**
 * A JavaScript regular expression as a tree that says as much as is needed to derive texts from it: which texts stand where, what may
 * be left out, what may be one of several. Everything else (classes, dots, backreferences) is "something".
 */

/** Deepest nesting of groups. */
const MAX_DEPTH = 200;
/** A class of more characters is "something". */
const MAX_CLASS_CHARACTERS = 8;

/** A part of a regular expression. */
export type RegexNode =
  /** Takes exactly one of these texts, each of printable ASCII; `""` for assertions. */
  | { readonly type: "texts"; readonly texts: readonly string[] }
  /** Takes something, or nothing. */
  | { readonly type: "something" }
  | { readonly type: "sequence"; readonly nodes: readonly RegexNode[] }
  | { readonly type: "choice"; readonly nodes: readonly RegexNode[] }
  | { readonly type: "repeat"; readonly node: RegexNode; readonly min: number; readonly max: number }
  /** A positive lookahead or lookbehind: takes nothing, but the node's text stands there. */
  | { readonly type: "look"; readonly node: RegexNode };

const SOMETHING: RegexNode = { type: "something" };
const NOTHING: RegexNode = { type: "texts", texts: [""] };
const CONTROL_ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", v: "\v", f: "\f" };

/**
 * Parses the source of a regular expression that the engine takes.
 * @param source as of `RegExp.source`
 * @param flags `v` is not understood
 * @returns `null` when it is nested too deeply or has the flag `v`
 * @throws SyntaxError when it is no regular expression
 */
export function parseRegex(source: string, flags: string): RegexNode | null {
  new RegExp(source, flags);
  if (flags.includes("v")) return null;
  const parser = new Parser(source, flags.includes("u"));
  return parser.parse(flags.includes("i"));
}

/** Works on a source that is known to be right; so that Annex B's oddities need only be taken in the harmless way. */
class Parser {
  readonly #source: string;
  readonly #isUnicode: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, isUnicode: boolean) {
    this.#source = source;
    this.#isUnicode = isUnicode;
  }

  parse(ignoresCase: boolean): RegexNode | null {
    try {
      return this.#choice(ignoresCase);
    } catch (error) {
      if (error instanceof TooDeep) return null;
      throw error;
    }
  }

  #choice(ignoresCase: boolean): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw new TooDeep();
    const nodes = [this.#sequence(ignoresCase)];
    while (this.#take("|")) nodes.push(this.#sequence(ignoresCase));
    this.#depth--;
    return nodes.length === 1 ? (nodes[0] as RegexNode) : { type: "choice", nodes };
  }

  #sequence(ignoresCase: boolean): RegexNode {
    const nodes: RegexNode[] = [];
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") {
      nodes.push(this.#quantified(this.#atom(ignoresCase)));
    }
    return { type: "sequence", nodes };
  }

  #quantified(node: RegexNode): RegexNode {
    const match = this.#match(/(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/y);
    if (match === null) return node;
    const [text, from, comma, to] = match;
    if (from === undefined) {
      const max = text.startsWith("?") ? 1 : Number.POSITIVE_INFINITY;
      return { type: "repeat", node, min: text.startsWith("+") ? 1 : 0, max };
    }
    const max = comma === undefined ? Number(from) : to === "" ? Number.POSITIVE_INFINITY : Number(to);
    return { type: "repeat", node, min: Number(from), max };
  }

  #atom(ignoresCase: boolean): RegexNode {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group(ignoresCase);
      case "[":
        return this.#class(ignoresCase);
      case "\\":
        return this.#escape(ignoresCase);
      case ".":
        return SOMETHING;
      case "^":
      case "$":
        return NOTHING;
      default:
        return this.#texts([character], ignoresCase);
    }
  }

  /** Behind the opening parenthesis. */
  #group(ignoresCase: boolean): RegexNode {
    const [text = "", on, off] = this.#match(/\?(?:<?[=!]|<[^>]*>|([a-z]*)(?:-([a-z]*))?:)/y) ?? [];
    const inner = on?.includes("i") ? true : off?.includes("i") ? false : ignoresCase;
    const node = this.#choice(inner);
    this.#take(")");
    if (text.endsWith("!")) return NOTHING;
    return text === "?=" || text === "?<=" ? { type: "look", node } : node;
  }

  /** Behind the backslash, outside of a class. */
  #escape(ignoresCase: boolean): RegexNode {
    if (this.#match(/[bB]/y) !== null) return NOTHING;
    if (this.#match(/k<[^>]*>|[1-9]\d*|0\d+|[dDsSwW]|[pP](?:\{[^}]*\})?/y) !== null) return SOMETHING;
    const character = this.#escapedCharacter();
    return character === null ? SOMETHING : this.#texts([character], ignoresCase);
  }

  /** @returns `null` for what is no certain single character */
  #escapedCharacter(): string | null {
    const code = this.#match(/x([\da-fA-F]{2})|u([\da-fA-F]{4})/y);
    if (code !== null) return String.fromCharCode(Number.parseInt(code[1] ?? code[2] ?? "", 16));
    const point = this.#isUnicode ? this.#match(/u\{([\da-fA-F]+)\}/y) : null;
    if (point !== null) return String.fromCodePoint(Number.parseInt(point[1] ?? "", 16));
    if (this.#match(/c[A-Za-z]?|0/y) !== null) return null;
    const character = this.#next();
    return CONTROL_ESCAPES[character] ?? character;
  }

  /** Behind the opening bracket. */
  #class(ignoresCase: boolean): RegexNode {
    const isNegated = this.#take("^");
    const members: (string | null)[] = [];
    while (!this.#take("]")) members.push(this.#classMember());
    if (isNegated || members.length === 0) return SOMETHING;
    const characters = expandRanges(members);
    return characters === null ? SOMETHING : this.#texts(characters, ignoresCase);
  }

  /** A character, `"-"` with a leading `"\0"` for a dash that may make a range, or `null` for a set such as `\d`. */
  #classMember(): string | null {
    if (this.#take("-")) return DASH;
    if (!this.#take("\\")) return this.#next();
    if (this.#match(/[dDsSwW]|[pP](?:\{[^}]*\})?|[0-9]+/y) !== null) return null;
    if (this.#take("b")) return "\b";
    return this.#escapedCharacter();
  }

  #texts(characters: readonly string[], ignoresCase: boolean): RegexNode {
    if (!characters.every((character) => /^[\t\x20-\x7e]$/.test(character))) return SOMETHING;
    // ECMA-262 22.2.2.7.3: with u, folding takes k to the Kelvin sign and s to the long s; without, ASCII stays among itself.
    if (ignoresCase && this.#isUnicode && characters.some((one) => /[ks]/i.test(one))) return SOMETHING;
    // Texts are looked for without regard to case.
    return { type: "texts", texts: [...new Set(characters.map((one) => one.toLowerCase()))] };
  }

  #peek(): string {
    return this.#source[this.#at] ?? "";
  }

  /** One character: a code point with the flag `u`, else a UTF-16 unit, as the engine takes them. */
  #next(): string {
    const point = this.#source.codePointAt(this.#at) ?? 0;
    const character = this.#isUnicode ? String.fromCodePoint(point) : this.#peek();
    this.#at += character.length;
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
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

class TooDeep extends Error {}

/** A dash of a class that is not escaped: text that no member is. */
const DASH = "--";

/** Characters of a class, or `null` when they are many or unknown. */
function expandRanges(members: readonly (string | null)[]): string[] | null {
  const characters = new Set<string>();
  for (let index = 0; index < members.length; index++) {
    const from = members[index];
    const to = members[index + 1] === DASH ? members[index + 2] : undefined;
    if (from === null || from === undefined || to === null) return null;
    const first = codeOf(from);
    const last = to === undefined ? first : codeOf(to);
    if (last - first >= MAX_CLASS_CHARACTERS) return null;
    for (let code = first; code <= last; code++) characters.add(String.fromCodePoint(code));
    if (to !== undefined) index += 2;
  }
  return characters.size > MAX_CLASS_CHARACTERS ? null : [...characters];
}

function codeOf(member: string): number {
  return member === DASH ? 0x2d : (member.codePointAt(0) ?? 0);
}
