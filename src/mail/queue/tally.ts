/** Messages counted by who sent them. Pure, and bounded whatever the messages say. */
import type { QueuedMessage } from "./message.ts";
import { ownText } from "./raw-text.ts";

/** By what messages can be grouped. */
export const GROUPINGS = ["account", "sender", "script", "domain"] as const;
/** One of them. */
export type Grouping = (typeof GROUPINGS)[number];

/** Groups that are kept apart; messages of more are counted as `others`. */
const MAX_GROUPS = 10_000;
/** Keys that a group keeps of scripts, senders and clients each. */
const MAX_KEYS = 8;
const HOUR_MS = 3_600_000;

/** Sums of some messages. */
export interface Sums {
  messages: number;
  frozen: number;
  /** With the sender `<>`. */
  bounces: number;
  recipients: number;
  /** That came within the hour. */
  lastHour: number;
  oldestUnixMs: number | null;
  newestUnixMs: number | null;
}

/** Whose messages a group holds. */
export interface GroupKey {
  /** `account`: a process of this host. `mailbox`: authenticated. `client`: by SMTP, without. `own`: the mail program's own. `unknown`: too long. */
  readonly type:
    | "account"
    | "mailbox"
    | "client"
    | "own"
    | "sender"
    | "script"
    | "domain"
    | "none"
    | "unknown"
    | "others";
  /** `""` where the type says it all. */
  readonly key: string;
}

/** A key with how many messages are its own, at least. */
export interface Counted {
  readonly key: string;
  readonly messages: number;
}

/** One group. */
export interface Group extends GroupKey, Sums {
  readonly uid: number | null;
  /** The most frequent ones first. */
  readonly scripts: readonly Counted[];
  readonly senders: readonly Counted[];
  readonly clients: readonly Counted[];
}

interface OpenGroup extends GroupKey {
  readonly uid: number | null;
  readonly sums: Sums;
  readonly scripts: FrequentKeys;
  readonly senders: FrequentKeys;
  readonly clients: FrequentKeys;
}

/** Counts. */
export class Tally {
  readonly #by: Grouping;
  readonly #nowUnixMs: number;
  readonly #groups = new Map<string, OpenGroup>();

  constructor(by: Grouping, nowUnixMs: number) {
    this.#by = by;
    this.#nowUnixMs = nowUnixMs;
  }

  add(message: QueuedMessage): void {
    const group = this.#groupOf(message);
    addTo(group.sums, message, this.#nowUnixMs);
    if (message.script !== null) group.scripts.add(message.script);
    if (message.client !== null) group.clients.add(message.client);
    group.senders.add(message.sender);
  }

  /** The largest first. */
  groups(): Group[] {
    return [...this.#groups.values()]
      .sort((one, other) => other.sums.messages - one.sums.messages || compare(one.key, other.key))
      .map(({ type, key, uid, sums, scripts, senders, clients }) => ({
        type,
        key,
        uid,
        ...sums,
        scripts: scripts.top(),
        senders: senders.top(),
        clients: clients.top(),
      }));
  }

  #groupOf(message: QueuedMessage): OpenGroup {
    const { type, key } = keyOf(message, this.#by);
    const id = `${type} ${key}`;
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS) return this.#open("others others", { type: "others", key: "" }, null);
    return this.#open(ownText(id), { type, key: ownText(key) }, type === "account" ? message.uid : null);
  }

  #open(id: string, key: GroupKey, uid: number | null): OpenGroup {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = {
      ...key,
      uid,
      sums: emptySums(),
      scripts: new FrequentKeys(),
      senders: new FrequentKeys(),
      clients: new FrequentKeys(),
    };
    this.#groups.set(id, group);
    return group;
  }
}

/** Whose a message is. */
export function keyOf({ account, mailbox, client, sender, script, isCut }: QueuedMessage, by: Grouping): GroupKey {
  switch (by) {
    case "account":
      if (mailbox !== null) return { type: "mailbox", key: mailbox };
      if (account !== null) return { type: "account", key: account };
      if (client !== null) return { type: "client", key: client };
      return { type: isCut ? "unknown" : "own", key: "" };
    case "sender":
      return { type: "sender", key: sender };
    case "domain":
      return { type: "domain", key: sender.slice(sender.lastIndexOf("@") + 1).toLowerCase() };
    case "script":
      return script === null ? { type: "none", key: "" } : { type: "script", key: script };
  }
}

/** No message yet. */
export function emptySums(): Sums {
  return { messages: 0, frozen: 0, bounces: 0, recipients: 0, lastHour: 0, oldestUnixMs: null, newestUnixMs: null };
}

/** Adds a message. */
export function addTo(sums: Sums, message: QueuedMessage, nowUnixMs: number): void {
  sums.messages++;
  if (message.isFrozen) sums.frozen++;
  if (message.sender === "") sums.bounces++;
  sums.recipients += message.recipients;
  const at = message.receivedUnixMs;
  if (at === null) return;
  if (at > nowUnixMs - HOUR_MS) sums.lastHour++;
  if (sums.oldestUnixMs === null || at < sums.oldestUnixMs) sums.oldestUnixMs = at;
  if (sums.newestUnixMs === null || at > sums.newestUnixMs) sums.newestUnixMs = at;
}

/** Both together. */
export function addSums(one: Sums, other: Sums): Sums {
  return {
    messages: one.messages + other.messages,
    frozen: one.frozen + other.frozen,
    bounces: one.bounces + other.bounces,
    recipients: one.recipients + other.recipients,
    lastHour: one.lastHour + other.lastHour,
    oldestUnixMs: extreme(Math.min, one.oldestUnixMs, other.oldestUnixMs),
    newestUnixMs: extreme(Math.max, one.newestUnixMs, other.newestUnixMs),
  };
}

function extreme(choose: (...values: number[]) => number, one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : choose(one, other);
}

/** The most frequent of any number of keys: a key that more than one in nine of the messages has is always among them. */
class FrequentKeys {
  readonly #counts = new Map<string, number>();

  add(key: string): void {
    const count = this.#counts.get(key);
    if (count !== undefined) {
      this.#counts.set(key, count + 1);
      return;
    }
    if (this.#counts.size < MAX_KEYS) {
      this.#counts.set(ownText(key), 1);
      return;
    }
    // Misra and Gries: a newcomer takes one from each.
    for (const [one, known] of this.#counts) {
      if (known === 1) this.#counts.delete(one);
      else this.#counts.set(one, known - 1);
    }
  }

  top(): Counted[] {
    return [...this.#counts]
      .map(([key, messages]) => ({ key, messages }))
      .sort((one, other) => other.messages - one.messages || compare(one.key, other.key));
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
