import assert from "node:assert/strict";
import { test } from "node:test";
import { Drills } from "./drills.ts";
import { actor, present, START } from "./test-host.mts";

const subject = { type: "file", path: "/c", pathBase64: "L2M=" } as const;
const seen = (
  who = actor(7, "/usr/bin/node") as ReturnType<typeof actor> | null,
  about: typeof subject | { type: "file"; path: string } = subject,
) => present("/c", START, { subject: about, who });

function begun(): Drills {
  const drills = new Drills();
  drills.begin({ name: "d", subject, pid: 7 }, START);
  return drills;
}

test("match() takes the announced process, its children, and a process that is not known", () => {
  assert.equal(begun().match(seen(), START), "d");
  assert.equal(begun().match(seen(actor(9, "/bin/sh", ["8:/bin/sh", "7:/usr/bin/node"])), START), "d");
  assert.equal(begun().match(seen(null), START), "d");
});

test("match() takes no other process and no other subject", () => {
  assert.equal(begun().match(seen(actor(70, "/usr/bin/node")), START), null);
  assert.equal(begun().match(seen(undefined, { type: "file", path: "/c" }), START), null);
});

test("match() does not depend on the order of a subject's fields", () => {
  assert.equal(begun().match(seen(undefined, { pathBase64: "L2M=", path: "/c", type: "file" }), START), "d");
});

test("match() ends with the drill, or after a minute", () => {
  const drills = begun();
  assert.equal(drills.match(seen(), START + 59_999), "d");
  assert.equal(drills.match(seen(), START + 60_000), null);
  drills.end("d");
  assert.equal(drills.match(seen(), START), null);
  drills.end("never begun");
});

test("begin() refuses the seventeenth drill at once, and forgets those that were never ended", () => {
  const drills = new Drills();
  for (let pid = 1; pid <= 16; pid++) drills.begin({ name: `d${pid}`, subject, pid }, START);
  assert.throws(() => drills.begin({ name: "e", subject, pid: 17 }, START), RangeError);
  drills.begin({ name: "e", subject, pid: 17 }, START + 60_000);
  assert.equal(drills.match(seen(actor(17, null)), START + 60_000), "e");
});
