import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { type Checked, integer, nullable, number, object, oneOf, text } from "#src/wire/check.ts";

const COUNT = integer(0);

const checkGroup = object({
  item: oneOf(["group"]),
  by: oneOf(["rule", "site", "address"]),
  key: text(1024),
  hits: COUNT,
  stopped: COUNT,
  rules: COUNT,
  sites: COUNT,
  addresses: COUNT,
  severity: nullable(text(32)),
  highestScore: nullable(number),
  firstAt: text(32),
  lastAt: text(32),
});

const checkCandidate = object({
  item: oneOf(["candidate"]),
  ruleId: text(64),
  site: text(1024),
  path: text(4096),
  hits: COUNT,
  stopped: COUNT,
  addresses: COUNT,
  behaving: COUNT,
  loggedIn: COUNT,
  matchedVar: nullable(text(1024)),
  confidence: oneOf(["likely", "possible"]),
  reason: text(4096),
  suggestion: nullable(text(8192)),
});

/** Options of `garrison waf hits`. */
export interface WafHitsOptions {
  readonly by: "rule" | "site" | "address" | "false-positive";
  readonly last: number;
}

/** `garrison waf hits` */
export async function wafHits({ folders, output }: Context, { by, last }: WafHitsOptions): Promise<void> {
  const items = await askAll(folders.socket, { t: "waf-hits", by, sinceMs: last });
  if (by === "false-positive") {
    for (const item of items) {
      const candidate = checkCandidate(item, "candidate");
      if (output.isJson) output.json(candidate);
      else for (const line of candidateLines(candidate)) output.line(output.clean(line, 2000));
    }
    if (items.length === 0 && !output.isJson) output.line("no candidates");
    return;
  }
  for (const item of items) {
    const group = checkGroup(item, "group");
    if (output.isJson) output.json(group);
    else output.line(groupLine(group, output.clean(group.key, 200)));
  }
  if (items.length === 0 && !output.isJson) output.line("no hits");
}

function groupLine(group: Checked<typeof checkGroup>, key: string): string {
  const { by, hits, stopped, rules, sites, addresses, severity, lastAt } = group;
  const others = [
    ...(by === "rule" ? [] : [`${rules} rules`]),
    ...(by === "site" ? [] : [`${sites} sites`]),
    ...(by === "address" ? [] : [`${addresses} addresses`]),
  ];
  const last = lastAt.slice(0, 16).replace("T", " ");
  return `${key.padEnd(26)} ${hits} hits, ${stopped} stopped, ${others.join(", ")}${severity === null ? "" : `, ${severity}`}, last ${last}`;
}

function candidateLines({
  ruleId,
  site,
  path,
  confidence,
  reason,
  suggestion,
}: Checked<typeof checkCandidate>): string[] {
  const advice = suggestion === null ? [] : suggestion.split("\n").map((line) => `    ${line}`);
  return [`${ruleId} at ${site}${path} (${confidence})`, `  ${reason}`, ...advice];
}
