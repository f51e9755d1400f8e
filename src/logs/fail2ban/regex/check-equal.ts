/** Refuses expressions that JavaScript would read and answer in another way than Python. Pure. */
import { regexError } from "./regex-error.ts";
import type { RegexNode } from "./syntax.ts";
import { childrenOf, groupsOf, nodesOf, setGroups, widthOf } from "./walk.ts";

/**
 * Looks at look-behinds and repeats.
 * @param kept groups whose text is asked for or referred to
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX
 */
export function checkEqual(root: RegexNode, kept: ReadonlySet<number>): void {
  check(root, null, kept);
}

/** @param next what follows in the same sequence */
function check(node: RegexNode, next: RegexNode | null, kept: ReadonlySet<number>): void {
  if (node.type === "look" && node.behind) checkLookBehind(node.body, kept);
  if (node.type === "repeat" && node.max > 1) {
    checkCaptures(node.body, kept);
    checkEmptyRounds(node, next);
  }
  for (const [index, child] of childrenOf(node).entries()) {
    const behind = node.type === "concat" ? (node.parts[index + 1] ?? next) : next;
    check(child, node.type === "repeat" ? null : behind, kept);
  }
}

function checkLookBehind(body: RegexNode, kept: ReadonlySet<number>): void {
  const [min, max] = widthOf(body);
  if (min !== max) throw regexError("a look-behind has no fixed width, which Python refuses");
  for (const node of nodesOf(body)) {
    if (node.type === "reference" || (node.type === "group" && kept.has(node.index))) {
      throw regexError("a look-behind captures text, which JavaScript reads backwards");
    }
  }
}

/** In each round JavaScript forgets what the last round captured. */
function checkCaptures(body: RegexNode, kept: ReadonlySet<number>): void {
  const always = setGroups(body);
  for (const index of groupsOf(body)) {
    if (kept.has(index) && !always.has(index)) throw regexError("a group that is repeated may be left out in a round");
  }
}

/**
 * Python leaves a repeat at an empty round, JavaScript tries another way: the same where the empty way is the last one, and where
 * what follows begins with another character than the ways that are left.
 */
function checkEmptyRounds(repeat: RegexNode & { type: "repeat" }, next: RegexNode | null): void {
  if (widthOf(repeat.body)[0] > 0) return;
  if (repeat.lazy) throw regexError("a lazy repeat may have an empty round");
  const after = next === null ? null : firstCharacters(next);
  for (const node of nodesOf(repeat.body)) {
    if (node.type === "repeat" && node.lazy) throw regexError("a repeat may have an empty round before another one");
    if (node.type !== "either") continue;
    const empty = node.branches.findIndex((branch) => widthOf(branch)[0] === 0);
    for (const branch of empty === -1 ? [] : node.branches.slice(empty + 1)) {
      const first = firstCharacters(branch);
      if (first === null || after === null || !first.isDisjointFrom(after)) {
        throw regexError("a repeat may have an empty round before another one");
      }
    }
  }
}

/** Characters that a match begins with; `null`: it may be empty, or many characters can. */
function firstCharacters(node: RegexNode): ReadonlySet<number> | null {
  switch (node.type) {
    case "char":
      return node.ignoreCase ? null : new Set([node.code]);
    case "group":
    case "atomic":
      return firstCharacters(node.body);
    case "concat":
      return node.parts[0] === undefined ? null : firstCharacters(node.parts[0]);
    case "repeat":
      return node.min > 0 ? firstCharacters(node.body) : null;
    default:
      return null;
  }
}
