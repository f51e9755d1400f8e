/** Refuses expressions that JavaScript would read and answer in another way than Python. Pure. */
import { regexError } from "./regex-error.ts";
import type { RegexNode } from "./syntax.ts";
import { groupsOf, nodesOf, setGroups, widthOf } from "./walk.ts";

/**
 * Looks at look-behinds and repeats.
 * @param kept groups whose text is asked for or referred to
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX
 */
export function checkEqual(root: RegexNode, kept: ReadonlySet<number>): void {
  for (const node of nodesOf(root)) {
    if (node.type === "look" && node.behind) checkLookBehind(node.body, kept);
    if (node.type === "repeat" && node.max > 1) {
      checkCaptures(node.body, kept);
      checkEmptyRounds(node);
    }
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

/** Python leaves a repeat at an empty round, JavaScript tries another way: the same, where the empty way is the last one. */
function checkEmptyRounds(repeat: RegexNode & { type: "repeat" }): void {
  if (widthOf(repeat.body)[0] > 0) return;
  for (const node of nodesOf(repeat.body)) {
    const isEarly =
      (node.type === "repeat" && node.lazy) ||
      (node.type === "either" && node.branches.slice(0, -1).some((branch) => widthOf(branch)[0] === 0));
    if (isEarly || repeat.lazy) throw regexError("a repeat may have an empty round before another one");
  }
}
