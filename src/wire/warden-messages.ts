/** What mind and warden may say to each other: the whole table. Anything else ends the link. */
import { type Checked, flag, integer, jsonObject, list, nullable, object, oneOf, tagged, text } from "./check.ts";

const SMALL = jsonObject(6, 500);
const ACTION_ID = text(32);
const NETWORK = text(64);

/** Mind to warden. `id` numbers the request; the answer repeats it. */
export const toWarden = tagged("t", {
  /**
   * Append to the journal. `ref` numbers the mind's entries for ever, rising: an entry whose `ref` the journal has already is
   * passed over, so that a mind which died before it got the answer may send it again.
   */
  record: object({
    t: oneOf(["record"]),
    id: integer(1),
    entries: list(object({ ref: integer(1), kind: text(32), by: text(256), data: SMALL }), 100),
  }),
  /** Perform a planned action: checked again, journaled first, verified after. Sent again with the same `action` it is done once. */
  perform: object({
    t: oneOf(["perform"]),
    id: integer(1),
    action: ACTION_ID,
    kind: text(64),
    plan: SMALL,
    by: text(256),
  }),
  /** Undo a performed action with what the warden itself wrote down when it performed it. */
  undo: object({ t: oneOf(["undo"]), id: integer(1), action: ACTION_ID, by: text(256) }),
  /**
   * Drop what these networks send, until a time or for ever (`null`): one journal entry, then one batch to the kernel. Sent again with the same `action` it is done once.
   */
  block: object({
    t: oneOf(["block"]),
    id: integer(1),
    blocks: list(
      object({
        action: ACTION_ID,
        /** CIDR such as `203.0.113.5/32`. */
        network: NETWORK,
        /** TCP and UDP ports of ours; none: all. */
        ports: list(integer(1, 65_535), 15),
        untilUnixMs: nullable(integer(0)),
        reason: text(512),
        by: text(256),
        /** Private ranges only when they are meant. */
        isPrivateMeant: flag,
      }),
      500,
    ),
  }),
  /** What `block` would say of one network now. Nothing is done, and nothing is written down. At most 60 a minute. */
  rehearse: object({
    t: oneOf(["rehearse"]),
    id: integer(1),
    network: NETWORK,
    ports: list(integer(1, 65_535), 15),
    untilUnixMs: nullable(integer(0)),
    by: text(256),
    isPrivateMeant: flag,
  }),
  /** Take blocks away. */
  unblock: object({ t: oneOf(["unblock"]), id: integer(1), actions: list(ACTION_ID, 500), by: text(256) }),
  /** A part of a list of networks; the last part replaces the list of this name. An empty list takes it away. */
  "block-list": object({
    t: oneOf(["block-list"]),
    id: integer(1),
    name: text(64),
    part: integer(0, 10_000),
    isLast: flag,
    networks: list(NETWORK, 5000),
    by: text(256),
  }),
});
export type ToWarden = Checked<typeof toWarden>;

/** Where the journal ends. */
const journalHead = object({
  /** Number of the last entry, 0 when there is none. */
  seq: integer(0),
  /** Its sha256 in hex; 64 zeros when there is none. */
  hash: text(64),
  /** Highest `ref` in the journal, 0 when there is none. */
  ref: integer(0),
});
export type JournalHead = Checked<typeof journalHead>;

/** Warden to mind. */
export const fromWarden = tagged("t", {
  /** First on every link. `lastAction`: highest number of an action that the warden knows; a store that was lost goes on behind it. */
  hello: object({ t: oneOf(["hello"]), pid: integer(1), journal: journalHead, lastAction: integer(0) }),
  answer: object({
    t: oneOf(["answer"]),
    id: integer(1),
    ok: flag,
    /** What would undo it: of `perform` only, for the record; the warden keeps its own. */
    undo: nullable(SMALL),
    /** Why not. */
    failure: nullable(text(2048)),
    /** Of `block` and `unblock` one for each action; a `failure` of `null`: done. Of `rehearse` one: what it would be. */
    results: nullable(list(object({ action: ACTION_ID, failure: nullable(text(512)) }), 500)),
    journal: journalHead,
  }),
  /** How blocking stands: behind `hello`, and whenever it changes. */
  firewall: object({
    t: oneOf(["firewall"]),
    /** Such as `nftables`; `null`: none can be had. */
    backend: nullable(text(64)),
    failure: nullable(text(1024)),
    /** Networks blocked by action, and by list. */
    blocked: integer(0),
    listed: integer(0),
    /** How often our tables were gone and were put back. */
    restored: integer(0),
    /** Packets dropped since our tables were first made. */
    dropped: integer(0),
    /** What it cannot see or do here, in sentences. */
    blindTo: list(text(512), 8),
  }),
});
export type FromWarden = Checked<typeof fromWarden>;
