import assert from "node:assert/strict";
import { chownSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { createForAppend, prepareOwnFolder, replaceFile } from "./durable-file.ts";

test("replaceFile() puts a whole file in place, with owner and mode, and leaves nothing else", (t) => {
  const folder = folderOf(t);
  const path = join(folder, "file");
  writeFileSync(path, "old");
  writeFileSync(`${path}.new`, "left behind by a crash");
  replaceFile(path, "new", { mode: 0o640, gid: 4242 });
  assert.equal(readFileSync(path, "utf8"), "new");
  assert.deepEqual([statSync(path).mode & 0o7777, statSync(path).gid], [0o640, 4242]);
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("replaceFile() follows no symbolic link", (t) => {
  const folder = folderOf(t);
  const victim = join(folder, "victim");
  writeFileSync(victim, "untouched");
  symlinkSync(victim, join(folder, "file.new"));
  symlinkSync(victim, join(folder, "file"));
  replaceFile(join(folder, "file"), "new", { mode: 0o600, gid: 0 });
  assert.equal(readFileSync(victim, "utf8"), "untouched");
  assert.throws(() => createForAppend(join(folder, "file"), { mode: 0o600, gid: 0 }), { code: "EEXIST" });
});

test("prepareOwnFolder() makes a folder or takes its own, and refuses any other", (t) => {
  const folder = folderOf(t);
  const own = join(folder, "a/b");
  prepareOwnFolder(own, { mode: 0o750, gid: 4242 });
  prepareOwnFolder(own, { mode: 0o700, gid: 0 });
  assert.equal(statSync(own).mode & 0o7777, 0o700);
  chownSync(own, 1000, 0);
  assert.throws(() => prepareOwnFolder(own, { mode: 0o700, gid: 0 }), { code: "GARRISON_FOLDER_UNSAFE" });
  symlinkSync("/etc", join(folder, "link"));
  assert.throws(() => prepareOwnFolder(join(folder, "link"), { mode: 0o700, gid: 0 }));
});
