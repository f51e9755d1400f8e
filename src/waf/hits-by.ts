/** What the stored hits of the WAF add up to, for `garrison waf hits`. Pure. */
import { unreachable } from "#src/lib/unreachable.ts";
import { parseWafDetail, rankOf, type WafDetail } from "./detail.ts";
import type { WafSeverity } from "./entry.ts";

/** A hit as it is stored. */
export interface StoredWafHit {
  readonly atUnixMs: number;
  readonly address: string | null;
  readonly site: string | null;
  /** See detail.ts. A hit whose detail is of another form is passed over. */
  readonly detail: string;
}

/** What hits are put together by. */
export const WAF_GROUPINGS = ["rule", "site", "address"] as const;
export type WafGrouping = (typeof WAF_GROUPINGS)[number];

/** One row of the table. */
export interface WafHitGroup {
  /** Rule id, site or address; `"-"` where the log names none. */
  readonly key: string;
  readonly hits: number;
  /** How many of them were stopped. */
  readonly stopped: number;
  /** How many different ones. */
  readonly rules: number;
  readonly sites: number;
  readonly addresses: number;
  readonly severity: WafSeverity | null;
  readonly highestScore: number | null;
  readonly firstUnixMs: number;
  readonly lastUnixMs: number;
}

interface Sum {
  hits: number;
  stopped: number;
  readonly rules: Set<string>;
  readonly sites: Set<string>;
  readonly addresses: Set<string>;
  severity: WafSeverity | null;
  highestScore: number | null;
  firstUnixMs: number;
  lastUnixMs: number;
}

/** Groups with most hits first. A hit of several rules counts once for each of them when grouped by rule. */
export function hitsBy(hits: Iterable<StoredWafHit>, by: WafGrouping): WafHitGroup[] {
  const sums = new Map<string, Sum>();
  for (const hit of hits) {
    const detail = parseWafDetail(hit.detail);
    if (detail === null) continue;
    for (const key of keysOf(hit, detail, by)) {
      const sum = sums.get(key) ?? emptySum();
      sums.set(key, sum);
      add(sum, hit, detail);
    }
  }
  const groups = [...sums].map(([key, sum]) => ({
    ...sum,
    key,
    rules: sum.rules.size,
    sites: sum.sites.size,
    addresses: sum.addresses.size,
  }));
  return groups.sort((a, b) => b.hits - a.hits || (a.key < b.key ? -1 : 1));
}

function keysOf(hit: StoredWafHit, detail: WafDetail, by: WafGrouping): readonly string[] {
  switch (by) {
    case "rule":
      return detail.rules.length === 0 ? ["-"] : detail.rules;
    case "site":
      return [hit.site ?? "-"];
    case "address":
      return [hit.address ?? "-"];
    default:
      return unreachable(by);
  }
}

function emptySum(): Sum {
  return {
    hits: 0,
    stopped: 0,
    rules: new Set(),
    sites: new Set(),
    addresses: new Set(),
    severity: null,
    highestScore: null,
    firstUnixMs: Number.POSITIVE_INFINITY,
    lastUnixMs: Number.NEGATIVE_INFINITY,
  };
}

function add(sum: Sum, hit: StoredWafHit, detail: WafDetail): void {
  sum.hits++;
  if (detail.isIntercepted) sum.stopped++;
  for (const rule of detail.rules) sum.rules.add(rule);
  if (hit.site !== null) sum.sites.add(hit.site);
  if (hit.address !== null) sum.addresses.add(hit.address);
  if (rankOf(detail.severity) < rankOf(sum.severity)) sum.severity = detail.severity;
  if (detail.score !== null) sum.highestScore = Math.max(sum.highestScore ?? 0, detail.score);
  sum.firstUnixMs = Math.min(sum.firstUnixMs, hit.atUnixMs);
  sum.lastUnixMs = Math.max(sum.lastUnixMs, hit.atUnixMs);
}
