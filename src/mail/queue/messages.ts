/** What the child that reads the messages may tell the command. It has read what strangers wrote: everything is checked, and bounded. */
import { type Checked, integer, list, nullable, object, oneOf, tagged, text } from "#src/wire/check.ts";

/** Groups of one frame: with the longest keys it stays below 1 MiB. */
export const MAX_FRAME_GROUPS = 20;
/** Queues of all spools. */
export const MAX_QUEUES = 500;
const MAX_KEY = 320;

const count = integer(0);
const time = nullable(integer(0, 8.64e15));
const key = text(MAX_KEY);
const counted = list(object({ key, messages: count }), 8);
const sums = {
  messages: count,
  frozen: count,
  bounces: count,
  recipients: count,
  lastHour: count,
  oldestUnixMs: time,
  newestUnixMs: time,
};

const group = object({
  type: oneOf(["account", "mailbox", "client", "own", "sender", "script", "domain", "none", "unknown", "others"]),
  key,
  uid: nullable(integer(0, 0xffff_fffe)),
  ...sums,
  scripts: counted,
  senders: counted,
  clients: counted,
});

/** Messages by tag. */
export const mailQueueMessage = tagged("t", {
  groups: object({ t: oneOf(["groups"]), groups: list(group, MAX_FRAME_GROUPS) }),
  end: object({
    t: oneOf(["end"]),
    /** By index of the queue. */
    queues: list(object(sums), MAX_QUEUES),
    /** Files that are no message in the form that is known. */
    malformed: count,
    /** All groups, those that are not told among them. */
    groups: count,
  }),
});

/** One message. */
export type MailQueueMessage = Checked<typeof mailQueueMessage>;
/** One group as the child tells it. */
export type ToldGroup = Checked<typeof group>;
/** The last message. */
export type MailQueueEnd = Extract<MailQueueMessage, { t: "end" }>;
