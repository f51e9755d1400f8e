import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, present, START } from "./test-host.mts";
import { traitsOf } from "./traits.ts";

const traits = (who: ReturnType<typeof actor> | null) => traitsOf(present("k", START, { who }));

test("traitsOf() has the thing, the process and those above it up to the session's root", () => {
  assert.deepEqual(
    traits(actor(9, "/usr/bin/nc", ["8:/usr/bin/bash", "7:/usr/bin/sudo", "5:/usr/sbin/sshd", "4:/usr/bin/x"])),
    ["thing plain k", "process 9 /usr/bin/nc", "process 8 /usr/bin/bash", "process 7 /usr/bin/sudo"],
  );
});

test("traitsOf() has only the thing when the actor is not known, or is a session's root itself", () => {
  assert.deepEqual(traits(null), ["thing plain k"]);
  assert.deepEqual(traits(actor(9, "/usr/sbin/cron")), ["thing plain k"]);
});

test("traitsOf() has all ancestors when none is a root", () => {
  assert.equal(traits(actor(9, "/usr/bin/nc", ["8:/usr/bin/a", "7:/usr/bin/b"])).length, 4);
});

test("traitsOf() has a program in a folder where anyone can write", () => {
  for (const exe of ["/tmp/x", "/dev/shm/x", "/run/user/5/x", "/memfd:x (deleted)"]) {
    assert.ok(traits(actor(9, exe)).includes(`program ${exe.replace(" (deleted)", "")}`), exe);
  }
});

test("traitsOf() is bounded, whatever names a process chose", () => {
  const long = "/tmp/".repeat(2000);
  const given = present(long, START, {
    who: actor(
      9,
      long,
      Array.from({ length: 8 }, (_, index) => `${index + 20}:${long}`),
    ),
  });
  assert.ok(traitsOf(given).every((trait) => trait.length < 1100));
});
