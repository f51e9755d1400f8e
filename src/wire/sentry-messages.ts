/** What mind and sentry may say to each other: the whole table. Anything else ends the link. */
import { type Checked, integer, list, nullable, object, oneOf, tagged, text } from "./check.ts";
import { fact } from "./facts.ts";

const SENTENCES = list(text(1024), 32);

/** Mind to sentry. */
export const toSentry = tagged("t", {
  /** All batches up to `seq` are stored: the sentry may forget them. */
  ack: object({ t: oneOf(["ack"]), seq: integer(0) }),
  /** Answered by `status`. */
  status: object({ t: oneOf(["status"]) }),
  /** The sensor lists again all it sees. */
  rescan: object({ t: oneOf(["rescan"]), sensor: text(64) }),
});
export type ToSentry = Checked<typeof toSentry>;

/** Fields of a sensor's status; the mind adds its own. */
export const SENSOR_STATUS = {
  name: text(64),
  state: oneOf(["starting", "watching", "degraded", "blind"]),
  sees: SENTENCES,
  blindTo: SENTENCES,
  restarts: integer(0),
  failure: nullable(text(1024)),
  counts: list(object({ name: text(64), value: integer(0) }), 64),
};
const sensorStatus = object(SENSOR_STATUS);
/** What one sensor can see now. */
export type SensorStatus = Checked<typeof sensorStatus>;

/** Sentry to mind. */
export const fromSentry = tagged("t", {
  /** First on every link. `boot` names this start of the sentry; sequence numbers belong to it. */
  hello: object({ t: oneOf(["hello"]), boot: text(64), pid: integer(1) }),
  facts: object({ t: oneOf(["facts"]), seq: integer(1), items: list(fact, 1000) }),
  /** Facts were dropped because the mind was away or slow: `count` of them; a rescan follows. */
  dropped: object({ t: oneOf(["dropped"]), count: integer(1) }),
  status: object({
    t: oneOf(["status"]),
    ready: oneOf(["yes", "no"]),
    memoryBytes: integer(0),
    cpuMs: integer(0),
    sensors: list(sensorStatus, 64),
  }),
});
export type FromSentry = Checked<typeof fromSentry>;
