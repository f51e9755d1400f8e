/** Checks of the facts that the sentry sends: bounds of every field, stated once. */
import type { Actor } from "#src/model/actor.ts";
import type { Census, Fact, Levels, Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";
import {
  type Check,
  flag,
  integer,
  jsonObject,
  list,
  malformed,
  nullable,
  object,
  oneOf,
  tagged,
  text,
} from "./check.ts";

const MAX_UINT32 = 4_294_967_295;
const PATH = text(8192);
const BASE64_PATH = text(Math.ceil(8192 / 3) * 4);
// ECMA-262 §21.4.1.1: an instant of a Date; anything beyond would throw where it is shown.
const INSTANT = integer(0, 8_640_000_000_000_000);
const SHORT = text(256);

/** {@link Actor} */
export const actor: Check<Actor> = object({
  pid: integer(0, 2 ** 31),
  uid: nullable(integer(0, MAX_UINT32)),
  user: nullable(SHORT),
  loginUid: nullable(integer(0, MAX_UINT32)),
  exe: nullable(PATH),
  comm: nullable(SHORT),
  startTicks: nullable(integer(0)),
  unit: nullable(SHORT),
  container: nullable(SHORT),
  parents: list(object({ pid: integer(0, 2 ** 31), exe: PATH, comm: SHORT }), 8),
});

const plainFile = object({ type: oneOf(["file"]), path: PATH });
const encodedFile = object({ type: oneOf(["file"]), path: PATH, pathBase64: BASE64_PATH });

/** {@link Subject} */
export const subject: Check<Subject> = tagged("type", {
  socket: object({
    type: oneOf(["socket"]),
    protocol: oneOf(["tcp", "udp"]),
    address: SHORT,
    port: integer(0, 65_535),
  }),
  file: fileSubject,
  account: object({ type: oneOf(["account"]), name: SHORT }),
  sensor: object({ type: oneOf(["sensor"]), name: SHORT }),
  level: object({ type: oneOf(["level"]), series: SHORT }),
  address: object({ type: oneOf(["address"]), address: SHORT }),
});

function fileSubject(value: unknown, path: string): Subject {
  const isEncoded = typeof value === "object" && value !== null && Object.hasOwn(value, "pathBase64");
  return isEncoded ? encodedFile(value, path) : plainFile(value, path);
}

const observation: Check<Observation> = object({
  sensor: SHORT,
  type: oneOf(["present", "absent", "record"]),
  key: PATH,
  group: PATH,
  subject,
  facts: nullable(jsonObject(4, 500)),
  who: nullable(actor),
  atUnixMs: INSTANT,
  scanned: flag,
});

const census: Check<Census> = object({
  sensor: SHORT,
  group: PATH,
  type: oneOf(["census"]),
  keys: list(PATH, 20_000),
  atUnixMs: INSTANT,
});

const levels: Check<Levels> = object({
  sensor: SHORT,
  type: oneOf(["levels"]),
  atUnixMs: INSTANT,
  spanMs: integer(0, 86_400_000),
  wholeOf: list(SHORT, 32),
  values: list(object({ series: SHORT, value: amount, detail: nullable(jsonObject(4, 500)) }), 10_000),
});

/** {@link Fact} */
export const fact: Check<Fact> = (value, path) => {
  if (typeof value !== "object" || value === null) throw malformed(path, "an object");
  const { type } = value as { type?: unknown };
  if (type === "census") return census(value, path);
  return type === "levels" ? levels(value, path) : observation(value, path);
};

function amount(value: unknown, path: string): number {
  if (typeof value !== "number" || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER))
    throw malformed(path, "a number that is not negative");
  return value;
}
