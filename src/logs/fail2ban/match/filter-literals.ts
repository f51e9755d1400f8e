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
  const ends = union(failregex.filter(endsConnection).map(regexLiterals));
  const failures = union(failregex.filter((regex) => !endsConnection(regex)).map(regexLiterals));
  if (failures !== null && ends !== null) {
    const all = [...new Set([...failures, ...ends])];
    if (all.length <= MAX_LITERALS) return { all, failures };
  }
  return { all: prefregex === null ? null : regexLiterals(prefregex), failures: null };
}

function union(lists: readonly (readonly string[] | null)[]): readonly string[] | null {
  return lists.some((list) => list === null) ? null : [...new Set(lists.flatMap((list) => list ?? []))];
}

function regexLiterals({ converted }: FailureRegex): readonly string[] | null {
  if (converted.outline === null) return null;
  const literals = literalsOf(converted.outline.source, converted.outline.flags);
  const whole = literals?.map(longestInLine) ?? [];
  return whole.length > 0 && whole.every((text) => text.length >= MIN_LENGTH) ? whole : null;
}

/** Expressions see the line without its date, which may have stood between brackets or blanks: such a text is in no line. */
function longestInLine(literal: string): string {
  const parts = literal.split(/(?<=\[)(?=\])|(?<=\()(?=\))|(?<=<)(?=>)|(?<=")(?=")|(?<= )(?= )/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), "");
}
