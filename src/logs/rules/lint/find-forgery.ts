/**
 * Looks for a line that a program writes with one address and that a pattern reads with another, by walking both automata over the same
 * characters. When there is none, no line can be forged; when there is one, it is an example.
 */
import type { Automaton } from "./automaton.ts";
import { commonCharacter, meet } from "./char-set.ts";

/** Most pairs of states that are looked at; a pattern that needs more is refused. */
const MAX_PAIRS = 2_000_000;

/**
 * The shortest message for which `reader` takes an address from other characters than those where `writer` has put it (or from a line
 * where it put none); `null` when there is none.
 *
 * @param writer the pattern with every text of an attacker opened to anything
 * @param reader the pattern as it stands, or another one that sees the same lines
 * @throws RangeError when it takes more than {@link MAX_PAIRS} pairs of states to know
 */
export function findForgery(writer: Automaton, reader: Automaton): string | null {
  const width = reader.sets.length;
  const keyOf = (one: number, other: number, differs: boolean): number => (one * width + other) * 2 + (differs ? 1 : 0);
  /** The pair before each pair; -1 for the first ones. */
  const parents = new Map<number, number>();
  const waiting: number[] = [];
  const visit = (one: number, other: number, differs: boolean, parent: number): void => {
    if (!differs && writer.phases[one] === 2 && reader.phases[other] === 2) return; // both took the same address
    if (!meet(writer.sets[one]!, reader.sets[other]!)) return;
    const key = keyOf(one, other, differs);
    if (parents.has(key)) return;
    if (parents.size >= MAX_PAIRS) throw new RangeError(`it takes more than ${MAX_PAIRS} steps to check it`);
    parents.set(key, parent);
    waiting.push(key);
  };
  for (const one of writer.start) for (const other of reader.start) visit(one, other, false, -1);
  for (let index = 0; index < waiting.length; index++) {
    const key = waiting[index]!;
    const other = (key >> 1) % width;
    const one = Math.floor(key / 2 / width);
    const differs = (key & 1) === 1 || (writer.phases[one] === 1) !== (reader.phases[other] === 1);
    if (differs && writer.ends[one] != null && reader.ends[other] === 2) return exampleOf(key, parents, writer, reader);
    for (const next of writer.next[one]!) for (const with_ of reader.next[other]!) visit(next, with_, differs, key);
  }
  return null;
}

function exampleOf(last: number, parents: ReadonlyMap<number, number>, writer: Automaton, reader: Automaton): string {
  const width = reader.sets.length;
  const codes: number[] = [];
  for (let key = last; key >= 0; key = parents.get(key)!) {
    const pair = Math.floor(key / 2);
    codes.push(commonCharacter(writer.sets[Math.floor(pair / width)]!, reader.sets[pair % width]!)!);
  }
  return String.fromCharCode(...codes.reverse());
}
