import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readBoundedFile } from "./bounded-file.ts";
import { folderOf } from "./temp-folder.mts";

test("readBoundedFile() gives all of a file within the bound, and nothing of a larger one", (t) => {
  const path = join(folderOf(t), "file");
  for (const size of [0, 1, 4095, 4096, 4097, 100_000]) {
    writeFileSync(path, Buffer.alloc(size, "x"));
    assert.deepEqual(readBoundedFile(path, size), Buffer.alloc(size, "x"), `${size}`);
    if (size > 0) assert.equal(readBoundedFile(path, size - 1), "too-large", `${size}`);
  }
});

test("readBoundedFile() reads files that have no size of their own", () => {
  const mounts = readBoundedFile("/proc/self/mountinfo", 1_000_000);
  assert.ok(Buffer.isBuffer(mounts) && mounts.includes("/proc"));
  assert.equal(readBoundedFile("/proc/self/mountinfo", 10), "too-large");
});

test("readBoundedFile() waits for no FIFO, and takes no folder or device for a file", (t) => {
  const folder = folderOf(t);
  execFileSync("mkfifo", [join(folder, "fifo")]);
  for (const path of [join(folder, "fifo"), folder, "/dev/zero", join(folder, "none"), join(folder, "file/below")])
    assert.equal(readBoundedFile(path, 100), "absent", path);
});
