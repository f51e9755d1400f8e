/** Entries of the journal as fail2ban's filters see them. Pure. */
import type { LineView } from "#src/logs/contract.ts";

/** Host, program and process before the message, as syslog would write them, without a time. */
export function journalText({ text, messageAt, program, trusted }: LineView): string {
  const pid = trusted?.["_PID"];
  const host = trusted?.["_HOSTNAME"];
  const name = program || trusted?.["_COMM"] || "";
  const head = [host ?? "", name === "" ? "" : `${name}${pid === undefined ? "" : `[${pid}]`}:`];
  return [...head, text.slice(messageAt)].filter((part) => part !== "").join(" ");
}

/**
 * Whether an entry is one of those that a filter asks for: of the terms of one field one must fit, of each field, in one of the
 * groups that `+` parts. Without a match all are.
 */
export function isOfJournal(matches: readonly (readonly string[])[], line: LineView): boolean {
  if (matches.length === 0) return true;
  return matches.some((terms) => groupsOfTerms(terms).some((group) => isOfGroup(group, line)));
}

function groupsOfTerms(terms: readonly string[]): string[][] {
  const groups: string[][] = [[]];
  for (const term of terms) {
    if (term === "+") groups.push([]);
    else groups.at(-1)?.push(term);
  }
  return groups.filter((group) => group.length > 0);
}

function isOfGroup(terms: readonly string[], { trusted, program }: LineView): boolean {
  const fields = new Map<string, boolean>();
  for (const term of terms) {
    const equals = term.indexOf("=");
    const field = term.slice(0, equals);
    const value = field === "SYSLOG_IDENTIFIER" ? program : trusted?.[field];
    fields.set(field, (fields.get(field) ?? false) || value === term.slice(equals + 1));
  }
  return [...fields.values()].every((isFitting) => isFitting);
}
