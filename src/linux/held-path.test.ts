import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toRawPath } from "#src/lib/raw-path.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { HeldPath } from "./held-path.ts";

function fileIn(folder: string, name = "file"): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  chmodSync(path, 0o644);
  return path;
}

test("HeldPath.open() tells type, inode and ownership of a file and a folder", (t) => {
  const folder = folderOf(t);
  const path = fileIn(folder, "näme\n");
  using file = HeldPath.open(toRawPath(path));
  const stats = statSync(path);
  assert.deepEqual([file.type, file.inode, file.links], ["file", BigInt(stats.ino), 1]);
  assert.deepEqual(file.readOwnership(), { mode: 0o644, uid: 0, gid: 0 });
  using same = HeldPath.open(toRawPath(folder));
  assert.equal(same.type, "folder");
});

test("HeldPath.open() throws GARRISON_PATH_UNSAFE for a symbolic link in any place, devices, FIFOs and paths that are not plain", (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, "real"));
  fileIn(join(folder, "real"));
  symlinkSync("real", join(folder, "link"));
  symlinkSync("real/file", join(folder, "last"));
  spawnSync("mkfifo", [join(folder, "fifo")]);
  for (const path of [
    `${folder}/link/file`,
    `${folder}/last`,
    `${folder}/fifo`,
    `${folder}/real/../real/file`,
    `${folder}//real/file`,
    `${folder}/real/./file`,
    `${folder}/real/file/`,
    `${folder}/real/file/below`,
    `${folder}/real/file\0x`,
    "/dev/null",
    "/proc/self/exe",
    "/proc/self/root/etc/passwd",
    "/",
    "",
    "etc/passwd",
    `/${"x".repeat(5000)}`,
  ]) {
    assert.throws(() => HeldPath.open(path), { code: "GARRISON_PATH_UNSAFE" }, path.slice(0, 80));
  }
  assert.throws(() => HeldPath.open(`${folder}/nothing`), { code: "GARRISON_SYSCALL" });
});

test("HeldPath changes the file that it holds, whatever takes its name", (t) => {
  const folder = folderOf(t);
  const path = fileIn(folder);
  using held = HeldPath.open(path);
  renameSync(path, `${path}.moved`);
  symlinkSync("/etc/passwd", path);
  const passwd = statSync("/etc/passwd");
  held.setOwner(1000, 1000);
  held.setMode(0o600);
  assert.equal(statSync(`${path}.moved`).uid, 1000);
  assert.equal(statSync(`${path}.moved`).mode & 0o7777, 0o600);
  assert.deepEqual([statSync("/etc/passwd").mode, statSync("/etc/passwd").uid], [passwd.mode, passwd.uid]);
});

test("HeldPath.isRootsOwn is whether root alone decides what lies at the path", (t) => {
  const folder = folderOf(t);
  const inner = join(folder, "inner");
  mkdirSync(inner);
  const path = fileIn(inner);
  const isRootsOwn = (mode: number, uid = 0, fileUid = 0): boolean => {
    chownSync(inner, uid, 0);
    chmodSync(inner, mode);
    chownSync(path, fileUid, 0);
    using held = HeldPath.open(path);
    return held.isRootsOwn;
  };
  assert.equal(isRootsOwn(0o755), true);
  assert.equal(isRootsOwn(0o755, 0, 1000), true);
  assert.equal(isRootsOwn(0o755, 1000), false);
  assert.equal(isRootsOwn(0o775), false);
  assert.equal(isRootsOwn(0o757), false);
  assert.equal(isRootsOwn(0o1777), true);
  assert.equal(isRootsOwn(0o1777, 0, 1000), false);
});
