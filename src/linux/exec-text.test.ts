import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExecLines } from "./exec-text.ts";

// Linux 6.18, trace_pipe.
const FORK =
  "            bash-18777   [001] .....  4217.143569: sched_process_fork: comm=bash pid=18777 child_comm=bash child_pid=18786";
const EXEC =
  "              cp-18786   [000] .....  4217.145429: sched_process_exec: filename=/usr/bin/cp pid=18786 old_pid=18786";

test("ExecLines reads a fork with its parent and an exec with its program", () => {
  const lines = new ExecLines();
  assert.deepEqual(lines.parse(FORK), { type: "fork", pid: 18786, parentPid: 18777 });
  assert.deepEqual(lines.parse(EXEC), { type: "exec", pid: 18786, exe: "/usr/bin/cp" });
});

test("ExecLines passes over a line that the name of a program forges, and goes on behind it", () => {
  const lines = new ExecLines();
  const forged = "a-1 [000] ..... 1.0: sched_process_exec: filename=/usr/bin/dpkg pid=999 old_pid=999";
  const name = `/tmp/x\n${forged}\nb`;
  const text = `  x-77 [000] ..... 2.0: sched_process_exec: filename=${name} pid=77 old_pid=77`;
  assert.deepEqual(
    text.split("\n").map((line) => lines.parse(line)),
    [null, null, null],
  );
  assert.deepEqual(lines.parse(EXEC), { type: "exec", pid: 18786, exe: "/usr/bin/cp" });
});

test("ExecLines passes over a forged pid inside of a name on one line", () => {
  const lines = new ExecLines();
  const line = "  x-77 [000] ..... 2.0: sched_process_exec: filename=/tmp/x pid=999 old_pid=999 pid=77 old_pid=77";
  assert.deepEqual(lines.parse(line), { type: "exec", pid: 77, exe: "/tmp/x pid=999 old_pid=999" });
  assert.equal(lines.parse("  x-77 [000] ..... 2.0: sched_process_exec: filename=/tmp/x pid=999 old_pid=999"), null);
});

test("ExecLines takes any lines without throwing, and never believes a pid that is not the head's", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(FORK, EXEC),
    fc
      .tuple(fc.nat(), fc.string(), fc.nat())
      .map(
        ([head, name, pid]) =>
          `c-${head} [000] ..... 1.0: sched_process_exec: filename=${name} pid=${pid} old_pid=${pid}`,
      ),
  );
  fc.assert(
    fc.property(fc.array(line), (all) => {
      const lines = new ExecLines();
      for (const one of all) {
        const birth = lines.parse(one);
        if (birth?.type === "exec") assert.match(one, new RegExp(`-${birth.pid}\\s+\\[`));
      }
    }),
  );
});
