/** The ways out. Types, and the errors that a delivery ends with. */
import { GarrisonError } from "#src/lib/errors.ts";
import type { Message } from "./message.ts";

/** Ways to tell somebody. */
export type ChannelName = "mail" | "webhook" | "syslog";

/** One way out. It has no retries, no queue and no memory: the notifier has. */
export interface Transport {
  readonly channel: ChannelName;
  /** Where it goes, without secrets, for `garrison status`. */
  readonly target: string;
  readonly send: Send;
}

/**
 * Delivers one message and says how, in a few words.
 * @throws GarrisonError `GARRISON_DELIVERY_REFUSED` when this very message was refused for good, else `GARRISON_DELIVERY_FAILED`
 */
export type Send = (message: Message, signal: AbortSignal) => Promise<string>;

/** The error of a message that could not be delivered to `target`. */
export function deliveryError(target: string, cause: unknown, { isRefused }: { isRefused: boolean }): GarrisonError {
  const code = isRefused ? "GARRISON_DELIVERY_REFUSED" : "GARRISON_DELIVERY_FAILED";
  return new GarrisonError(code, `Cannot deliver message to ${target}`, { cause });
}

/** Whether the other side will not take this message, now or later. */
export function isRefusal(error: unknown): boolean {
  return error instanceof GarrisonError && error.code === "GARRISON_DELIVERY_REFUSED";
}
