/** Texts one of which is in each line that a filter can match: what spares it all other lines. Pure. */
import { literalsOf } from "#src/logs/match/literals.ts";
import type { FailureRegex } from "./failure-regex.ts";

const MIN_LENGTH = 3;
const MAX_LITERALS = 200;

/** Texts of the lines that a filter must look at. */
export interface FilterLiterals {
  /** `null`: all lines must be looked at. */
  readonly all: readonly string[] | null;
  /** Those of lines that can be more than the end of a connection; `null`: any line can. */
  readonly failures: readonly string[] | null;
}

/**
 * Derived from the expressions. One that only ends a connection (it says that nothing failed, and that the connection is over) matters
 * only where the connection is known.
 * @param endsConnection tells these
 */
export function filterLiterals(
  prefregex: FailureRegex | null,
  failregex: readonly FailureRegex[],
  endsConnection: (regex: FailureRegex) => boolean,
): FilterLiterals {
  const ends = union(failregex.filter(endsConnection).map((regex) => regexLiterals(regex)));
  // A failure that begins as the end of a connection does is better told by what stands behind its address.
  const failures = union(
    failregex.filter((regex) => !endsConnection(regex)).map((regex) => regexLiterals(regex, ends ?? [])),
  );
  if (failures !== null && ends !== null) {
    const all = [...new Set([...failures, ...ends])];
    if (all.length <= MAX_LITERALS) return { all, failures };
  }
  return { all: prefregex === null ? null : regexLiterals(prefregex), failures: null };
}

function union(lists: readonly (readonly string[] | null)[]): readonly string[] | null {
  return lists.some((list) => list === null) ? null : [...new Set(lists.flatMap((list) => list ?? []))];
}

/** @param avoided texts of other lines, which are many */
function regexLiterals({ converted }: FailureRegex, avoided: readonly string[] = []): readonly string[] | null {
  const [first, second] = converted.outlines.map(({ source, flags }) => {
    const literals = literalsOf(source, flags)?.map(longestInLine) ?? [];
    return literals.length > 0 && literals.every((text) => text.length >= MIN_LENGTH) ? literals : null;
  });
  const isAvoided = first?.some((text) => avoided.some((other) => text.includes(other) || other.includes(text)));
  return (isAvoided ? second : null) ?? first ?? second ?? null;
}

/** Expressions see the line without its date, which may have stood between brackets or blanks: such a text is in no line. */
function longestInLine(literal: string): string {
  const parts = literal.split(/(?<=\[)(?=\])|(?<=\()(?=\))|(?<=<)(?=>)|(?<=")(?=")|(?<= )(?= )/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), "");
}
