/** An import as text for people. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import type { ImportedJail, ImportReport } from "./describe-import.ts";
import type { IncrementSpec } from "./spec.ts";

const MAX_SHOWN = 160;

/** Lines of text: what is taken over, what not and why, and what to put into the configuration. */
export function formatImport(report: ImportReport): string {
  const { folder, jails, refused, disabled, snippet } = report;
  const lines = [
    `${folder}: ${jails.length} ${jails.length === 1 ? "jail is" : "jails are"} taken over, ${refused.length} refused, ${disabled} not enabled`,
    ...jails.flatMap((jail) => ["", ...jailLines(jail)]),
    ...refused.flatMap(({ name, reason }) => ["", `jail ${name}: refused`, `  ${reason}`]),
    "",
    "For the configuration of Garrison:",
    "",
    snippet,
  ];
  return lines
    .map((line) =>
      line
        .split("\n")
        .map((part) => cleanText(part))
        .join("\n"),
    )
    .join("\n");
}

function jailLines(jail: ImportedJail): string[] {
  return [
    `jail ${jail.name}: filter ${jail.filter}, ${jail.regexes} expressions, ${jail.literals === null ? "looks at every line" : `behind ${jail.literals} texts`}`,
    `  ${jail.isJournal ? "journal" : "logs"}  ${jail.logs.join(", ") || "all of it"}`,
    `  blocks after ${jail.maxRetry} in ${span(jail.findSeconds)}, ${jail.banSeconds === null ? "for ever" : `for ${span(jail.banSeconds)}`}${incrementText(jail.increment)}`,
    `  drops what is sent to ${jail.blockPorts.length === 0 ? "any port" : `${jail.blockPorts.length === 1 ? "port" : "ports"} ${jail.blockPorts.join(", ")}`}`,
    ...(jail.ignore.length === 0 ? [] : [`  never blocks ${jail.ignore.join(", ")}`]),
    ...jail.notTaken.map((what) => `  not taken over: ${what}`),
    ...jail.refusedRegexes.map(
      ({ file, line, pattern, reason }) => `  refused: ${file}:${line}: ${reason}: ${cut(pattern)}`,
    ),
    ...jail.unanchored.map(
      ({ file, line, pattern }) =>
        `  can be forged: ${file}:${line} does not begin at the start of the line: ${cut(pattern)}`,
    ),
  ];
}

function incrementText(increment: IncrementSpec | null): string {
  if (increment === null) return "";
  const { multipliers, maxSeconds } = increment;
  const growth = multipliers === null ? "twice as long each time" : `${multipliers.join(", ")} times as long`;
  return `, then ${growth}${maxSeconds === null ? "" : `, at most ${span(maxSeconds)}`}`;
}

function span(seconds: number): string {
  return formatDuration(seconds * 1000);
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
