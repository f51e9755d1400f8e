/** What mind and warden may say to each other: the whole table. Anything else ends the link. */
import { type Checked, flag, integer, jsonObject, list, nullable, object, oneOf, tagged, text } from "./check.ts";

const SMALL = jsonObject(6, 500);

/** Mind to warden. `id` numbers the request; the answer repeats it. */
export const toWarden = tagged("t", {
  /** Append to the journal. */
  record: object({
    t: oneOf(["record"]),
    id: integer(1),
    entries: list(object({ kind: text(32), by: text(256), data: SMALL }), 100),
  }),
  /** Perform a planned action: journaled first, checked again, verified after. */
  perform: object({
    t: oneOf(["perform"]),
    id: integer(1),
    action: text(32),
    kind: text(64),
    plan: SMALL,
    by: text(256),
  }),
  /** Undo it with what `perform` gave as `undo`. */
  undo: object({ t: oneOf(["undo"]), id: integer(1), action: text(32), kind: text(64), undo: SMALL, by: text(256) }),
});
export type ToWarden = Checked<typeof toWarden>;

/** Warden to mind. */
export const fromWarden = tagged("t", {
  hello: object({ t: oneOf(["hello"]), pid: integer(1) }),
  answer: object({
    t: oneOf(["answer"]),
    id: integer(1),
    ok: flag,
    /** Undo data of `perform`. */
    undo: nullable(SMALL),
    /** Why not. */
    failure: nullable(text(2048)),
  }),
});
export type FromWarden = Checked<typeof fromWarden>;
