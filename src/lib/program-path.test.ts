import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeleted, isInMemory, isInSharedFolder, withoutDeleted } from "./program-path.ts";

test("isInSharedFolder() knows the folders where anyone can write, and no folder that is only named like them", () => {
  for (const exe of ["/tmp/x", "/var/tmp/x", "/dev/shm/a/b", "/run/user/1000/x (deleted)"])
    assert.ok(isInSharedFolder(exe));
  for (const exe of ["/tmpx/a", "/usr/tmp/x", "/home/a/tmp/x", "/run/garrison/x", "tmp/x", ""])
    assert.ok(!isInSharedFolder(exe));
});

test("isInMemory() and isDeleted() read the kernel's own marks", () => {
  assert.ok(isInMemory("/memfd:a (deleted)"));
  assert.ok(!isInMemory("/tmp/memfd:a"));
  assert.ok(isDeleted("/usr/sbin/sshd (deleted)"));
  assert.ok(!isDeleted("/tmp/x (deleted)/y"));
  assert.equal(withoutDeleted("/usr/sbin/sshd (deleted)"), "/usr/sbin/sshd");
  assert.equal(withoutDeleted("/usr/sbin/sshd"), "/usr/sbin/sshd");
});
