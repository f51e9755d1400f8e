/**
 * cPanel's /var/cpanel/resellers: one line per reseller, `name:acl,acl`. The ACL `all` is root. Plug-ins append their own ACL
 * lawfully (`software-NAME`), so the set of each reseller is compared, not the bytes.
 */
import type { Change, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

const MAX_RESELLERS = 10_000;
// ACLs that lead to root or to every account without being called `all`.
const FAR_REACHING = new Set([
  "edit-account",
  "create-acct",
  "kill-acct",
  "rearrange-accts",
  "passwd",
  "clustering",
  "resftp",
  "manage-api-tokens",
]);

/** ACLs by reseller. Lines that are no `name:acl,...` are passed over; of equal names the ACLs add up. */
export function parseResellers(text: string): Map<string, Set<string>> {
  const resellers = new Map<string, Set<string>>();
  for (const line of text.split("\n").slice(0, MAX_RESELLERS)) {
    const match = /^([^:#\s][^:]{0,255}):(.*)$/.exec(line.trim());
    if (match === null) continue;
    const acls = (match[2] ?? "").split(",").map((acl) => acl.trim());
    const known = resellers.get(match[1]!) ?? new Set();
    resellers.set(match[1]!, new Set([...known, ...acls.filter(Boolean)]));
  }
  return resellers;
}

/** @returns one verdict per reseller that gained an ACL; `null` when none did, or the text is not there to compare */
export function judgeResellers(change: Change): readonly Verdict[] | null {
  const before = textOf(change.before);
  const now = textOf(change.observation.facts);
  if (before === null || now === null) return null;
  const known = parseResellers(before);
  const verdicts = [...parseResellers(now)].flatMap(([name, acls]) => {
    const gained = [...acls].filter((acl) => !known.get(name)?.has(acl));
    return gained.length === 0 ? [] : [verdict(name, gained, known.get(name), acls)];
  });
  return verdicts.length === 0 ? null : verdicts;
}

function verdict(
  name: string,
  gained: string[],
  before: ReadonlySet<string> | undefined,
  now: ReadonlySet<string>,
): Verdict {
  const isRoot = gained.includes("all");
  return {
    kind: "reseller.privilege",
    severity: severityOf(gained),
    ordinary:
      before === undefined
        ? `${name} is no reseller`
        : `reseller ${name} has ${before.size === 0 ? "no ACL" : [...before].join(", ")}`,
    observed: isRoot ? `reseller ${name} was given root (ACL all)` : `reseller ${name} was given ${gained.join(", ")}`,
    evidence: { reseller: name, gained, before: before === undefined ? null : [...before], now: [...now] },
    next: ["grep -n . /var/cpanel/resellers", "tail -n 50 /var/cpanel/accounting.log"],
    attack: ["T1098"],
  };
}

function severityOf(gained: readonly string[]): Severity {
  if (gained.includes("all")) return "critical";
  if (gained.every((acl) => acl.startsWith("software-"))) return "low";
  return gained.some((acl) => FAR_REACHING.has(acl)) ? "high" : "medium";
}

/** The text of a record; an absent file is an empty one. */
function textOf(record: JsonObject | null): string | null {
  if (record === null) return "";
  return typeof record["text"] === "string" ? record["text"] : null;
}
