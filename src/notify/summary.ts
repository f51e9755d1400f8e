/** One message in place of many: what the hourly limit held back, and what piled up while a channel was down. Pure. */
import { graverOf, isGraver, severityRank } from "#src/lib/severity-order.ts";
import { unreachable } from "#src/lib/unreachable.ts";
import type { Severity } from "#src/model/severity.ts";
import type { Message, SummaryLine, SummaryMessage } from "./message.ts";

const MAX_LINES = 50;

/** What the hourly limit held back, as it is saved. */
export interface HeldBack {
  /** When the first of it was held back; `null` while there is nothing. */
  readonly sinceUnixMs: number | null;
  readonly severity: Severity;
  /** Incidents. */
  readonly count: number;
  readonly alerts: number;
  readonly lines: readonly SummaryLine[];
}

/** Nothing is held back. */
export const NOTHING_HELD: HeldBack = { sinceUnixMs: null, severity: "low", count: 0, alerts: 0, lines: [] };

/** What is held back with `line`, which is news of an incident that is counted already or not. */
export function holdBack(
  held: HeldBack,
  line: SummaryLine,
  options: { readonly isCounted: boolean; readonly nowUnixMs: number },
): HeldBack {
  return {
    sinceUnixMs: held.sinceUnixMs ?? options.nowUnixMs,
    severity: graverOf(held.severity, line.severity),
    count: held.count + (options.isCounted ? 0 : 1),
    alerts: held.alerts + line.alerts,
    lines: addLine(held.lines, line),
  };
}

/** The message of what is held back. */
export function heldBackMessage(held: HeldBack, id: string, nowUnixMs: number): SummaryMessage {
  const sinceUnixMs = held.sinceUnixMs ?? nowUnixMs;
  return { ...held, type: "summary", id, atUnixMs: nowUnixMs, sinceUnixMs, reason: "limit" };
}

/** Puts a message into an earlier one, because both wait for a channel that is down. */
export function mergeMessages(earlier: Message, later: Message): SummaryMessage {
  const base = outageOf(earlier);
  const added = outageOf(later);
  return {
    ...base,
    severity: graverOf(base.severity, added.severity),
    count: base.count + added.count,
    alerts: base.alerts + added.alerts,
    lines: added.lines.reduce(addLine, base.lines),
  };
}

/** A summary of one message, or the message itself when it is such a summary. */
function outageOf(message: Message): SummaryMessage {
  if (message.type === "summary" && message.reason === "outage") return message;
  const { id, atUnixMs } = message;
  const lines = linesOf(message);
  return {
    type: "summary",
    id: `late-${id}`,
    atUnixMs,
    sinceUnixMs: atUnixMs,
    reason: "outage",
    severity: lines.map(({ severity }) => severity).reduce(graverOf, "low"),
    count: 1,
    alerts: message.type === "summary" ? message.alerts : lines.reduce((sum, { alerts }) => sum + alerts, 0),
    lines,
  };
}

function linesOf(message: Message): readonly SummaryLine[] {
  switch (message.type) {
    case "incident":
    case "update": {
      const alerts = (message.lead === null ? 0 : 1) + message.others.length + message.more;
      const text = `${message.incident} ${message.headline.kind} ${message.headline.about}`;
      return [{ key: message.incident, severity: message.severity, text, alerts }];
    }
    case "digest":
      return message.groups.map(({ kind, count }) => ({
        key: `${message.id} ${kind}`,
        severity: "low",
        text: `digest of ${kind}`,
        alerts: count,
      }));
    case "summary":
      return message.lines;
    case "line": {
      const { incident, severity, kind, about } = message.alert;
      return [
        { key: incident, severity, text: `${incident} ${kind} ${about}`, alerts: message.news === "new" ? 1 : 0 },
      ];
    }
    case "test":
      return [{ key: message.id, severity: "low", text: "test", alerts: 0 }];
    default:
      return unreachable(message);
  }
}

/** At most 50 lines, the gravest; among equals the earliest. */
function addLine(lines: readonly SummaryLine[], line: SummaryLine): readonly SummaryLine[] {
  const isThere = lines.some(({ key }) => key === line.key);
  const all = isThere ? lines.map((one) => (one.key === line.key ? mergeLines(one, line) : one)) : [...lines, line];
  if (all.length <= MAX_LINES) return all;
  return all.toSorted((one, other) => severityRank(other.severity) - severityRank(one.severity)).slice(0, MAX_LINES);
}

function mergeLines(earlier: SummaryLine, later: SummaryLine): SummaryLine {
  const graver = isGraver(later.severity, earlier.severity) ? later : earlier;
  return { ...graver, alerts: earlier.alerts + later.alerts };
}
