/**
 * Decides what is told when: one cause is one message, then updates in the same thread, a digest for the rest, and one
 * summary for what the hourly limit held back. A pure state machine: no clock, no I/O.
 */
import { severityRank } from "#src/lib/severity-order.ts";
import { digestMessage, EMPTY_DIGEST } from "./digest.ts";
import {
  closeDraft,
  type Draft,
  hold,
  nextId,
  openDraft,
  roomFor,
  send,
  type ThreadOptions,
  type ThreadsState,
} from "./draft.ts";
import type { LineMessage, Message, NotifyEvent } from "./message.ts";
import { urgency } from "./pending.ts";
import { heldBackMessage, NOTHING_HELD } from "./summary.ts";
import { takeEvent } from "./take-event.ts";
import { afterMessage, afterSummary, dueAtUnixMs, GROUPING_MS, hasNews, messageOf, type Thread } from "./thread.ts";

const MAX_THREADS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

/** Nothing is known. */
export const NO_THREADS: ThreadsState = {
  atUnixMs: 0,
  threads: [],
  digest: EMPTY_DIGEST,
  heldBack: NOTHING_HELD,
  sent: [],
  serial: 0,
};

/** What happened since the last step; no events when only time went by. */
export interface StepInput {
  readonly events: readonly NotifyEvent[];
  readonly options: ThreadOptions;
}

/** What is to be done. */
export interface StepResult {
  readonly state: ThreadsState;
  /** To be sent now. */
  readonly messages: readonly Message[];
  /** What was not known before, a line each for syslog. */
  readonly lines: readonly LineMessage[];
  /** When to step again without an event; `null`: nothing waits. Always later than now. */
  readonly nextAtUnixMs: number | null;
}

/**
 * Takes what happened and gives what to send. Alerts of a drill are never told.
 * @param nowUnixMs Unix milliseconds; a clock that was set back delays messages, it never loses or doubles them
 */
export function step(state: ThreadsState, { events, options }: StepInput, nowUnixMs: number): StepResult {
  const draft = openDraft(state, options, nowUnixMs);
  const lines = events.flatMap((event) => takeEvent(draft, event));
  forgetQuiet(draft);
  sendSummary(draft);
  sendThreads(draft);
  sendDigest(draft);
  return { state: closeDraft(draft), messages: draft.messages, lines, nextAtUnixMs: nextAtUnixMs(draft) };
}

/** Forgets threads beyond the bound: the longest quiet first. News that was not told stays, at least in the summary. */
function forgetQuiet(draft: Draft): void {
  const { threads } = draft;
  while (threads.size > MAX_THREADS) {
    const quiet = threads.values().find(({ pending, isHeldBack }) => pending === null && !isHeldBack);
    // There are always some that are not pending: at most 200 are.
    const oldest = quiet ?? threads.values().find(({ pending }) => pending === null);
    if (oldest === undefined) return;
    threads.delete(oldest.incident);
  }
}

function sendSummary(draft: Draft): void {
  if (summaryAtUnixMs(draft) > draft.nowUnixMs) return;
  send(draft, heldBackMessage(draft.heldBack, nextId(draft, "summary"), draft.nowUnixMs));
  draft.heldBack = NOTHING_HELD;
  for (const thread of [...draft.threads.values()]) {
    if (thread.isHeldBack) draft.threads.set(thread.incident, afterSummary(thread, draft.nowUnixMs));
  }
}

function summaryAtUnixMs(draft: Draft): number {
  const { sinceUnixMs, severity } = draft.heldBack;
  return sinceUnixMs === null ? NEVER : Math.max(sinceUnixMs + GROUPING_MS, roomFor(draft, severity));
}

/** Sends what is due, the gravest first; what finds no room goes into the summary. */
function sendThreads(draft: Draft): void {
  const due = [...draft.threads.values()].filter((thread) => threadAtUnixMs(draft, thread) <= draft.nowUnixMs);
  const rank = ({ pending }: Thread): number => (pending === null ? 0 : severityRank(urgency(pending)));
  for (const thread of due.toSorted((one, other) => rank(other) - rank(one))) {
    if (thread.pending === null) continue;
    if (!hasNews(thread)) draft.threads.set(thread.incident, { ...thread, pending: null });
    else if (roomFor(draft, urgency(thread.pending)) <= draft.nowUnixMs) sendThread(draft, thread);
    else hold(draft, thread);
  }
}

function sendThread(draft: Draft, thread: Thread): void {
  const message = messageOf(thread, draft.nowUnixMs);
  draft.threads.set(thread.incident, afterMessage(thread, message));
  send(draft, message);
}

function threadAtUnixMs({ options }: Draft, thread: Thread): number {
  return dueAtUnixMs(thread, options.updateEveryMs) ?? NEVER;
}

function sendDigest(draft: Draft): void {
  if (digestAtUnixMs(draft) > draft.nowUnixMs) return;
  send(draft, digestMessage(draft.digest, nextId(draft, "digest"), draft.nowUnixMs));
  draft.digest = EMPTY_DIGEST;
}

function digestAtUnixMs(draft: Draft): number {
  const { sinceUnixMs } = draft.digest;
  return sinceUnixMs === null ? NEVER : Math.max(sinceUnixMs + draft.options.digestEveryMs, roomFor(draft, "low"));
}

function nextAtUnixMs(draft: Draft): number | null {
  const threads = [...draft.threads.values()].map((thread) => threadAtUnixMs(draft, thread));
  const next = Math.min(summaryAtUnixMs(draft), digestAtUnixMs(draft), ...threads);
  return next === NEVER ? null : next;
}
