/** What an event changes in a draft: which thread it belongs to, whether it is news, and where the news waits. */
import { isGraver } from "#src/lib/severity-order.ts";
import { addAccepted, addToDigest, takeIncident } from "./digest.ts";
import { type Draft, hold, nextId, put } from "./draft.ts";
import { excerptOf, lineOf } from "./excerpt.ts";
import type { AlertExcerpt, LineMessage, NewsType, NotifyEvent } from "./message.ts";
import { addAlert, addLines, emptyPending, refreshLead } from "./pending.ts";
import { holdBack } from "./summary.ts";
import { forgetNews, isSettled, learn, newsOf, newThread, type Thread } from "./thread.ts";

// More incidents than this at once are a summary, not messages: bounds the memory that excerpts take.
const MAX_PENDING = 200;

/** Takes an event and gives its line for syslog, or none when it is no news or comes from a drill. */
export function takeEvent(draft: Draft, event: NotifyEvent): LineMessage[] {
  if (event.alert.drill !== null) return [];
  const alert = excerptOf(event.alert);
  const found = draft.threads.get(alert.incident);
  const thread = found ?? newThread(alert.incident, draft.nowUnixMs);
  const news = newsOf(thread, event, alert);
  if (news === null) {
    if (found !== undefined) put(draft, { ...found, pending: found.pending && refreshLead(found.pending, alert) });
    return [];
  }
  route(draft, learn(thread, alert, news), alert, news);
  return [lineMessage(draft, alert, news)];
}

function lineMessage(draft: Draft, alert: AlertExcerpt, news: NewsType): LineMessage {
  const { who } = alert;
  return {
    type: "line",
    id: nextId(draft, "line"),
    atUnixMs: draft.nowUnixMs,
    news,
    alert: lineOf(alert),
    who: who && { pid: who.pid, uid: who.uid, user: who.user, exe: who.exe },
  };
}

function route(draft: Draft, thread: Thread, alert: AlertExcerpt, news: NewsType): void {
  if (news === "accepted") {
    draft.digest = addAccepted(draft.digest, lineOf(alert), draft.nowUnixMs);
    put(draft, forgetNews(thread, alert.id));
  } else if (news === "closed") {
    put(draft, closeAlert(draft, thread, alert));
  } else if (thread.isHeldBack) {
    holdAlso(draft, thread, alert, news);
  } else if (isImmediate(draft, thread, alert)) {
    addPending(draft, thread, alert);
  } else {
    draft.digest = addToDigest(draft.digest, lineOf(alert), draft.nowUnixMs);
    put(draft, thread);
  }
}

/** That an alert is over is news by itself only when nothing of a told incident is left. */
function closeAlert({ nowUnixMs }: Draft, thread: Thread, alert: AlertExcerpt): Thread {
  if (thread.pending !== null) return { ...thread, pending: refreshLead(thread.pending, alert) };
  const isOver = thread.told !== null && isSettled(thread) && !thread.isHeldBack;
  return isOver ? { ...thread, pending: emptyPending(nowUnixMs) } : thread;
}

function isImmediate({ options }: Draft, thread: Thread, alert: AlertExcerpt): boolean {
  if (thread.told !== null || thread.pending !== null) return true;
  return !isGraver(options.immediateFrom, alert.severity);
}

function addPending(draft: Draft, thread: Thread, alert: AlertExcerpt): void {
  const waiting = takeIncident(draft.digest, thread.incident);
  draft.digest = waiting.digest;
  const isFull = thread.pending === null && countPending(draft) >= MAX_PENDING;
  const earlier = waiting.lines.filter(({ id }) => id !== alert.id);
  const pending = addLines(addAlert(thread.pending ?? emptyPending(draft.nowUnixMs), alert), earlier);
  put(draft, { ...thread, pending });
  if (isFull) hold(draft, { ...thread, pending });
}

function countPending({ threads }: Draft): number {
  return threads.values().reduce((count, { pending }) => count + (pending === null ? 0 : 1), 0);
}

/** More news of a thread whose news is in the waiting summary already. */
function holdAlso(draft: Draft, thread: Thread, alert: AlertExcerpt, news: NewsType): void {
  const text = `${thread.incident} ${alert.kind} ${alert.about}`;
  const line = { key: thread.incident, severity: alert.severity, text, alerts: news === "new" ? 1 : 0 };
  draft.heldBack = holdBack(draft.heldBack, line, { isCounted: true, nowUnixMs: draft.nowUnixMs });
  put(draft, thread);
}
