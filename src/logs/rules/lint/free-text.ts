/** Which pieces of a pattern may stand for text that an attacker wrote, and what the pattern would be if he wrote what he likes. */
import { ANY, isWithin, setOf, sizeOf } from "./char-set.ts";
import type { PatternNode } from "./pattern-tree.ts";

/** A piece of the pattern's source. */
export interface FreePiece {
  readonly from: number;
  readonly to: number;
}

/** A pattern with its free pieces opened to any text. */
export interface Widened {
  readonly node: PatternNode;
  /** Outermost free pieces in the order of the source. */
  readonly pieces: readonly FreePiece[];
}

// Numbers, ids, versions, ciphers: what programs write about themselves.
const PROGRAM_TEXT = setOf((code) => /[\w.:+/=-]/.test(String.fromCharCode(code)));
const DIGITS = setOf((code) => code >= 48 && code <= 57);
const SPACES = setOf((code) => /\s/.test(String.fromCharCode(code)));
const ANYTHING: PatternNode = {
  type: "repeat",
  node: { type: "set", set: ANY },
  min: 0,
  max: Infinity,
  from: 0,
  to: 0,
};

/**
 * The pattern as it is when every text of an attacker may be anything. Free are the repeated sets that hold more than program's text, and
 * in the named groups all but digits. What stands in `address` and in groups named `kept…` is the program's.
 */
export function widen(node: PatternNode): Widened {
  const pieces: FreePiece[] = [];
  return { node: widenNode(node, false, pieces), pieces };
}

/**
 * Fewest characters of fixed text before free text; `Infinity` when none can be reached. The text of the address counts as fixed.
 */
export function fixedTextBefore(node: PatternNode): number {
  return measure(node).beforeFree;
}

function widenNode(node: PatternNode, isNamed: boolean, pieces: FreePiece[]): PatternNode {
  switch (node.type) {
    case "set":
      return node;
    case "sequence":
    case "choice":
      return { ...node, nodes: node.nodes.map((one) => widenNode(one, isNamed, pieces)) };
    case "group":
      return isKept(node.name) ? node : { ...node, node: widenNode(node.node, true, pieces) };
    default: {
      if (node.max > 1 && isFree(node.node, isNamed)) {
        pieces.push({ from: node.from, to: node.to });
        return ANYTHING;
      }
      return { ...node, node: widenNode(node.node, isNamed, pieces) };
    }
  }
}

function isKept(name: string): boolean {
  return name === "address" || name.startsWith("kept");
}

function isFree(node: PatternNode, isNamed: boolean): boolean {
  switch (node.type) {
    case "set":
      if (sizeOf(node.set) === 1) return false;
      return isNamed ? !isWithin(node.set, DIGITS) : !isWithin(node.set, PROGRAM_TEXT) && !isWithin(node.set, SPACES);
    case "group":
      return !isKept(node.name) && isFree(node.node, true);
    case "repeat":
      return isFree(node.node, isNamed);
    default:
      return node.nodes.some((one) => isFree(one, isNamed));
  }
}

interface Measure {
  /** Fewest fixed characters on a way through. */
  readonly through: number;
  /** Fewest fixed characters on a way to free text. */
  readonly beforeFree: number;
}

function measure(node: PatternNode): Measure {
  switch (node.type) {
    case "set":
      return { through: sizeOf(node.set) <= 2 ? 1 : 0, beforeFree: Infinity };
    case "choice": {
      const all = node.nodes.map(measure);
      return {
        through: Math.min(...all.map(({ through }) => through)),
        beforeFree: Math.min(...all.map(({ beforeFree }) => beforeFree)),
      };
    }
    case "sequence":
      return node.nodes.map(measure).reduce(follow, { through: 0, beforeFree: Infinity });
    case "group":
      return node.name === "address" ? { through: Infinity, beforeFree: Infinity } : measure(node.node);
    default: {
      if (node === ANYTHING) return { through: 0, beforeFree: 0 };
      const once = measure(node.node);
      return { through: node.min === 0 ? 0 : once.through * node.min, beforeFree: once.beforeFree };
    }
  }
}

function follow(before: Measure, next: Measure): Measure {
  return {
    through: before.through + next.through,
    beforeFree: Math.min(before.beforeFree, before.through + next.beforeFree),
  };
}
