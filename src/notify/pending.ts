/** News of one incident that waits to be told: the gravest alert in full, the others as lines. Pure. */
import { graverOf, isGraver } from "#src/lib/severity-order.ts";
import type { Severity } from "#src/model/severity.ts";
import { lineOf } from "./excerpt.ts";
import type { AlertExcerpt, AlertLine } from "./message.ts";

const MAX_OTHERS = 20;

/** As it is saved. */
export interface Pending {
  readonly sinceUnixMs: number;
  readonly lead: AlertExcerpt | null;
  /** At most 20. */
  readonly others: readonly AlertLine[];
  /** How many more there are. */
  readonly more: number;
}

/** No news since `sinceUnixMs`. */
export function emptyPending(sinceUnixMs: number): Pending {
  return { sinceUnixMs, lead: null, others: [], more: 0 };
}

/** The news with one more alert. The gravest leads; among equals the first, because it is the cause. */
export function addAlert(pending: Pending, alert: AlertExcerpt): Pending {
  const rest = withoutAlert(pending, alert.id);
  if (rest.lead === null) return { ...rest, lead: alert };
  if (!isGraver(alert.severity, rest.lead.severity)) return addLines(rest, [lineOf(alert)]);
  return { ...addLines(rest, [lineOf(rest.lead)]), lead: alert };
}

/** The news with more lines, such as those that waited for a digest. */
export function addLines(pending: Pending, lines: readonly AlertLine[]): Pending {
  const others = [...pending.others, ...lines];
  const beyond = Math.max(0, others.length - MAX_OTHERS);
  return { ...pending, others: others.slice(0, MAX_OTHERS), more: pending.more + beyond };
}

/** The news with the latest count and state of an alert, if it leads. */
export function refreshLead(pending: Pending, alert: AlertExcerpt): Pending {
  return pending.lead?.id === alert.id ? { ...pending, lead: alert } : pending;
}

/** The news without an alert, because it was accepted. */
export function withoutAlert(pending: Pending, id: string): Pending {
  return {
    ...pending,
    lead: pending.lead?.id === id ? null : pending.lead,
    others: pending.others.filter((line) => line.id !== id),
  };
}

/** How many alerts are news. */
export function countAlerts({ lead, others, more }: Pending): number {
  return (lead === null ? 0 : 1) + others.length + more;
}

/** The highest severity among the news that is kept; `low` when only states changed. */
export function urgency({ lead, others }: Pending): Severity {
  return others.reduce<Severity>((gravest, { severity }) => graverOf(gravest, severity), lead?.severity ?? "low");
}
