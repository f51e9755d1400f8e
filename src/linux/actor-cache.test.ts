import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { ActorCache } from "./actor-cache.ts";
import { ExeDigests } from "./exe-digest.ts";
import { readActor } from "./proc.ts";

const isRoot = process.getuid?.() === 0;

/** A process that lives until its stdin ends. */
function startCat(program = "/bin/cat", options = {}) {
  const child = spawn(program, [], { stdio: ["pipe", "pipe", "ignore"], ...options });
  const started = (async () => {
    child.stdin?.write("started\n");
    await once(child.stdout!, "data");
    return child.pid!;
  })();
  const end = async (): Promise<void> => {
    child.stdin?.end();
    await once(child, "exit");
  };
  return { started, end };
}

test("readActor() names program, uid, start and parents of a process", async () => {
  const { started, end } = startCat("/bin/cat", isRoot ? { uid: 65_534, gid: 65_534 } : {});
  const pid = await started;
  const actor = readActor(pid);
  assert.equal(actor?.pid, pid);
  assert.match(actor?.exe ?? "", /\/cat$/);
  assert.equal(actor?.comm, "cat");
  assert.equal(actor?.uid, isRoot ? 65_534 : process.getuid?.());
  assert.deepEqual(actor?.parents[0]?.pid, process.pid);
  assert.equal(actor?.parents[0]?.exe, process.execPath);
  assert.ok((actor?.startTicks ?? 0) > 0);
  await end();
  assert.equal(readActor(pid), null);
});

test("ActorCache.read() still knows a process that ended right behind its first event", async () => {
  const actors = new ActorCache();
  const { started, end } = startCat();
  const pid = await started;
  const seen = actors.read(pid);
  await end();
  assert.deepEqual(actors.read(pid), seen);
  assert.deepEqual(actors.recall(pid), seen);
});

test("ActorCache.read() gives null for a process that it never saw", async () => {
  const { started, end } = startCat();
  const pid = await started;
  await end();
  assert.equal(new ActorCache().read(pid), null);
});

test("ActorCache.read() sees that a process has become another program", async () => {
  const actors = new ActorCache();
  const child = spawn("/bin/sh", ["-c", "echo sh; read line; exec cat"], { stdio: ["pipe", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const before = actors.read(child.pid!);
  child.stdin.write("go\nnow\n");
  await once(child.stdout, "data");
  const after = actors.read(child.pid!);
  child.stdin.end();
  await once(child, "exit");
  assert.notEqual(before?.exe, after?.exe);
  assert.match(after?.exe ?? "", /\/cat$/);
});

test("ActorCache.read() sees the uid of now, not that of a second ago", { skip: !isRoot && "needs root" }, async () => {
  const actors = new ActorCache();
  const script = `import os, sys
print("root", flush=True); sys.stdin.readline()
os.setuid(65534)
print("nobody", flush=True); sys.stdin.readline()`;
  const child = spawn("/usr/bin/python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    assert.equal((await lines.next()).value, "root");
    assert.equal(actors.read(child.pid!)?.uid, 0);
    child.stdin.write("go\n");
    assert.equal((await lines.next()).value, "nobody");
    assert.equal(actors.read(child.pid!)?.uid, 65_534);
  } finally {
    child.stdin.end();
    await once(child, "exit");
  }
});

test("ExeDigests.of() hashes the very file that runs, also when another one lies at its path or none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "garrison-exe-"));
  const program = join(folder, "program");
  copyFileSync("/bin/cat", program);
  chmodSync(program, 0o755);
  const { started, end } = startCat(program);
  const pid = await started;
  rmSync(program);
  writeFileSync(program, "something else");
  const expected = createHash("sha256").update(readFileSync("/bin/cat")).digest("hex");
  const digests = new ExeDigests();
  assert.deepEqual(await Promise.all([digests.of(pid), digests.of(pid)]), [expected, expected]);
  assert.equal(readActor(pid)?.exe, `${program} (deleted)`);
  await end();
  assert.equal(await digests.of(pid), null);
  rmSync(folder, { recursive: true });
});
