/** One message of ModSecurity: a sentence, then `[key "value"]` groups. Pure; a message is at most 16 KiB. */
import { WAF_SEVERITIES, type WafRule, type WafSeverity } from "./entry.ts";

const MAX_MESSAGE = 16_384;
const MAX_TAGS = 16;

/** What a message says besides its rule. */
export interface WafMessage {
  readonly rule: WafRule;
  /** Whether it says that the request was stopped. */
  readonly isDenial: boolean;
  /** Of the transaction, where the message names it. */
  readonly uniqueId: string | null;
}

/**
 * Reads `Access denied with code 403 (phase 2). String match "x" at ARGS:q. [file "..."] [line "14"] [id "1234001"] [msg "..."] ...`.
 * The sentence holds what the client wrote, unescaped but for control characters, so only the groups at the end count: the run
 * that begins with the last ` [file "` and reaches the end. Inside the groups ModSecurity 2.9 escapes quotes (apache2/msc_util.c
 * log_escape). libmodsecurity does not (src/rule_message.cc _details): there a client can make the groups unreadable, and then
 * the id behind the first `[file` counts, which he can write too; it is no more than the number of a rule.
 * @returns `null` when no rule is named, as of errors of the engine itself
 */
export function parseWafMessage(text: string): WafMessage | null {
  if (text.length > MAX_MESSAGE) return null;
  const trimmed = text.trimEnd();
  const fileAt = trimmed.lastIndexOf(' [file "');
  const groups = readGroups(trimmed, fileAt) ?? readUnescaped(trimmed);
  const id = groups?.find(([key]) => key === "id")?.[1] ?? "";
  if (groups === null || !/^\d{1,10}$/.test(id)) return null;
  const groupOf = (key: string): string | null => groups.find(([name]) => name === key)?.[1] ?? null;
  const tags = groups.filter(([key]) => key === "tag").map(([, value]) => value.slice(0, 64));
  const sentence = trimmed.slice(0, fileAt);
  return {
    rule: {
      id,
      message: (groupOf("msg") ?? "").slice(0, 200),
      severity: severityOf(groupOf("severity") ?? ""),
      tags: tags.slice(0, MAX_TAGS),
      matchedVar: matchedVarOf(sentence, groupOf("data") ?? ""),
    },
    isDenial: /^(?:\[client \S{1,64}\] )?(?:ModSecurity: )?Access denied\b/.test(sentence),
    uniqueId: groupOf("unique_id"),
  };
}

/** Of ModSecurity 2.9 a name, of libmodsecurity a number. */
export function severityOf(text: string): WafSeverity | null {
  const name = /^[0-7]$/.test(text) ? WAF_SEVERITIES[Number(text)] : text.toLowerCase();
  return WAF_SEVERITIES.find((one) => one === name) ?? null;
}

/** The variable's name: behind the last "at" of the sentence (2.9), between the quotes of libmodsecurity, or in the data of the CRS. */
export function matchedVarOf(sentence: string, data: string): string | null {
  const match =
    /against variable `([A-Z_]{2,40}(?::[^'\s]{1,80})?)'/.exec(sentence) ??
    / (?:at|in) ([A-Z_]{2,40}(?::[^\s"]{1,80})?)\.?$/.exec(sentence.trimEnd()) ??
    / found within ([A-Z_]{2,40}(?::[^\s"]{1,80}?)?): /.exec(data);
  return match?.[1]?.replace(/\.$/, "").slice(0, 80) ?? null;
}

/** The groups from `at` to the end of the text; `null` when they are broken. */
function readGroups(text: string, at: number): [string, string][] | null {
  if (at === -1) return null;
  const group = / \[(\w{1,20}) "((?:[^"\\]|\\.)*)"\]/y;
  group.lastIndex = at;
  const groups: [string, string][] = [];
  while (group.lastIndex < text.length) {
    const match = group.exec(text);
    if (match === null) return null;
    groups.push([match[1] ?? "", match[2] ?? ""]);
  }
  return groups;
}

function readUnescaped(text: string): [string, string][] | null {
  const head =
    / \[file "[^"]{0,1000}"\] \[line "\d{1,9}"\] \[id "(\d{1,10})"\] \[rev "[^"]{0,64}"\] \[msg "([^"]{0,500})"\]/.exec(
      text,
    );
  if (head === null) return null;
  const severity = /"\] \[severity "([0-7])"\] \[ver "/.exec(text.slice(head.index))?.[1] ?? "";
  return [
    ["id", head[1] ?? ""],
    ["msg", head[2] ?? ""],
    ["severity", severity],
  ];
}
