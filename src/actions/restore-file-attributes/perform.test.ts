import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { ActionLimits } from "../contract.ts";
import { parseWatchedPatterns } from "../watched-paths.ts";
import type { RestorePlan, RestoreUndo } from "./data.ts";
import { restoreFileAttributes as kind } from "./perform.ts";

function makeFile(path: string, mode: number, uid = 0, gid = 0): string {
  writeFileSync(path, "content");
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

function limitsFor(folder: string): ActionLimits {
  const watchedFiles = parseWatchedPatterns([{ pattern: `${folder}/**`, secret: false }]);
  return { watchedFiles, mindGid: 900, groupId: () => undefined };
}

function planFor(path: string, from: [string, number, number], to: [string, number, number]): RestorePlan {
  const attributes = ([mode, uid, gid]: [string, number, number]) => ({ mode, uid, gid });
  const inode = String(statSync(path, { bigint: true }).ino);
  return { pathBase64: Buffer.from(path).toString("base64"), inode, from: attributes(from), to: attributes(to) };
}

function look(path: string): string {
  const { mode, uid, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

/** As the warden does. */
async function performAll(plan: RestorePlan, limits: ActionLimits): Promise<RestoreUndo> {
  const checked = kind.check(plan, limits);
  const undo = await kind.prepare(checked);
  await kind.perform(checked);
  assert.ok(await kind.verify(checked));
  return undo;
}

test("restoreFileAttributes gives mode and owner back and takes them away again", async (t) => {
  const folder = folderOf(t);
  for (const [from, to] of [
    [
      ["0666", 0, 0],
      ["0644", 0, 0],
    ],
    [
      ["0644", 1000, 0],
      ["0644", 0, 0],
    ],
    [
      ["4777", 1000, 1000],
      ["0640", 0, 4],
    ],
    [
      ["4777", 0, 0],
      ["4755", 0, 0],
    ],
  ] as [[string, number, number], [string, number, number]][]) {
    const path = makeFile(join(folder, "file"), Number.parseInt(from[0], 8), from[1], from[2]);
    const before = look(path);
    const plan = planFor(path, from, to);
    const undo = await performAll(plan, limitsFor(folder));
    assert.equal(look(path), `${to[0].replace(/^0/, "")} ${to[1]}:${to[2]}`);
    const checked = kind.checkUndo(undo, { limits: limitsFor(folder), ageMs: 0 });
    await kind.undo(checked);
    assert.ok(await kind.verifyUndone(checked));
    assert.equal(look(path), before);
    rmSync(path);
  }
});

test("restoreFileAttributes works on a folder", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "inner");
  mkdirSync(path);
  chmodSync(path, 0o1777);
  await performAll(planFor(path, ["1777", 0, 0], ["0755", 0, 0]), limitsFor(folder));
  assert.equal(look(path), "755 0:0");
});

test("restoreFileAttributes.perform() does nothing when it is done, and its undo keeps what was there", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o644);
  const plan = planFor(path, ["0666", 0, 0], ["0644", 0, 0]);
  const ctime = statSync(path).ctimeMs;
  const undo = await performAll(plan, limitsFor(folder));
  await kind.perform(plan);
  assert.deepEqual(undo.before, { mode: "0644", uid: 0, gid: 0 });
  assert.equal(statSync(path).ctimeMs, ctime);
});

test("restoreFileAttributes goes on from every state that a crash can leave, in both directions", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o664, 1000, 1000);
  const plan = planFor(path, ["0664", 1000, 1000], ["0640", 0, 4]);
  const undo = await kind.prepare(plan);
  for (const [mode, uid, gid] of [
    [0o664, 1000, 1000],
    [0o640, 1000, 1000],
    [0o640, 0, 4],
  ] as const) {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    await kind.perform(plan);
    assert.equal(look(path), "640 0:4");
  }
  for (const [mode, uid, gid] of [
    [0o640, 0, 4],
    [0o640, 1000, 1000],
    [0o664, 1000, 1000],
  ] as const) {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    await kind.undo(undo);
    assert.equal(look(path), "664 1000:1000");
  }
});

test("restoreFileAttributes fails when the file is another one, or looks otherwise by now", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o666);
  const plan = planFor(path, ["0666", 0, 0], ["0644", 0, 0]);
  chmodSync(path, 0o600);
  for (const step of [() => kind.prepare(plan), () => kind.perform(plan)]) {
    assert.throws(step, /it has mode 0600, owner 0:0 by now, mode 0666, owner 0:0 is wanted/);
  }
  const other = makeFile(join(folder, "other"), 0o666);
  renameSync(other, path);
  for (const step of [() => kind.prepare(plan), () => kind.perform(plan), () => kind.verify(plan)]) {
    assert.throws(step, /it was replaced and is now inode \d+/);
  }
  assert.equal(look(path), "666 0:0");
  rmSync(path);
  assert.throws(() => kind.perform(plan), /ENOENT/);
});

test("restoreFileAttributes follows no symbolic link, not even to a file that fits", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o666);
  const plan = planFor(path, ["0666", 0, 0], ["0644", 0, 0]);
  renameSync(path, join(folder, "moved"));
  symlinkSync("moved", path);
  for (const step of [() => kind.prepare(plan), () => kind.perform(plan), () => kind.verify(plan)]) {
    assert.throws(step, { code: "GARRISON_PATH_UNSAFE" });
  }
  assert.equal(look(join(folder, "moved")), "666 0:0");
});

test("restoreFileAttributes refuses hard links, new owners and new bits where others can write to a folder on the way", async (t) => {
  const folder = folderOf(t);
  const shared = join(folder, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const path = makeFile(join(shared, "file"), 0o606, 1000, 1000);
  const prepare = (to: [string, number, number]) => kind.prepare(planFor(path, ["0606", 1000, 1000], to));
  assert.throws(() => prepare(["0600", 0, 1000]), /its owner is only changed below root's own/);
  assert.throws(() => prepare(["0640", 1000, 1000]), /its mode may only lose bits there/);
  assert.doesNotThrow(() => prepare(["0600", 1000, 1000]));
  const victim = makeFile(join(folder, "victim"), 0o644);
  linkSync(victim, join(shared, "link"));
  const plan = planFor(join(shared, "link"), ["0644", 0, 0], ["0600", 0, 0]);
  for (const step of [() => kind.prepare(plan), () => kind.perform(plan)]) assert.throws(step, /it has 2 hard links/);
  assert.equal(look(victim), "644 0:0");
  const undo = { ...plan, before: plan.from, after: plan.to } as unknown as RestoreUndo;
  assert.throws(() => kind.undo(undo), /it has 2 hard links/);
  // The innocent twin: two names below root's own folders.
  linkSync(victim, join(folder, "second"));
  await performAll(planFor(join(folder, "second"), ["0644", 0, 0], ["0600", 0, 0]), limitsFor(folder));
});

test("restoreFileAttributes.perform() leaves all as it was when the kernel refuses", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o666, 1000, 0);
  const plan = planFor(path, ["0666", 1000, 0], ["0644", 0, 0]);
  if (spawnSync("chattr", ["+i", path]).status !== 0) return t.skip("the filesystem has no immutable files");
  t.after(() => spawnSync("chattr", ["-i", path]));
  assert.throws(() => kind.perform(plan), {
    code: "GARRISON_ACTION_FAILED",
    message: /Cannot give .*mode 0644, owner 0:0/,
  });
  assert.equal(look(path), "666 1000:0");
  spawnSync("chattr", ["-i", path]);
});

test("restoreFileAttributes.undo() fails when the file is no longer as the restore left it", async (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o666);
  const undo = await performAll(planFor(path, ["0666", 0, 0], ["0644", 0, 0]), limitsFor(folder));
  chmodSync(path, 0o600);
  assert.throws(() => kind.undo(undo), /it has mode 0600, owner 0:0 by now, mode 0644, owner 0:0 is wanted/);
  renameSync(makeFile(join(folder, "other"), 0o644), path);
  assert.throws(() => kind.undo(undo), /it was replaced/);
});

test("restoreFileAttributes.check() refuses every malformed plan", (t) => {
  const folder = folderOf(t);
  const path = makeFile(join(folder, "file"), 0o666);
  const plan = planFor(path, ["0666", 0, 0], ["0644", 0, 0]);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  for (const change of [
    { inode: "0" },
    { inode: 5 },
    { inode: "1x" },
    { pathBase64: "" },
    { pathBase64: "L2V0Yy9wYXNzd2Q" },
    { pathBase64: base64(`${path}\0`) },
    { pathBase64: base64(`/${"x".repeat(5000)}`) },
    { pathBase64: base64(`${folder}/../etc/passwd`) },
    { to: { mode: "0644", uid: 0 } },
    { to: { mode: "644", uid: 0, gid: 0 } },
    { to: { mode: "0888", uid: 0, gid: 0 } },
    { to: { mode: 0o644, uid: 0, gid: 0 } },
    { to: { mode: "0644", uid: -1, gid: 0 } },
    { to: { mode: "0644", uid: 4_294_967_295, gid: 0 } },
    { to: { mode: "0644", uid: 0.5, gid: 0 } },
    { more: 1 },
  ]) {
    assert.throws(
      () => kind.check({ ...plan, ...change } as never, limitsFor(folder)),
      { code: "GARRISON_ACTION_REFUSED" },
      JSON.stringify(change).slice(0, 80),
    );
  }
  assert.doesNotThrow(() => kind.check(plan, limitsFor(folder)));
});
