/** The notifier's memory as JSON. */
import type { JsonObject } from "#src/model/json.ts";
import type { ChannelState } from "./channel.ts";
import type { ThreadsState } from "./draft.ts";
import { NO_THREADS } from "./threads.ts";

const VERSION = 1;

/** All that must outlive the process. */
export interface SavedState {
  readonly threads: ThreadsState;
  readonly channels: readonly ChannelState[];
}

/** As it goes into the store. */
export function writeState(state: SavedState): JsonObject {
  // JSON by its types, which TypeScript does not follow through interfaces.
  return { version: VERSION, ...state } as unknown as JsonObject;
}

/**
 * As it comes from the store, which only the mind writes: its version and outline are checked.
 * @returns `null` when it is of another version or no state at all
 */
export function parseState(value: JsonObject): SavedState | null {
  const { version, threads, channels } = value;
  if (version !== VERSION || !isObject(threads) || !Array.isArray(channels)) return null;
  const isWhole =
    Object.keys(NO_THREADS).every((key) => key in threads) &&
    Array.isArray(threads["threads"]) &&
    Array.isArray(threads["sent"]) &&
    channels.every((channel) => isObject(channel) && Array.isArray(channel["queue"]) && Array.isArray(channel["sent"]));
  return isWhole ? ({ threads, channels } as unknown as SavedState) : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
