/** Texts by a seed: such as a regular expression of Python matches, and such as it nearly matches. */
import { resolveFailureTags } from "#src/logs/fail2ban/regex/failure-tags.ts";
import { parsePythonRegex } from "#src/logs/fail2ban/regex/parse-python-regex.ts";
import { specialise } from "#src/logs/fail2ban/regex/specialise.ts";
import type { ClassItem, RegexNode } from "#src/logs/fail2ban/regex/syntax.ts";

const ORDINARY = "abcdefghij KLMNO0123456789-._/:=@,;'\"()[]<>%&+#!?";
// Letters, a blank and a digit that are none in ASCII, a character beyond the first plane, and controls.
const ODD = ["é", "ß", "\u00a0", "\u2003", "\u0663", "ſ", "😀", "\t", "\x1c", "\x85", "𝒳"];
const MEMBERS = { d: "0123456789", w: "abcXYZ019_", s: " \t", D: "abc -", W: " -/=", S: "abcXYZ019-." } as const;

/** Texts, the same for the same seed. */
export class Texts {
  #state: number;
  #address = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(from: ArrayLike<T>): T {
    return from[this.below(from.length)] as T;
  }

  /** Each another one. */
  address(): string {
    this.#address++;
    return this.#address % 7 === 0
      ? `2001:db8::${this.#address.toString(16)}`
      : `10.${this.#address >> 16}.${(this.#address >> 8) & 255}.${this.#address & 255}`;
  }

  /** A text that the expression matches, unless a look-around is in the way. Tags of fail2ban are known. */
  matching(pattern: string): string {
    const { root, names } = parsePythonRegex(resolveFailureTags(pattern, { withNames: true }));
    return this.#write(specialise(root), names, new Map());
  }

  /** The text with a small fault in it. */
  damaged(text: string): string {
    const at = this.below(text.length + 1);
    switch (this.below(6)) {
      case 0:
        return text.slice(0, at) + text.slice(at + 1);
      case 1:
        return text.slice(0, at) + this.pick(ORDINARY) + text.slice(at);
      case 2:
        return text.slice(0, at) + this.pick(ODD) + text.slice(at);
      case 3:
        return `${text.slice(0, at)} from ${this.address()} port 22 ${text.slice(at)}`;
      case 4:
        return `${text} ${this.pick(["", "x", "[preauth]", "\t"])}`;
      default:
        return text.slice(0, at) + text.charAt(at).toUpperCase() + text.slice(at + 1);
    }
  }

  #write(node: RegexNode, names: ReadonlyMap<number, string>, captured: Map<number, string>): string {
    const write = (child: RegexNode): string => this.#write(child, names, captured);
    switch (node.type) {
      case "char":
        return String.fromCodePoint(node.code);
      case "any":
        return this.#anything();
      case "class":
        return this.#member(node.items, node.negated);
      case "concat":
        return node.parts.map(write).join("");
      case "either":
        return write(this.pick(node.branches));
      case "repeat": {
        const most = Math.min(node.max, node.min + 4);
        return Array.from({ length: node.min + this.below(most - node.min + 1) }, () => write(node.body)).join("");
      }
      case "group": {
        const name = names.get(node.index) ?? "";
        const text = /^ip[46]$/.test(name) ? this.address() : write(node.body);
        captured.set(node.index, text);
        return text;
      }
      case "atomic":
        return write(node.body);
      case "reference":
        return captured.get(node.index) ?? "";
      default:
        return "";
    }
  }

  #anything(): string {
    return this.below(40) === 0 ? this.pick(ODD) : this.pick(ORDINARY);
  }

  #member(items: readonly ClassItem[], negated: boolean): string {
    if (!negated) {
      const item = this.pick(items);
      if ("category" in item) return this.pick(MEMBERS[item.category]);
      return String.fromCodePoint(item.from + this.below(Math.min(item.to - item.from + 1, 64)));
    }
    for (let attempt = 0; attempt < 20; attempt++) {
      const character = this.#anything();
      const code = character.codePointAt(0) ?? 0;
      const isMember = items.some((item) =>
        "from" in item
          ? code >= item.from && code <= item.to
          : MEMBERS[item.category].includes(character) || (item.category === "s" && /\s/.test(character)),
      );
      if (!isMember) return character;
    }
    return "~";
  }
}
