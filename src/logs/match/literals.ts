/**
 * Texts that a line must hold for a regular expression to match it: what makes hundreds of rules as cheap as one. A line that
 * holds none of them is never looked at.
 */
import { parseRegex, type RegexNode } from "./regex-tree.ts";

/** Shorter texts are in too many lines. */
const MIN_LENGTH = 3;
/** Longer ones tell no more. */
const MAX_LENGTH = 64;
/** Most texts for one regular expression. */
const MAX_TEXTS = 512;
/** Most texts that a part of it may be spelt out as: of a choice, and where parts that are several texts each follow one another. */
const MAX_SPELT = 64;
const MAX_PRODUCT = 64;
const MAX_SOURCE_LENGTH = 100_000;
const MAX_COPIES = 8;

/** What is in nearly each line of its kind of log: another text of the same expression is the better one. */
const COMMON_TEXTS = [
  "sshd[ sshd-session[ ssh2 from port user  from  port ",
  '"GET / "POST / "HEAD / "PUT / "OPTIONS / HTTP/1.1" HTTP/1.0" HTTP/2.0" Mozilla/5.0 (',
  '] "GET / ] "POST / ] "HEAD / ] "PUT / ] "OPTIONS / ] "PROPFIND / ] "DELETE / ] "PATCH /',
  "[client  client:  server:  request:  host:  referer: , [error] [notice] [info] [pid  AH0",
  "rhost= ruser= tty= uid= euid= logname= user= status=sent  pid= id= H=( H= U= P=esmtp S=",
  "https:// http:// www. .com .php  for  the  and  with  not  to  in  on  is : [ ]: ) : ",
]
  .join("\n")
  .toLowerCase();

/** What a part of a regular expression says of the text it takes. */
interface Knowledge {
  /** All texts that it can take, when they are few. */
  readonly exact: readonly string[] | null;
  /** Texts one of which stands in each line that it matches: the best such set. */
  readonly needed: readonly string[] | null;
}

const UNKNOWN: Knowledge = { exact: null, needed: null };

/**
 * Texts of at least 3 bytes of printable ASCII in lower case, one of which is, without regard to the case of ASCII letters, in every
 * text that the regular expression matches.
 * @param source as of `RegExp.source`
 * @param flags `v` is not understood
 * @returns at most 512, or `null` when none can be proven
 * @throws SyntaxError when it is no regular expression
 * @example literalsOf("^Failed (?:password|publickey) for ", "") // ["failed password for ", "failed publickey for "]
 */
export function literalsOf(source: string, flags: string): readonly string[] | null {
  const tree = source.length > MAX_SOURCE_LENGTH ? null : parseRegex(source, flags);
  if (tree === null) return null;
  const needed = bestOf(know(tree));
  return needed === null ? null : withoutSuperfluous(needed);
}

function know(node: RegexNode): Knowledge {
  switch (node.type) {
    case "texts":
      return { exact: node.texts, needed: null };
    case "something":
      return UNKNOWN;
    case "look":
      return { exact: [""], needed: bestOf(know(node.node)) };
    case "sequence":
      return knowSequence(node.nodes.map(know));
    case "choice":
      return knowChoice(node.nodes.map(know));
    case "repeat":
      return knowRepeat(know(node.node), node.min, node.max);
  }
}

/** Parts that can be spelt out are put together for as long as they are few. */
function knowSequence(parts: readonly Knowledge[]): Knowledge {
  let needed: readonly string[] | null = null;
  let spelt: readonly string[] = [""];
  let isExact = true;
  for (const part of parts) {
    needed = better(needed, part.needed);
    const joined = part.exact === null ? null : join(spelt, part.exact);
    if (joined !== null) {
      spelt = joined;
      continue;
    }
    isExact = false;
    needed = better(needed, spelt);
    spelt = part.exact ?? [""];
  }
  return isExact ? { exact: spelt, needed } : { exact: null, needed: better(needed, spelt) };
}

function knowChoice(parts: readonly Knowledge[]): Knowledge {
  const isExact = parts.every(({ exact }) => exact !== null);
  const spelt = isExact ? [...new Set(parts.flatMap(({ exact }) => exact ?? []))] : null;
  const sets = parts.map(bestOf);
  const isNeeded = sets.every((set) => set !== null);
  const needed = isNeeded ? [...new Set(sets.flatMap((set) => set ?? []))] : null;
  return {
    exact: spelt !== null && spelt.length <= MAX_SPELT ? spelt : null,
    needed: needed !== null && needed.length <= MAX_TEXTS ? needed : null,
  };
}

function knowRepeat(part: Knowledge, min: number, max: number): Knowledge {
  if (min === 0) return max === 1 && part.exact !== null ? knowOptional(part.exact) : UNKNOWN;
  const copies = Array.from({ length: Math.min(min, MAX_COPIES) }, () => part);
  return knowSequence(min === max && min <= MAX_COPIES ? copies : [...copies, UNKNOWN]);
}

function knowOptional(texts: readonly string[]): Knowledge {
  const exact = [...new Set([...texts, ""])];
  return { exact: exact.length <= MAX_SPELT ? exact : null, needed: null };
}

/** Each text of the one followed by each of the other, or `null` when they become many or long. */
function join(heads: readonly string[], tails: readonly string[]): string[] | null {
  const isProduct = heads.length > 1 && tails.length > 1;
  if (heads.length * tails.length > (isProduct ? MAX_PRODUCT : MAX_SPELT)) return null;
  const joined = heads.flatMap((head) => tails.map((tail) => head + tail));
  return joined.every(({ length }) => length <= MAX_LENGTH) ? joined : null;
}

function bestOf({ exact, needed }: Knowledge): readonly string[] | null {
  return better(needed, exact);
}

/** The set that fewer lines will hold; one that is too short is none. */
function better(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  const scores = [scoreOf(one), scoreOf(other)] as const;
  if (scores[0] === null) return scores[1] === null ? null : other;
  return scores[1] === null || scores[0] >= scores[1] ? one : other;
}

function scoreOf(texts: readonly string[] | null): number | null {
  if (texts === null || texts.length === 0 || texts.some(({ length }) => length < MIN_LENGTH)) return null;
  // How many they are hardly matters to the search; each is in some lines.
  return Math.min(...texts.map(worthOf)) - Math.log2(texts.length) / 2;
}

/** Rarity of one text: letters tell more than blanks and digits, and without any it stands in each line of some format. */
function worthOf(text: string): number {
  if (COMMON_TEXTS.includes(text)) return text.length / 8 - 6;
  const telling = text.replace(/[\s\d:.,"[\]()=-]/g, "").length;
  return telling === 0 ? text.length / 8 - 8 : Math.min(telling, 16) + (text.length - telling) / 4;
}

/** A text that holds another one of the set need not be looked for. */
function withoutSuperfluous(texts: readonly string[]): string[] {
  const distinct = [...new Set(texts)];
  return distinct.filter((text) => !distinct.some((other) => other !== text && text.includes(other)));
}
