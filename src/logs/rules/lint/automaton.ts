/** A pattern as an automaton whose states know whether they stand before, within or behind the address. */
import type { CharSet } from "./char-set.ts";
import type { PatternNode } from "./pattern-tree.ts";

/** Before, within or behind the group `address`. */
export type Phase = 0 | 1 | 2;

/** Each state takes one character of its set, and then any of `next`. */
export interface Automaton {
  readonly sets: readonly CharSet[];
  readonly phases: readonly Phase[];
  readonly next: readonly (readonly number[])[];
  /** Whether the line may end behind the state's character; then the phase at the end. */
  readonly ends: readonly (Phase | null)[];
  readonly start: readonly number[];
}

/** Most states of an automaton; a pattern of more is refused. */
export const MAX_STATES = 20_000;

/** A count above this is taken for "any number of times": the automaton then takes more, never less. */
const MAX_COPIES = 32;

type Step =
  | { readonly type: "character"; readonly set: CharSet; readonly next: number }
  | { readonly type: "either"; readonly next: readonly number[] }
  | { readonly type: "open" | "close"; readonly next: number }
  | { readonly type: "end" };

/** @throws RangeError when it would have more than {@link MAX_STATES} states */
export function buildAutomaton(node: PatternNode): Automaton {
  const steps: Step[] = [{ type: "end" }];
  const first = addNode(node, 0, steps);
  const ids = new Map<number, number>();
  const sets: CharSet[] = [];
  const phases: Phase[] = [];
  const behind: number[] = [];
  const idOf = (step: number, phase: Phase): number => {
    const key = step * 3 + phase;
    const known = ids.get(key);
    if (known !== undefined) return known;
    const { set, next } = steps[step] as Step & { type: "character" };
    ids.set(key, sets.length);
    phases.push(phase);
    behind.push(next);
    return sets.push(set) - 1;
  };
  const start = reach(steps, first, 0, idOf).states;
  const next: (readonly number[])[] = [];
  const ends: (Phase | null)[] = [];
  for (let id = 0; id < sets.length; id++) {
    const { states, end } = reach(steps, behind[id]!, phases[id]!, idOf);
    next.push(states);
    ends.push(end);
  }
  return { sets, phases, next, ends, start };
}

/** Adds the steps of a node before the step `next`, and gives its first. */
function addNode(node: PatternNode, next: number, steps: Step[]): number {
  switch (node.type) {
    case "set":
      return add({ type: "character", set: node.set, next }, steps);
    case "sequence":
      return node.nodes.reduceRight((behind, one) => addNode(one, behind, steps), next);
    case "choice":
      return add({ type: "either", next: node.nodes.map((one) => addNode(one, next, steps)) }, steps);
    case "group": {
      if (node.name !== "address") return addNode(node.node, next, steps);
      const close = add({ type: "close", next }, steps);
      return add({ type: "open", next: addNode(node.node, close, steps) }, steps);
    }
    default:
      return addRepeat(node.node, node.min, node.max, next, steps);
  }
}

function addRepeat(node: PatternNode, min: number, max: number, next: number, steps: Step[]): number {
  const copies = Math.min(min, MAX_COPIES);
  let first = next;
  if (max > MAX_COPIES) {
    const loop: { type: "either"; next: number[] } = { type: "either", next: [next] };
    const at = add(loop, steps);
    loop.next.push(addNode(node, at, steps));
    first = at;
  } else {
    for (let count = copies; count < max; count++)
      first = add({ type: "either", next: [next, addNode(node, first, steps)] }, steps);
  }
  for (let count = 0; count < copies; count++) first = addNode(node, first, steps);
  return first;
}

function add(step: Step, steps: Step[]): number {
  if (steps.length >= MAX_STATES) throw new RangeError(`it has more than ${MAX_STATES} states`);
  return steps.push(step) - 1;
}

/** The characters that can come from a step on, and whether the line can end there. */
function reach(
  steps: readonly Step[],
  from: number,
  phase: Phase,
  idOf: (step: number, phase: Phase) => number,
): { states: number[]; end: Phase | null } {
  const states = new Set<number>();
  const seen = new Set<number>();
  const waiting: [step: number, phase: Phase][] = [[from, phase]];
  let end: Phase | null = null;
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const [at, here] = one;
    if (seen.has(at * 3 + here)) continue;
    seen.add(at * 3 + here);
    const step = steps[at]!;
    if (step.type === "end") end = end === null || here > end ? here : end;
    else if (step.type === "character") states.add(idOf(at, here));
    else if (step.type === "either") for (const next of step.next) waiting.push([next, here]);
    else waiting.push([step.next, step.type === "open" ? 1 : 2]);
  }
  return { states: [...states], end };
}
