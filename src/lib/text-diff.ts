/** Readable line differences for alerts. Pure. */
import { structuredPatch } from "diff";

const MAX_EDITS = 2000;

/** How much is shown. */
export interface DiffTextOptions {
  /** Most lines of the result; what is beyond is counted in its last line. */
  readonly maxLines: number;
  /** Unchanged lines around a change. */
  readonly context: number;
}

/**
 * Unified hunks without the file header: lines that begin with ` `, `+`, `-` or `@@`.
 * A text that differs in more than 2000 lines is summed up in one line, because the search would take too long.
 * @example diffText("a\nb\n", "a\nc\n", { maxLines: 10, context: 0 }) // "@@ line 2 @@\n-b\n+c"
 */
export function diffText(before: string, now: string, { maxLines, context }: DiffTextOptions): string {
  const patch = structuredPatch("", "", before, now, "", "", { context, maxEditLength: MAX_EDITS });
  if (patch === undefined) return `more than ${MAX_EDITS} lines differ`;
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ line ${hunk.newStart} @@`,
    ...hunk.lines.filter((line) => !line.startsWith("\\")),
  ]);
  if (lines.length <= maxLines) return lines.join("\n");
  return [...lines.slice(0, maxLines), `(${lines.length - maxLines} more lines)`].join("\n");
}
