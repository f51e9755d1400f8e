/** What mind and warden may say to each other: the whole table. Anything else ends the link. */
import { type Checked, flag, integer, jsonObject, list, nullable, object, oneOf, tagged, text } from "./check.ts";

const SMALL = jsonObject(6, 500);
const ACTION_ID = text(32);

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
    journal: journalHead,
  }),
});
export type FromWarden = Checked<typeof fromWarden>;
