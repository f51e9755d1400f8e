import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileSubject } from "#src/lib/raw-path.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Census, Levels, Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";
import { actor, fact, subject } from "./facts.ts";

const malformed = { name: "GarrisonError", code: "GARRISON_WIRE_MALFORMED" };

const OBSERVATION: Observation = {
  sensor: "files",
  type: "record",
  key: "/etc/shadow",
  group: "/etc/shadow",
  subject: { type: "file", path: "/etc/shadow" },
  facts: { mode: "0640" },
  who: null,
  atUnixMs: 1_795_499_669_972,
  scanned: true,
};
const CENSUS: Census = { sensor: "files", group: "", type: "census", keys: ["/etc/shadow"], atUnixMs: 0 };
const LEVELS: Levels = {
  sensor: "traffic",
  type: "levels",
  atUnixMs: 1_795_499_669_972,
  spanMs: 10_000,
  wholeOf: ["packets-out account:"],
  values: [
    { series: "packets-out eth0", value: 214.5, detail: null },
    { series: "packets-out account:1003", value: 0, detail: { ports: ["tcp 25"] } },
  ],
};
const ACTOR: Actor = {
  pid: 1,
  uid: null,
  user: null,
  loginUid: null,
  exe: null,
  comm: null,
  startTicks: null,
  unit: null,
  container: null,
  parents: [],
};

/** A batch of the sentry. */
const SAMPLES = JSON.parse(readFileSync(join(import.meta.dirname, "testdata/from-sentry.json"), "utf8"))[1].items;

test("fact() accepts each sample of a fact of each sensor", () => {
  for (const one of SAMPLES) assert.deepEqual(fact(one, "fact"), one);
  assert.deepEqual(new Set(SAMPLES.map((one: Census) => one.sensor)), new Set(["listeners", "files", "secrets"]));
});

test("fact() accepts an observation, a census and levels, and none with fields of another", () => {
  assert.deepEqual(fact(OBSERVATION, "fact"), OBSERVATION);
  assert.deepEqual(fact(LEVELS, "fact"), LEVELS);
  assert.throws(() => fact({ ...LEVELS, key: "x" }, "fact"), malformed);
  assert.deepEqual(fact(CENSUS, "fact"), CENSUS);
  assert.throws(() => fact({ ...OBSERVATION, type: "census" }, "fact"), malformed);
  assert.throws(() => fact({ ...CENSUS, type: "record" }, "fact"), malformed);
  assert.throws(() => fact({ ...OBSERVATION, keys: [] }, "fact"), malformed);
});

for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1", null]) {
  test(`fact() refuses a level of ${value}`, () => {
    assert.throws(() => fact({ ...LEVELS, values: [{ series: "x", value, detail: null }] }, "fact"), malformed);
  });
}

for (const other of [null, undefined, 1, "census", [], [OBSERVATION], true]) {
  test(`fact() refuses ${JSON.stringify(other)?.slice(0, 20)}`, () => {
    assert.throws(() => fact(other, "fact"), malformed);
  });
}

const INSTANTS: readonly (readonly [atUnixMs: unknown, isAccepted: boolean])[] = [
  [0, true],
  [8.64e15, true],
  [8.64e15 + 1, false],
  [-1, false],
  [1.5, false],
  [1e300, false],
  ["0", false],
  [null, false],
];

for (const [atUnixMs, isAccepted] of INSTANTS) {
  test(`fact() ${isAccepted ? "accepts" : "refuses"} the instant ${atUnixMs}, which must be one of a Date`, () => {
    for (const one of [OBSERVATION, CENSUS]) {
      if (isAccepted) assert.ok(new Date((fact({ ...one, atUnixMs }, "fact") as Census).atUnixMs).toISOString());
      else assert.throws(() => fact({ ...one, atUnixMs }, "fact"), malformed);
    }
  });
}

test("fact() refuses a census of too many keys, and facts that are too large", () => {
  const keys = Array.from({ length: 20_000 }, () => "k");
  assert.doesNotThrow(() => fact({ ...CENSUS, keys }, "fact"));
  assert.throws(() => fact({ ...CENSUS, keys: [...keys, "k"] }, "fact"), malformed);
  assert.throws(
    () => fact({ ...OBSERVATION, facts: { list: Array.from({ length: 500 }, () => 0) } }, "fact"),
    malformed,
  );
  assert.throws(() => fact({ ...OBSERVATION, facts: { a: { b: { c: { d: { e: 1 } } } } } }, "fact"), malformed);
  assert.throws(() => fact({ ...OBSERVATION, key: "k".repeat(8193) }, "fact"), malformed);
});

const SUBJECTS: readonly Subject[] = [
  { type: "socket", protocol: "tcp", address: "::1", port: 0 },
  { type: "socket", protocol: "udp", address: "0.0.0.0", port: 65_535 },
  { type: "file", path: "" },
  { type: "file", path: "/tmp/caf\ufffd", pathBase64: "L3RtcC9jYWbp" },
  { type: "account", name: "root" },
  { type: "sensor", name: "files" },
];

for (const one of SUBJECTS) {
  test(`subject() accepts ${JSON.stringify(one)}`, () => {
    assert.deepEqual(subject(one, "subject"), one);
  });
}

const NO_SUBJECTS: readonly unknown[] = [
  null,
  "file",
  ["file"],
  {},
  { type: "file" },
  { type: "file", path: 1 },
  { type: "file", path: "/a", pathBase64: null },
  { type: "file", path: "/a", pathBase64: undefined },
  { type: "file", path: "/a", port: 1 },
  { type: "socket", protocol: "sctp", address: "::1", port: 1 },
  { type: "socket", protocol: "tcp", address: "::1", port: 65_536 },
  { type: "socket", protocol: "tcp", address: "::1", port: "22" },
  { type: "account", name: "x".repeat(257) },
  { type: "flow" },
  { type: "__proto__" },
];

for (const one of NO_SUBJECTS) {
  test(`subject() refuses ${JSON.stringify(one).slice(0, 80)}`, () => {
    assert.throws(() => subject(one, "subject"), malformed);
  });
}

test("subject() takes an encoded path from the subject itself, not from its prototype", () => {
  const inherited = Object.assign(Object.create({ pathBase64: "L2E=" }), { type: "file", path: "/a" });
  assert.deepEqual(subject(inherited, "subject"), { type: "file", path: "/a" });
});

test("subject() accepts the subject of the longest path that there is, whatever its bytes are", () => {
  for (const byte of ["a", "\xff", "\n"]) {
    const longest = fileSubject(`/${byte.repeat(4095)}`);
    assert.deepEqual(subject(longest, "subject"), longest);
  }
});

test("actor() accepts a process of which nothing could be read, and eight parents at most", () => {
  const parent = { pid: 2, exe: "", comm: "" };
  assert.deepEqual(actor(ACTOR, "who"), ACTOR);
  const eight = { ...ACTOR, parents: Array.from({ length: 8 }, () => parent) };
  assert.deepEqual(actor(eight, "who"), eight);
  assert.throws(() => actor({ ...ACTOR, parents: [...eight.parents, parent] }, "who"), malformed);
});

test("actor() accepts the largest uid, which means none to the kernel, and no larger one", () => {
  const none = { ...ACTOR, uid: 4_294_967_295, loginUid: 4_294_967_295 };
  assert.deepEqual(actor(none, "who"), none);
  assert.throws(() => actor({ ...ACTOR, uid: 4_294_967_296 }, "who"), malformed);
  assert.throws(() => actor({ ...ACTOR, uid: -1 }, "who"), malformed);
});
