/** What can be said of a regular expression by looking at its tree. Pure. */
import { unreachable } from "#src/lib/unreachable.ts";
import type { RegexNode } from "./syntax.ts";

/** The nodes right below one. */
export function childrenOf(node: RegexNode): readonly RegexNode[] {
  switch (node.type) {
    case "concat":
      return node.parts;
    case "either":
      return node.branches;
    case "group":
    case "look":
    case "atomic":
    case "repeat":
      return [node.body];
    case "condition":
      return [node.yes, node.no];
    case "char":
    case "any":
    case "class":
    case "at":
    case "reference":
      return [];
    default:
      return unreachable(node);
  }
}

/** A node and all below it, in the order of the text. */
export function* nodesOf(node: RegexNode): Generator<RegexNode> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}

/** Numbers of the groups within. */
export function groupsOf(node: RegexNode): Set<number> {
  const groups = new Set<number>();
  for (const one of nodesOf(node)) if (one.type === "group") groups.add(one.index);
  return groups;
}

/** The fewest and the most characters that it can match; a reference counts as any number. */
export function widthOf(node: RegexNode): [min: number, max: number] {
  switch (node.type) {
    case "char":
    case "any":
    case "class":
      return [1, 1];
    case "at":
    case "look":
      return [0, 0];
    case "group":
    case "atomic":
      return widthOf(node.body);
    case "concat":
      return node.parts.map(widthOf).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    case "either":
      return widest(node.branches.map(widthOf));
    case "condition":
      return widest([widthOf(node.yes), widthOf(node.no)]);
    case "repeat": {
      const [min, max] = widthOf(node.body);
      return [min * node.min, max === 0 ? 0 : max * node.max];
    }
    case "reference":
      return [0, Number.POSITIVE_INFINITY];
    default:
      return unreachable(node);
  }
}

function widest(widths: readonly (readonly [number, number])[]): [number, number] {
  return [Math.min(...widths.map(([min]) => min)), Math.max(...widths.map(([, max]) => max))];
}

/** Whether there is but one way to match it at a given place. */
export function isDeterministic(node: RegexNode): boolean {
  switch (node.type) {
    case "either":
    case "condition":
      return false;
    case "repeat":
      return node.min === node.max && isDeterministic(node.body);
    case "look":
    case "atomic":
      return true;
    default:
      return childrenOf(node).every(isDeterministic);
  }
}

/** Whether every match begins at the start of the text. */
export function isAnchored(node: RegexNode): boolean {
  switch (node.type) {
    case "at":
      return node.where === "start" || node.where === "line-start";
    case "group":
    case "atomic":
      return isAnchored(node.body);
    case "either":
      return node.branches.every(isAnchored);
    case "concat": {
      const first = node.parts.find((part) => part.type !== "look");
      return first !== undefined && isAnchored(first);
    }
    case "repeat":
      return node.min > 0 && isAnchored(node.body);
    default:
      return false;
  }
}

/** Numbers of the groups that are set in each match. */
export function setGroups(node: RegexNode): ReadonlySet<number> {
  switch (node.type) {
    case "group":
      return new Set(setGroups(node.body)).add(node.index);
    case "either":
      return node.branches.map(setGroups).reduce((all, one) => all.intersection(one));
    case "repeat":
      return node.min === 0 ? new Set() : setGroups(node.body);
    case "look":
      return node.negated ? new Set() : setGroups(node.body);
    case "condition":
      return setGroups(node.yes).intersection(setGroups(node.no));
    default:
      return childrenOf(node)
        .map(setGroups)
        .reduce((all, one) => all.union(one), new Set<number>());
  }
}

/** Numbers of the groups that are set in each match, and to more than the empty text. */
export function filledGroups(node: RegexNode): ReadonlySet<number> {
  const filled = new Set(setGroups(node));
  for (const one of nodesOf(node)) if (one.type === "group" && widthOf(one)[0] === 0) filled.delete(one.index);
  return filled;
}
