/**
 * Groups that are repeated and not set in each round. Python keeps what the last round that set one captured, JavaScript what the last
 * round did: the first rounds are written out, each with groups of its own, and the last one that is set counts. Pure.
 */
import { regexError } from "./regex-error.ts";
import type { RegexNode } from "./syntax.ts";
import { groupsOf, nodesOf, setGroups, widthOf } from "./walk.ts";

/** Rounds that are written out. Of more rounds what the group captured is not known. */
const ROUNDS = 12;
const MAX_COPIES = 1000;
/** Groups that must be known whatever the line holds. */
const NEEDED = new Set(["ip4", "ip6", "dns", "cidr", "fid", "mlfid", "content", "nofail", "mlfforget", "mlfgained"]);

/** Names of the copies of a group, in the order of the rounds. */
export interface Copies {
  readonly of: readonly string[];
  /** Set when there were more rounds. */
  readonly more: string;
}

/** A tree whose repeated groups are written out. */
export interface Unrolled {
  readonly root: RegexNode;
  readonly names: ReadonlyMap<number, string>;
  readonly copies: ReadonlyMap<string, Copies>;
}

/** @throws GarrisonError GARRISON_FAIL2BAN_REGEX when such a group is an address, or is referred to */
export function unroll(root: RegexNode, names: ReadonlyMap<number, string>): Unrolled {
  const unroller = new Unroller(root, names);
  return { root: unroller.visit(root), names: unroller.names, copies: unroller.copies };
}

class Unroller {
  readonly names: Map<number, string>;
  readonly copies = new Map<string, Copies>();
  readonly #referred = new Set<number>();
  #next: number;
  #made = 0;

  constructor(root: RegexNode, names: ReadonlyMap<number, string>) {
    this.names = new Map(names);
    this.#next = Math.max(0, ...groupsOf(root)) + 1;
    for (const node of nodesOf(root)) {
      if (node.type === "reference" || node.type === "condition") this.#referred.add(node.index);
    }
  }

  visit(node: RegexNode): RegexNode {
    if (node.type === "repeat" && node.max > 1) {
      const always = setGroups(node.body);
      const lost = [...groupsOf(node.body)].filter((index) => this.names.has(index) && !always.has(index));
      if (lost.length > 0) return this.#writeOut(node, lost);
    }
    return mapChildren(node, (child) => this.visit(child));
  }

  #writeOut(repeat: RegexNode & { type: "repeat" }, lost: readonly number[]): RegexNode {
    const names = lost.map((index) => this.names.get(index) ?? "");
    const isNeeded = names.some((name) => NEEDED.has(name)) || lost.some((index) => this.#referred.has(index));
    if (isNeeded || repeat.lazy || repeat.min > ROUNDS || widthOf(repeat.body)[0] === 0) {
      throw regexError(`group "${names[0]}" is repeated and may be left out in a round`);
    }
    const more = `_more${this.#next}`;
    for (const name of names) this.copies.set(name, { of: [], more });
    const rounds = Math.min(ROUNDS, repeat.max);
    const copies = Array.from({ length: rounds }, () => this.#copy(repeat.body));
    const tail = repeat.max > rounds ? [this.#rest(repeat, more, rounds)] : [];
    return copies.reduceRight<RegexNode>(
      (behind, copy, round) => {
        const both: RegexNode = { type: "concat", parts: [copy, behind] };
        return round < repeat.min ? both : { type: "repeat", min: 0, max: 1, lazy: false, body: both };
      },
      { type: "concat", parts: tail },
    );
  }

  #rest(repeat: RegexNode & { type: "repeat" }, more: string, rounds: number): RegexNode {
    const index = this.#next++;
    this.names.set(index, more);
    const body: RegexNode = { ...repeat, min: 1, max: repeat.max - rounds, body: withoutNames(repeat.body) };
    return { type: "repeat", min: 0, max: 1, lazy: false, body: { type: "group", index, name: more, body } };
  }

  #copy(node: RegexNode): RegexNode {
    if (++this.#made > MAX_COPIES) throw regexError("its repeated groups make it too large");
    const copy = mapChildren(node, (child) => this.#copy(child));
    const name = copy.type === "group" ? this.names.get(copy.index) : undefined;
    if (copy.type !== "group" || name === undefined) return copy;
    const index = this.#next++;
    const known = this.copies.get(name) ?? { of: [], more: "" };
    const own = `${name}_round${known.of.length + 1}`;
    this.names.set(index, own);
    this.copies.set(name, { ...known, of: [...known.of, own] });
    return { ...copy, index, name: own };
  }
}

/** Groups below capture no more. */
function withoutNames(node: RegexNode): RegexNode {
  const inner = mapChildren(node, withoutNames);
  return inner.type === "group" ? inner.body : inner;
}

function mapChildren(node: RegexNode, map: (child: RegexNode) => RegexNode): RegexNode {
  switch (node.type) {
    case "concat":
      return { ...node, parts: node.parts.map(map) };
    case "either":
      return { ...node, branches: node.branches.map(map) };
    case "group":
    case "look":
    case "atomic":
    case "repeat":
      return { ...node, body: map(node.body) };
    case "condition":
      return { ...node, yes: map(node.yes), no: map(node.no) };
    default:
      return node;
  }
}
