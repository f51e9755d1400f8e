/** What the mind makes of the raw beginnings of messages that a level brings: whose they are. Pure. */
import { parseEximHeader } from "#src/mail/queue/exim-header.ts";
import type { QueuedMessage } from "#src/mail/queue/message.ts";
import { parsePostfixMessage } from "#src/mail/queue/postfix-record.ts";
import { type Counted, type Group, Tally } from "#src/mail/queue/tally.ts";
import type { Json, JsonObject } from "#src/model/json.ts";

/** Of each list at most so many are read. */
const MAX_HEADS = 64;
const MAX_HEAD_TEXT = 8192;
const SHOWN_GROUPS = 5;

/** Whose some messages are. */
export interface Sample {
  /** How many were read. */
  readonly messages: number;
  readonly frozen: number;
  readonly bounces: number;
  /** The largest first. */
  readonly groups: readonly Group[];
}

/** @param heads a list of a level's `detail`: `newest` or `some` @returns `null` when nothing could be read */
export function readSample(heads: Json | undefined, nowUnixMs: number): Sample | null {
  if (!Array.isArray(heads)) return null;
  const messages = (heads as readonly Json[]).slice(0, MAX_HEADS).flatMap((head) => readHead(head) ?? []);
  if (messages.length === 0) return null;
  const tally = new Tally("account", nowUnixMs);
  for (const message of messages) tally.add(message);
  return {
    messages: messages.length,
    frozen: messages.filter(({ isFrozen }) => isFrozen).length,
    bounces: messages.filter(({ sender }) => sender === "").length,
    groups: tally.groups(),
  };
}

/** A sample as evidence of an alert. */
export function sampleEvidence({ messages, frozen, bounces, groups }: Sample): JsonObject {
  return {
    messages,
    frozen,
    bounces,
    who: groups.slice(0, SHOWN_GROUPS).map(({ type, key, messages: own, scripts, senders, clients }) => ({
      type,
      key,
      messages: own,
      scripts: scripts.slice(0, 2).map(countedJson),
      senders: senders.slice(0, 2).map(countedJson),
      clients: clients.slice(0, 2).map(countedJson),
    })),
  };
}

function countedJson({ key, messages }: Counted): JsonObject {
  return { key, messages };
}

function readHead(value: Json): QueuedMessage | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { mta, queue, head } = value as JsonObject;
  if (typeof head !== "string" || head.length > MAX_HEAD_TEXT || typeof queue !== "string") return null;
  const bytes = Buffer.from(head, "base64");
  // Of a file in maildrop the owner would tell; Postfix picks it up within moments.
  return mta === "postfix" ? parsePostfixMessage(bytes, { queue, ownerUid: null }) : parseEximHeader(bytes);
}
