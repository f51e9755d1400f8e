/** The state of all threads while one step works on it, and the moves that its parts share. */
import { SEVERITIES, type Severity } from "#src/model/severity.ts";
import { lastHour, ordinaryLimit, roomAtUnixMs, type SentTimes } from "./budget.ts";
import type { Digest } from "./digest.ts";
import type { Message } from "./message.ts";
import type { NotifyOptions } from "./options.ts";
import { type HeldBack, holdBack } from "./summary.ts";
import { summaryLineOf, type Thread } from "./thread.ts";

/** How often may be told. */
export type ThreadOptions = Pick<NotifyOptions, "immediateFrom" | "digestEveryMs" | "updateEveryMs" | "maxPerHour">;

/** All that is known; survives JSON. At most 1,000 threads, the longest quiet first. */
export interface ThreadsState {
  /** When it was made: shows a clock that was set back. */
  readonly atUnixMs: number;
  readonly threads: readonly Thread[];
  readonly digest: Digest;
  readonly heldBack: HeldBack;
  readonly sent: SentTimes;
  /** Number of lines, digests and summaries ever made, for their ids. */
  readonly serial: number;
}

/** The same, to be changed. */
export interface Draft {
  readonly options: ThreadOptions;
  readonly nowUnixMs: number;
  readonly threads: Map<string, Thread>;
  /** What this step sends. */
  readonly messages: Message[];
  digest: Digest;
  heldBack: HeldBack;
  sent: SentTimes;
  serial: number;
}

/** A draft of the state. When the clock was set back, every remembered instant is moved into the past: what is due follows from them. */
export function openDraft(state: ThreadsState, options: ThreadOptions, nowUnixMs: number): Draft {
  const base = state.atUnixMs > nowUnixMs ? rebase(state, nowUnixMs) : state;
  const threads = new Map(base.threads.map((thread) => [thread.incident, thread]));
  const { digest, heldBack, serial } = base;
  return { options, nowUnixMs, threads, messages: [], digest, heldBack, sent: lastHour(base.sent, nowUnixMs), serial };
}

/** The state of a draft. */
export function closeDraft({ nowUnixMs, threads, digest, heldBack, sent, serial }: Draft): ThreadsState {
  return { atUnixMs: nowUnixMs, threads: [...threads.values()], digest, heldBack, sent, serial };
}

/** Puts a thread back as the one that was last heard of. */
export function put(draft: Draft, thread: Thread): void {
  draft.threads.delete(thread.incident);
  draft.threads.set(thread.incident, thread);
}

/** Moves what is pending of a thread into the waiting summary. */
export function hold(draft: Draft, thread: Thread): void {
  const options = { isCounted: thread.isHeldBack, nowUnixMs: draft.nowUnixMs };
  draft.heldBack = holdBack(draft.heldBack, summaryLineOf(thread), options);
  draft.threads.set(thread.incident, { ...thread, pending: null, isHeldBack: true });
}

/** Sends a message now, which counts against the hourly limit. */
export function send(draft: Draft, message: Message): void {
  draft.messages.push(message);
  draft.sent = [...draft.sent, draft.nowUnixMs];
}

/** When the hourly limit lets a message of this severity through: now or later. */
export function roomFor({ sent, options, nowUnixMs }: Draft, severity: Severity): number {
  const limit = severity === SEVERITIES.at(-1) ? options.maxPerHour : ordinaryLimit(options.maxPerHour);
  return roomAtUnixMs(sent, limit, nowUnixMs);
}

/** An id that no other line, digest or summary of this host has. */
export function nextId(draft: Draft, name: string): string {
  draft.serial++;
  return `${name}-${draft.nowUnixMs.toString(36)}-${draft.serial}`;
}

function rebase(state: ThreadsState, nowUnixMs: number): ThreadsState {
  const past = (atUnixMs: number): number => Math.min(atUnixMs, nowUnixMs);
  const pastOrNull = (atUnixMs: number | null): number | null => (atUnixMs === null ? null : past(atUnixMs));
  return {
    ...state,
    digest: { ...state.digest, sinceUnixMs: pastOrNull(state.digest.sinceUnixMs) },
    heldBack: { ...state.heldBack, sinceUnixMs: pastOrNull(state.heldBack.sinceUnixMs) },
    sent: state.sent.map(past),
    threads: state.threads.map((thread) => ({
      ...thread,
      toldAtUnixMs: pastOrNull(thread.toldAtUnixMs),
      pending: thread.pending && { ...thread.pending, sinceUnixMs: past(thread.pending.sinceUnixMs) },
    })),
  };
}
