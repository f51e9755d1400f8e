import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { closeSharedExecMemory, ExecMemory, sharedExecMemory } from "./exec-memory.ts";
import { findTracefs } from "./tracefs.ts";

let isOurs = false;
before(() => {
  isOurs = findTracefs() === undefined;
  if (isOurs) assert.equal(spawnSync("mount", ["-t", "tracefs", "tracefs", "/sys/kernel/tracing"]).status, 0);
});
after(() => {
  if (isOurs) spawnSync("umount", ["-l", "/sys/kernel/tracing"]);
});

test("ExecMemory knows the program and the parents of a process that has ended", async () => {
  using memory = ExecMemory.open();
  assert.ok(memory !== null);
  // The shell lives on while its child has ended.
  const shell = spawn("/bin/bash", ["-c", "/bin/true & echo $!; wait; read"], { stdio: ["pipe", "pipe", "ignore"] });
  const [line] = (await once(shell.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
  const actor = memory.recall(pid);
  assert.match(actor?.exe ?? "", /\/bin\/true$/);
  assert.equal(actor?.parents[0]?.pid, shell.pid);
  assert.match(actor?.parents[0]?.exe ?? "", /bash$/);
  assert.equal(actor?.parents[1]?.pid, process.pid);
  assert.equal(actor?.uid, 0);
  assert.equal(actor?.startTicks, null);
  shell.stdin.end();
  await once(shell, "exit");
  assert.equal(memory.recall(2 ** 22 + 1), null);
});

test("closeSharedExecMemory() leaves no trace instance behind, so that the host records forks and execs no longer", () => {
  const folder = `${findTracefs()}/instances/garrison-exec-${process.pid}`;
  closeSharedExecMemory();
  assert.ok(sharedExecMemory() !== null);
  assert.ok(existsSync(folder));
  closeSharedExecMemory();
  assert.ok(!existsSync(folder));
});
