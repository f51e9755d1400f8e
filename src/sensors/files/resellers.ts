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
    const [, name = "", list = ""] = /^([^:#\s][^:]{0,255}):(.*)$/.exec(line.trim()) ?? [];
    if (name === "") continue;
    const acls = list.split(",").map((acl) => acl.trim());
    const known = resellers.get(name.trim()) ?? new Set();
    resellers.set(name.trim(), new Set([...known, ...acls.filter(Boolean)]));
  }
  return resellers;
}

/** Whether a change is one of the resellers file, wherever the panel's tree lies. */
export function isResellerFile({ observation }: Change): boolean {
  return observation.key.endsWith("/var/cpanel/resellers");
}

/**
 * One verdict per reseller that gained an ACL, and one of `judgeFile` on whatever else changed. A text that gives nobody anything
 * (another order, a reseller fewer) is a small matter.
 * @param judgeFile judges the file as any other
 */
export function judgeResellers(change: Change, judgeFile: (change: Change) => Verdict): readonly Verdict[] {
  const before = textOf(change.before);
  const now = textOf(change.observation.facts);
  if (before === null || now === null) return [judgeFile(change)];
  const known = parseResellers(before);
  const gains = [...parseResellers(now)].flatMap(([name, acls]) => {
    const gained = [...acls].filter((acl) => !known.get(name)?.has(acl));
    return gained.length === 0 ? [] : [verdict(name, gained, known.get(name), acls)];
  });
  const others = change.fields.filter((field) => field !== "sha256" && field !== "sizeBytes");
  if (change.type === "changed" && others.length > 0) return [...gains, judgeFile({ ...change, fields: others })];
  return gains.length > 0 ? gains : [{ ...judgeFile(change), severity: change.type === "changed" ? "low" : "medium" }];
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
