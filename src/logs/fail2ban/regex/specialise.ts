/**
 * Takes conditions `(?(name)yes|no)`, and references to groups that may be unset, out of a tree: JavaScript has no conditions, and
 * its references to an unset group match, where Python's fail. Where a group may be set or not, what follows is written twice, once
 * for each case, in the order in which Python would try them. Pure.
 */
import { unreachable } from "#src/lib/unreachable.ts";
import { regexError } from "./regex-error.ts";
import { EMPTY, type RegexNode } from "./syntax.ts";
import { groupsOf, isDeterministic, nodesOf } from "./walk.ts";

const MAX_NODES = 50_000;
const MAX_SPLITS = 12;

/** Groups that are set for certain, and that may be set, where a node stands. */
interface Known {
  readonly must: ReadonlySet<number>;
  readonly may: ReadonlySet<number>;
}

const NOTHING: Known = { must: new Set(), may: new Set() };

/**
 * The same expression without conditions and without references to groups that may be unset.
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX when a group cannot be told apart in this way, such as one in a repeat
 */
export function specialise(root: RegexNode): RegexNode {
  let tree = root;
  for (let splits = 0; splits <= MAX_SPLITS; splits++) {
    const undecided = new Undecided();
    const decided = undecided.decide(tree, NOTHING);
    if (undecided.first === null) return decided;
    tree = split(tree, undecided.first, EMPTY);
    let nodes = 0;
    for (const _ of nodesOf(tree)) if (++nodes > MAX_NODES) throw regexError("its conditions make it too large");
  }
  throw regexError(`it has more than ${MAX_SPLITS} conditions`);
}

/** Decides what can be decided, and notes the first group that cannot. */
class Undecided {
  first: number | null = null;
  #after: Known = NOTHING;

  decide(node: RegexNode, before: Known): RegexNode {
    this.#after = before;
    switch (node.type) {
      case "char":
      case "any":
      case "class":
      case "at":
        return node;
      case "reference":
        return this.#isSet(node.index, before) ? node : NEVER;
      case "condition":
        return this.decide(this.#isSet(node.index, before) ? node.yes : node.no, before);
      case "concat":
        return { ...node, parts: node.parts.map((part) => this.decide(part, this.#after)) };
      case "either":
        return this.#decideEither(node, before);
      case "group": {
        const body = this.decide(node.body, before);
        this.#after = { must: plus(this.#after.must, node.index), may: plus(this.#after.may, node.index) };
        return { ...node, body };
      }
      case "look": {
        const body = this.decide(node.body, before);
        if (node.negated) this.#after = before;
        return { ...node, body };
      }
      case "atomic":
        return { ...node, body: this.decide(node.body, before) };
      case "repeat":
        return this.#decideRepeat(node, before);
      default:
        return unreachable(node);
    }
  }

  #decideEither(node: RegexNode & { type: "either" }, before: Known): RegexNode {
    const ends: Known[] = [];
    const branches = node.branches.map((branch) => {
      const decided = this.decide(branch, before);
      ends.push(this.#after);
      return decided;
    });
    const [head, ...tail] = ends;
    this.#after = {
      must: tail.reduce((must, end) => must.intersection(end.must), new Set(head?.must)),
      may: ends.reduce((may, end) => may.union(end.may), new Set<number>()),
    };
    return { ...node, branches };
  }

  #decideRepeat(node: RegexNode & { type: "repeat" }, before: Known): RegexNode {
    const own = groupsOf(node.body);
    // In a second round what is set stems from the first; JavaScript forgets it then.
    const within = node.max > 1 ? { must: before.must.difference(own), may: before.may.union(own) } : before;
    const body = this.decide(node.body, within);
    const after = this.#after;
    this.#after = { must: node.min > 0 ? after.must : before.must, may: before.may.union(after.may) };
    return { ...node, body };
  }

  #isSet(index: number, { must, may }: Known): boolean {
    if (must.has(index)) return true;
    if (may.has(index)) this.first ??= index;
    return false;
  }
}

const NEVER: RegexNode = { type: "class", negated: false, items: [], ignoreCase: false, ascii: false };

/** `node` followed by `rest`, in which `rest` stands behind each way that sets the group, and each that does not, by itself. */
function split(node: RegexNode, group: number, rest: RegexNode): RegexNode {
  if (!groupsOf(node).has(group)) return concat(node, rest);
  switch (node.type) {
    case "concat": {
      const index = node.parts.findIndex((part) => groupsOf(part).has(group));
      const behind = concat(...node.parts.slice(index + 1), rest);
      return concat(...node.parts.slice(0, index), split(node.parts[index] ?? EMPTY, group, behind));
    }
    case "either":
      return { ...node, branches: node.branches.map((branch) => split(branch, group, rest)) };
    case "group": {
      if (node.index === group) return concat(node, rest);
      const ways = waysOf(node.body, group).map((body) => concat({ ...node, body }, rest));
      return { type: "either", branches: ways };
    }
    case "repeat": {
      if (node.max !== 1) throw regexError("a condition refers to a group that is repeated");
      const taken = split(node.body, group, rest);
      if (node.min === 1) return taken;
      return { type: "either", branches: node.lazy ? [rest, taken] : [taken, rest] };
    }
    default:
      throw regexError("a condition refers to a group within another condition or a look-around");
  }
}

/** The ways to match a node, in order, in each of which it is certain whether the group is set. */
function waysOf(node: RegexNode, group: number): RegexNode[] {
  if (!groupsOf(node).has(group)) return [node];
  switch (node.type) {
    case "concat": {
      const index = node.parts.findIndex((part) => groupsOf(part).has(group));
      const before = node.parts.slice(0, index);
      // Other choices before it would come in another order.
      if (!before.every(isDeterministic)) throw regexError("a condition refers to a group behind a choice");
      const behind = node.parts.slice(index + 1);
      return waysOf(node.parts[index] ?? EMPTY, group).map((way) => concat(...before, way, ...behind));
    }
    case "either":
      return node.branches.flatMap((branch) => waysOf(branch, group));
    case "group":
      if (node.index === group) return [node];
      return waysOf(node.body, group).map((body) => ({ ...node, body }));
    case "repeat": {
      if (node.max !== 1) throw regexError("a condition refers to a group that is repeated");
      const taken = waysOf(node.body, group);
      if (node.min === 1) return taken;
      return node.lazy ? [EMPTY, ...taken] : [...taken, EMPTY];
    }
    default:
      throw regexError("a condition refers to a group within another condition or a look-around");
  }
}

function concat(...parts: readonly RegexNode[]): RegexNode {
  const flat = parts.flatMap((part) => (part.type === "concat" ? part.parts : [part]));
  return flat.length === 1 ? (flat[0] as RegexNode) : { type: "concat", parts: flat };
}

function plus(set: ReadonlySet<number>, value: number): ReadonlySet<number> {
  return new Set(set).add(value);
}
