/** What waits for one channel, and when it may be tried again. Pure; saved, so that nothing is lost or told twice. */
import { lastHour, roomAtUnixMs, type SentTimes } from "./budget.ts";
import type { Message } from "./message.ts";
import { mergeMessages } from "./summary.ts";
import type { ChannelName } from "./transport.ts";

const MAX_QUEUE = 200;
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 1_800_000;

/** A channel, as it is saved. */
export interface ChannelState {
  readonly channel: ChannelName;
  /** At most 200, oldest first. */
  readonly queue: readonly Message[];
  readonly sent: SentTimes;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastSuccessUnixMs: number | null;
  readonly lastFailureUnixMs: number | null;
  /** Why it failed last, clean text; `null` when it never did. */
  readonly lastFailure: string | null;
}

/** A channel through which nothing was sent yet. */
export function newChannel(channel: ChannelName): ChannelState {
  return {
    channel,
    queue: [],
    sent: [],
    failures: 0,
    lastSuccessUnixMs: null,
    lastFailureUnixMs: null,
    lastFailure: null,
  };
}

/**
 * The channel with one more message. The queue is no longer than what may be sent within an hour: what is beyond is
 * merged into its last place, so that a channel that comes back tells the first causes and one summary, not all at once.
 */
export function enqueue(channel: ChannelState, message: Message, maxPerHour: number): ChannelState {
  const { queue } = channel;
  const last = queue.at(-1);
  // The first is never merged: it may be on its way.
  const isFull = queue.length >= Math.max(2, Math.min(MAX_QUEUE, maxPerHour));
  if (!isFull || last === undefined) return { ...channel, queue: [...queue, message] };
  return { ...channel, queue: [...queue.slice(0, -1), mergeMessages(last, message)] };
}

/** When the first of the queue may be sent: `nowUnixMs` or later; `null` when nothing waits. */
export function readyAtUnixMs(channel: ChannelState, maxPerHour: number, nowUnixMs: number): number | null {
  if (channel.queue.length === 0) return null;
  return Math.max(retryAtUnixMs(channel) ?? nowUnixMs, roomAtUnixMs(channel.sent, maxPerHour, nowUnixMs));
}

/** When a channel that failed is tried again: 30 s after the first failure, doubling to 30 min. `null`: it did not fail. */
export function retryAtUnixMs({ failures, lastFailureUnixMs }: ChannelState): number | null {
  if (failures === 0 || lastFailureUnixMs === null) return null;
  return lastFailureUnixMs + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
}

/** The channel after its first message was delivered. */
export function afterSuccess(channel: ChannelState, nowUnixMs: number): ChannelState {
  const sent = [...lastHour(channel.sent, nowUnixMs), nowUnixMs];
  return { ...channel, queue: channel.queue.slice(1), sent, failures: 0, lastSuccessUnixMs: nowUnixMs };
}

/** The channel after its first message was not delivered. A refused one goes behind the others, so that it does not block them. */
export function afterFailure(
  channel: ChannelState,
  failure: { readonly text: string; readonly isRefused: boolean; readonly atUnixMs: number },
): ChannelState {
  const { queue } = channel;
  return {
    ...channel,
    queue: failure.isRefused ? [...queue.slice(1), ...queue.slice(0, 1)] : queue,
    failures: channel.failures + 1,
    lastFailureUnixMs: failure.atUnixMs,
    lastFailure: failure.text,
  };
}

/** The channel when the clock was set back: no remembered instant is in the future. */
export function rebaseChannel(channel: ChannelState, nowUnixMs: number): ChannelState {
  const past = (atUnixMs: number | null): number | null => atUnixMs && Math.min(atUnixMs, nowUnixMs);
  return {
    ...channel,
    sent: channel.sent.map((atUnixMs) => Math.min(atUnixMs, nowUnixMs)),
    lastSuccessUnixMs: past(channel.lastSuccessUnixMs),
    lastFailureUnixMs: past(channel.lastFailureUnixMs),
  };
}
