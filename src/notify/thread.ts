/** One incident as a thread of messages: what is known of its alerts, what was told, what is news. Pure. */
import { graverOf, isGraver } from "#src/lib/severity-order.ts";
import type { AlertState } from "#src/model/alert.ts";
import type { Severity } from "#src/model/severity.ts";
import type { AlertExcerpt, Headline, IncidentMessage, NewsType, NotifyEvent, SummaryLine } from "./message.ts";
import { countAlerts, emptyPending, type Pending, urgency, withoutAlert } from "./pending.ts";

/** How long alerts of one incident are collected, so that one cause is one message. */
export const GROUPING_MS = 2000;

const MAX_KNOWN = 100;
const DAY_MS = 86_400_000;
// A thread that goes on and on: after so many updates the time between two doubles, up to a day.
const STEADY_UPDATES = 4;

/** An alert that was news once. */
export interface KnownAlert {
  readonly id: string;
  readonly severity: Severity;
  readonly state: AlertState;
}

/** What was told of a thread in messages of its own. */
export interface Told {
  readonly messages: number;
  readonly severity: Severity;
  readonly isSettled: boolean;
  readonly headline: Headline;
  readonly firstId: string;
  readonly lastId: string;
}

/** An incident, as it is saved. */
export interface Thread {
  readonly incident: string;
  readonly startedAtUnixMs: number;
  /** Highest of its alerts. */
  readonly severity: Severity;
  /** At most 100. */
  readonly known: readonly KnownAlert[];
  /** How many more there are; they count as open. */
  readonly unlisted: number;
  readonly told: Told | null;
  /** When it was last told, also by a summary; `null` before. */
  readonly toldAtUnixMs: number | null;
  readonly pending: Pending | null;
  /** Its news is part of the summary that waits for the hourly limit. */
  readonly isHeldBack: boolean;
}

/** A thread of which nothing is known. */
export function newThread(incident: string, startedAtUnixMs: number): Thread {
  return {
    incident,
    startedAtUnixMs,
    severity: "low",
    known: [],
    unlisted: 0,
    told: null,
    toldAtUnixMs: null,
    pending: null,
    isHeldBack: false,
  };
}

/** What an event is to its thread; `null`: nothing that is not known. */
export function newsOf(thread: Thread, event: NotifyEvent, alert: AlertExcerpt): NewsType | null {
  const known = thread.known.find(({ id }) => id === alert.id);
  if (known === undefined) return newsOfUnknown(thread, event, alert);
  const state = event.type === "closed" || event.type === "accepted" ? event.type : alert.state;
  if (state !== "open") return state === known.state || known.state === "accepted" ? null : state;
  if (known.state !== "open") return "again";
  if (isGraver(alert.severity, known.severity)) return "raised";
  // The judge calls it an update when the thing has changed once more: an attack may follow an innocent change that nobody accepted.
  return event.type === "update" ? "again" : null;
}

function newsOfUnknown(thread: Thread, { type }: NotifyEvent, alert: AlertExcerpt): NewsType | null {
  if (type === "closed" || type === "accepted") return null;
  // Of what lies beyond the list it cannot be said whether it was told: an update is news only if it is graver than all.
  const isBeyondList = (type === "update" || type === "repeat") && thread.unlisted > 0;
  return isBeyondList && !isGraver(alert.severity, thread.severity) ? null : "new";
}

/** The thread with what an event taught. */
export function learn(thread: Thread, alert: AlertExcerpt, news: NewsType): Thread {
  const state = news === "closed" || news === "accepted" ? news : alert.state;
  const known: KnownAlert = { id: alert.id, severity: alert.severity, state };
  const severity = graverOf(thread.severity, alert.severity);
  if (thread.known.some(({ id }) => id === alert.id)) {
    return { ...thread, severity, known: thread.known.map((one) => (one.id === alert.id ? known : one)) };
  }
  if (thread.known.length >= MAX_KNOWN) return { ...thread, severity, unlisted: thread.unlisted + 1 };
  return { ...thread, severity, known: [...thread.known, known] };
}

/** The thread after one of its alerts was accepted: it is no news any more. */
export function forgetNews(thread: Thread, id: string): Thread {
  if (thread.pending === null) return thread;
  const pending = withoutAlert(thread.pending, id);
  return { ...thread, pending: countAlerts(pending) === 0 ? null : pending };
}

/** Alerts of the thread by state. */
export function countStates({ known, unlisted }: Thread): Record<AlertState, number> {
  const count = (wanted: AlertState): number => known.filter(({ state }) => state === wanted).length;
  return { open: count("open") + unlisted, accepted: count("accepted"), closed: count("closed") };
}

/** Whether nothing of the thread is open. */
export function isSettled(thread: Thread): boolean {
  return countStates(thread).open === 0;
}

/** Whether what is pending is worth a message: an alert, or that the told incident is over. */
export function hasNews(thread: Thread): boolean {
  if (thread.pending === null) return false;
  return countAlerts(thread.pending) > 0 || (thread.told !== null && !thread.told.isSettled && isSettled(thread));
}

/** When what is pending must go out; `null` when nothing is. */
export function dueAtUnixMs(thread: Thread, updateEveryMs: number): number | null {
  if (thread.pending === null) return null;
  const groupedAtUnixMs = thread.pending.sinceUnixMs + GROUPING_MS;
  if (thread.toldAtUnixMs === null) return groupedAtUnixMs;
  return Math.max(groupedAtUnixMs, thread.toldAtUnixMs + pauseMs(thread, updateEveryMs));
}

function pauseMs({ told, severity }: Thread, updateEveryMs: number): number {
  const updates = told === null || isGraver(severity, told.severity) ? 0 : told.messages - 1;
  const doublings = Math.max(0, updates - STEADY_UPDATES);
  return Math.max(updateEveryMs, Math.min(DAY_MS, updateEveryMs * 2 ** doublings));
}

/** The message of what is pending. */
export function messageOf(thread: Thread, nowUnixMs: number): IncidentMessage {
  const { incident, told, severity } = thread;
  const pending = thread.pending ?? emptyPending(nowUnixMs);
  return {
    type: told === null ? "incident" : "update",
    id: `${incident}-${thread.startedAtUnixMs.toString(36)}-${told?.messages ?? 0}`,
    atUnixMs: nowUnixMs,
    incident,
    severity,
    severityBefore: told !== null && isGraver(severity, told.severity) ? told.severity : null,
    headline: told?.headline ?? headlineOf(thread, pending),
    previousIds: told === null ? [] : [...new Set([told.firstId, told.lastId])],
    lead: pending.lead,
    others: pending.others,
    more: pending.more,
    states: countStates(thread),
    isSettled: isSettled(thread) && told?.isSettled !== true,
  };
}

function headlineOf({ severity }: Thread, { lead, others }: Pending): Headline {
  const first = lead ?? others[0];
  return { severity, kind: first?.kind ?? "", about: first?.about ?? "" };
}

/** The thread after `message` was made of it. */
export function afterMessage(thread: Thread, message: IncidentMessage): Thread {
  const told: Told = {
    messages: (thread.told?.messages ?? 0) + 1,
    severity: thread.severity,
    isSettled: isSettled(thread),
    headline: message.headline,
    firstId: thread.told?.firstId ?? message.id,
    lastId: message.id,
  };
  return { ...thread, told, toldAtUnixMs: message.atUnixMs, pending: null };
}

/** The thread after a summary told that it is there. */
export function afterSummary(thread: Thread, nowUnixMs: number): Thread {
  const told =
    thread.told === null ? null : { ...thread.told, severity: thread.severity, isSettled: isSettled(thread) };
  return { ...thread, told, toldAtUnixMs: nowUnixMs, isHeldBack: false };
}

/** The thread's line in a summary. */
export function summaryLineOf(thread: Thread): SummaryLine {
  const pending = thread.pending ?? emptyPending(0);
  const { kind, about } = thread.told?.headline ?? headlineOf(thread, pending);
  const note = isSettled(thread) ? ", closed" : "";
  const text = `${thread.incident} ${kind} ${about}${note}`;
  return { key: thread.incident, severity: urgency(pending), text, alerts: countAlerts(pending) };
}
