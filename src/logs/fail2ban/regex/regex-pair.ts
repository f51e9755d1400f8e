/** A converted expression that is compiled when it is first used. */
import type { ConvertedRegex } from "./convert-regex.ts";
import type { JsRegex } from "./emit.ts";

const NOT_ASCII = /[^\0-\x7f]/;

/** Whether a text has nothing above U+007F. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** Text by the name of its group; a group that took no part is not there. */
export type Groups = Record<string, string | undefined>;

/** What the groups of an expression captured. */
export function groupsOf(match: RegExpExecArray, captures: readonly string[]): Groups {
  const groups: Groups = {};
  for (let index = 0; index < captures.length; index++) {
    const text = match[index + 1];
    if (text !== undefined) groups[captures[index] as string] = text;
  }
  return groups;
}

/** Both forms of an expression. */
export class RegexPair {
  readonly converted: ConvertedRegex;
  readonly #flags: string;
  #ascii: RegExp | undefined;
  #unicode: RegExp | undefined;

  /** @param flags besides those of the expression, such as `g` */
  constructor(converted: ConvertedRegex, flags = "") {
    this.converted = converted;
    this.#flags = flags;
  }

  /**
   * The first match.
   * @param ascii whether the text has nothing above U+007F
   * @param from where to begin, for a pair with the flag `g`
   */
  exec(text: string, ascii: boolean, from = 0): RegExpExecArray | null {
    const regex = ascii ? this.#forAscii() : this.#forAll();
    regex.lastIndex = from;
    return regex.exec(text);
  }

  #forAscii(): RegExp {
    this.#ascii ??= this.#compile(this.converted.ascii);
    return this.#ascii;
  }

  #forAll(): RegExp {
    this.#unicode ??= this.#compile(this.converted.unicode());
    return this.#unicode;
  }

  #compile({ source, flags }: JsRegex): RegExp {
    return new RegExp(source, flags + this.#flags);
  }
}
