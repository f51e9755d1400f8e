/**
 * Regular expressions of Python as regular expressions of JavaScript that give the same matches and the same groups. What cannot be
 * converted is refused, never read in another way. Pure; the longest expression has 64 KiB, the longest result 256 KiB.
 */
import { checkEqual } from "./check-equal.ts";
import { emitRegex, type JsRegex } from "./emit.ts";
import { parsePythonRegex } from "./parse-python-regex.ts";
import { regexError } from "./regex-error.ts";
import { specialise } from "./specialise.ts";
import type { RegexNode } from "./syntax.ts";
import { type Copies, unroll } from "./unroll.ts";
import { filledGroups, groupsOf, isAnchored, nodesOf, setGroups } from "./walk.ts";

const MAX_SOURCE = 262_144;

/** An expression in both forms. */
export interface ConvertedRegex {
  /** For texts that have nothing above U+007F: the fast one. */
  readonly ascii: JsRegex;
  /** For all texts. Written when it is first asked for. */
  unicode(): JsRegex;
  /** Names of the groups that capture, by their number in Python. */
  readonly names: ReadonlyMap<number, string>;
  /** Groups whose text is in the last of several others that is set. */
  readonly copies: ReadonlyMap<string, Copies>;
  /** Names of groups that are set in each match. */
  readonly certain: ReadonlySet<string>;
  /** Names of groups that are set in each match, and not to the empty text. */
  readonly filled: ReadonlySet<string>;
  /**
   * Match at least what the expression does, and say which texts a line must hold: the whole of it, and what stands behind its address.
   * None when it cannot be told.
   */
  readonly outlines: readonly JsRegex[];
  /** Whether a match can only begin at the start of the text, or of a line. */
  readonly isAnchored: boolean;
}

/** How an expression is read. */
export interface ConvertOptions {
  /** Whether `^` and `$` stand at each line, as with re.MULTILINE. @default false */
  readonly multiLine?: boolean;
  /** Names for groups that have only a number, by the number. @default none */
  readonly keep?: ReadonlyMap<number, string>;
}

/**
 * Converts one expression.
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX with the reason
 * @example convertRegex("(?P<user>\\w+)$").ascii.source // "([0-9A-Za-z_]+)(?=\\n?$)"
 */
export function convertRegex(text: string, options: ConvertOptions = {}): ConvertedRegex {
  const { root, names: own } = parsePythonRegex(text, { multiLine: options.multiLine ?? false });
  const given = new Map([...referredTo(root), ...(options.keep ?? []), ...own]);
  const { root: unrolled, names, copies } = unroll(root, given);
  const tree = specialise(unrolled);
  checkEqual(tree, new Set(names.keys()));
  const isFolded = hasForeignLetters(tree);
  const ascii = emitRegex(tree, names, isFolded ? "unicode" : "ascii");
  const outlines = isFolded
    ? []
    : [tree, ...behindAddress(tree, names)].map((node) => emitRegex(node, names, "outline"));
  if (ascii.source.length > MAX_SOURCE) throw regexError("its conditions make it too large");
  compile(ascii);
  const namesOf = (indexes: ReadonlySet<number>): Set<string> =>
    new Set([...indexes].flatMap((index) => names.get(index) ?? []));
  const [certain, filled] = [namesOf(setGroups(tree)), namesOf(filledGroups(tree))];
  return {
    ascii,
    unicode: () => (isFolded ? ascii : emitRegex(tree, names, "unicode")),
    names: given,
    copies,
    certain,
    filled,
    outlines,
    isAnchored: isAnchored(root),
  };
}

/** What stands behind the address, where that is in the same sequence. */
function behindAddress(tree: RegexNode, names: ReadonlyMap<number, string>): RegexNode[] {
  if (tree.type !== "concat") return [];
  const isAddress = (index: number): boolean => /^(?:ip4|ip6|dns)$/.test(names.get(index) ?? "");
  const at = tree.parts.findLastIndex((part) => [...groupsOf(part)].some(isAddress));
  return at === -1 ? [] : [{ type: "concat", parts: tree.parts.slice(at + 1) }];
}

/** Groups with only a number that a reference needs, with names of our own. */
function referredTo(root: RegexNode): [number, string][] {
  const indexes = new Set<number>();
  for (const node of nodesOf(root)) if (node.type === "reference") indexes.add(node.index);
  return [...indexes].map((index) => [index, `_group${index}`]);
}

/** Letters above ASCII that fold to one of ASCII, such as U+017F to s: only the form for all texts knows them. */
function hasForeignLetters(root: RegexNode): boolean {
  for (const node of nodesOf(root)) {
    if (node.type === "char" && node.ignoreCase && node.code > 0x7f) return true;
    if (node.type === "class" && node.ignoreCase && node.items.some((item) => "to" in item && item.to > 0x7f))
      return true;
  }
  return false;
}

function compile({ source, flags }: JsRegex): void {
  try {
    new RegExp(source, flags);
  } catch (error) {
    throw Object.assign(regexError("JavaScript does not take the result"), { cause: error });
  }
}
