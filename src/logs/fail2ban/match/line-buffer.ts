/** The last lines of a log, for expressions that match several of them. Pure. */
import type { FailureMatch, FailureRegex } from "./failure-regex.ts";

/** What is left when a match has been taken out. */
export interface Taken {
  readonly match: FailureMatch;
  readonly matched: readonly string[];
  readonly unmatched: readonly string[];
}

/** Lines as one text: each with its end. */
export function joinLines(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

/**
 * Searches lines, and tells those that matched from those that did not or that `<SKIPLINES>` passed over.
 * @param text the lines as one text, or what took its place
 */
export function takeLines(regex: FailureRegex, text: string, ascii: boolean, lines: readonly string[]): Taken | null {
  const match = regex.search(text, ascii);
  if (match === null) return null;
  if (lines.length <= 1) return { match, matched: lines, unmatched: [] };
  const lineStart = text.lastIndexOf("\n", match.start) + 1;
  const nextEnd = text.indexOf("\n", Math.max(0, match.end - 1));
  const first = countEnds(text, lineStart);
  const behind = countEnds(text, nextEnd === -1 ? text.length : nextEnd + 1);
  const matched = lines.slice(first, behind);
  const unmatched = lines.slice(0, first);
  let from = 0;
  for (const skipped of skippedLines(match)) {
    const at = matched.indexOf(skipped, from);
    if (at === -1) continue;
    unmatched.push(...matched.splice(at, 1));
    from = at;
  }
  return { match, matched, unmatched: [...unmatched, ...lines.slice(behind)] };
}

function skippedLines({ groups }: FailureMatch): string[] {
  let skipped = "";
  for (let index = 0; `skiplines${index}` in groups; index++) skipped += groups[`skiplines${index}`] ?? "";
  return skipped === "" ? [] : skipped.replace(/\n$/, "").split("\n");
}

function countEnds(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
