/**
 * Refuses rules whose address an attacker can choose. A log line is made of what a program writes and of what strangers sent it: a rule
 * that can be made to read the address from the strangers' part blocks whom they like.
 *
 * Two ways are gone. By proof: each pattern is laid beside itself, and beside the file's other patterns, with every text of an attacker
 * opened to anything; there must be no line at all in which they differ about the place of the address. By trial: hostile texts are put
 * into every free piece of every sample, and no rule of the file may give the foreign address.
 */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import type { LineRule, LineView, LogHit } from "../contract.ts";
import { parseHead } from "../formats/parse-head.ts";
import type { Rule, RuleFile, Sample } from "../rule.ts";
import { compileRules } from "./compile.ts";
import { type Automaton, buildAutomaton } from "./lint/automaton.ts";
import { findForgery } from "./lint/find-forgery.ts";
import { type FreePiece, fixedTextBefore, widen } from "./lint/free-text.ts";
import { FOREIGN_ADDRESS, hostileTexts } from "./lint/hostile-texts.ts";
import { parsePattern } from "./lint/pattern-tree.ts";

/**
 * A pattern must say this much before it lets a stranger speak: else any other message would do. Where only some programs' lines are
 * seen, it is what tells their messages apart.
 */
const MIN_FIXED_TEXT = 3;
const MIN_FIXED_TEXT_OF_PROGRAM = 1;
/** The clock that samples are read by: it gives years only. */
const NOW_UNIX_MS = Date.UTC(2026, 10, 24);

interface Studied {
  readonly rule: Rule;
  readonly name: string;
  readonly writer: Automaton;
  /** `null` for a rule that takes no address. */
  readonly reader: Automaton | null;
  readonly pieces: readonly FreePiece[];
}

/**
 * What is wrong with the rules of a file, a sentence each, beginning with the rule's name; empty when they may be used. Takes
 * milliseconds a rule, and a second for the worst that is allowed.
 */
export function lintRules(file: RuleFile): readonly string[] {
  const problems: string[] = [];
  const studied = file.rules.flatMap((rule) => study(file, rule, problems));
  for (const one of studied) problems.push(...proveAddress(one, studied));
  if (problems.length > 0) return problems;
  const compiled = compileRules([file]);
  for (const [index, one] of studied.entries()) {
    problems.push(...trySamples(file, one, compiled[index]!));
    if (problems.length === 0) problems.push(...tryHostile(file, one, compiled));
  }
  return problems;
}

/** Free pieces of a pattern: where text of an attacker may stand. For tests that put hostile texts there. */
export function freePieces(rule: Rule): readonly FreePiece[] {
  return widen(parsePattern(rule.pattern, rule.flags ?? "")).pieces;
}

/**
 * Places in a line where the free pieces of a pattern stand; `null` when the pattern does not match.
 * @param message the line behind its head
 */
export function locateFreeText(rule: Rule, message: string): readonly FreePiece[] | null {
  const marked = markPieces(rule.pattern, freePieces(rule));
  const match = new RegExp(marked, `ds${rule.flags ?? ""}`).exec(message);
  if (match === null) return null;
  const places = Object.entries(match.indices?.groups ?? {}).filter(([name, place]) => /^lint\d/.test(name) && place);
  return places.map(([, [from, to]]) => ({ from, to }));
}

function study(file: RuleFile, rule: Rule, problems: string[]): Studied[] {
  const name = `${file.service}.${rule.name}`;
  try {
    const node = parsePattern(rule.pattern, rule.flags ?? "");
    const wide = widen(node);
    const minFixed = file.programs === undefined ? MIN_FIXED_TEXT : MIN_FIXED_TEXT_OF_PROGRAM;
    if (fixedTextBefore(wide.node) < minFixed)
      throw new SyntaxError(
        `text of an attacker may stand before ${minFixed} characters of fixed text, so that other messages match as well`,
      );
    const takesAddress = rule.pattern.includes("(?<address>");
    const reader = takesAddress ? buildAutomaton(node) : null;
    return [{ rule, name, writer: buildAutomaton(wide.node), reader, pieces: wide.pieces }];
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    problems.push(`${name}: pattern is refused: ${error.message}`);
    return [];
  }
}

function proveAddress({ name, reader }: Studied, writers: readonly Studied[]): string[] {
  if (reader === null) return [];
  try {
    for (const { name: written, writer } of writers) {
      const example = findForgery(writer, reader);
      if (example === null) continue;
      const line = JSON.stringify(example);
      return [
        written === name
          ? `${name}: text of an attacker can move the address, as in ${line}`
          : `${name}: text of an attacker in a line of ${written} gives an address here, as in ${line}`,
      ];
    }
    return [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [`${name}: pattern is refused: ${error.message}`];
  }
}

function trySamples(file: RuleFile, { rule, name }: Studied, compiled: LineRule): string[] {
  const problems: string[] = [];
  if (!rule.samples.some(({ hit }) => hit !== null)) problems.push(`${name}: no sample shows a line that it finds`);
  for (const { line, hit } of rule.samples) {
    const found = hitOf(compiled, viewOf(file, line));
    const isAsWanted = found === null || hit === null ? found === hit : isEqual(found, hit);
    const folded = line.toLowerCase();
    const isSeen =
      hit === null || (compiled.literals ?? [""]).some((literal) => folded.includes(literal.toLowerCase()));
    if (!isAsWanted)
      problems.push(`${name}: sample ${JSON.stringify(line)} gives ${describe(found)}, not ${describe(hit)}`);
    else if (!isSeen) problems.push(`${name}: sample ${JSON.stringify(line)} does not hold the rule's literal`);
  }
  return problems;
}

function tryHostile(file: RuleFile, { rule, name, pieces }: Studied, compiled: readonly LineRule[]): string[] {
  if (pieces.length === 0) return [];
  for (const { line, hit } of rule.samples) {
    if (hit?.address === undefined || hit.address === FOREIGN_ADDRESS) continue;
    const { messageAt } = viewOf(file, line);
    for (const { from, to } of locateFreeText(rule, line.slice(messageAt)) ?? []) {
      const before = line.slice(0, messageAt + from);
      const after = line.slice(messageAt + to);
      const place = { before: before.slice(messageAt), after };
      for (const text of hostileTexts(place.before, place.after, hit.address)) {
        const view = viewOf(file, `${before}${text}${after}`);
        const fooled = compiled.find((one) => hitOf(one, view)?.address === FOREIGN_ADDRESS);
        if (fooled !== undefined)
          return [`${name}: ${fooled.name} gives the address that an attacker wrote in ${JSON.stringify(view.text)}`];
      }
    }
  }
  return [];
}

/** The pattern with a group around each free piece. */
function markPieces(pattern: string, pieces: readonly FreePiece[]): string {
  let marked = "";
  let at = 0;
  for (const [index, { from, to }] of pieces.entries()) {
    marked += `${pattern.slice(at, from)}(?<lint${index}>${pattern.slice(from, to)})`;
    at = to;
  }
  return marked + pattern.slice(at);
}

function viewOf(file: RuleFile, text: string): LineView {
  return { text, ...parseHead(file.format, text, NOW_UNIX_MS), trusted: null };
}

function hitOf(rule: LineRule, view: LineView): LogHit | null {
  const found = rule.search(view);
  return found === null || found === undefined ? null : (rule.conclude(found, view)[0] ?? null);
}

function isEqual(found: LogHit, wanted: NonNullable<Sample["hit"]>): boolean {
  const address = wanted.address === undefined ? null : canonicalAddress(wanted.address);
  const { user = null, site = null, detail = null } = wanted;
  return found.address === address && found.user === user && found.site === site && found.detail === detail;
}

function describe(hit: LogHit | Sample["hit"]): string {
  if (hit === null) return "nothing";
  const { address, user, site, detail } = hit;
  return JSON.stringify({ address, user, site, detail });
}
