import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGroupId, readGroupId } from "./group-file.ts";

test("parseGroupId() gives the first gid of a name and nothing for other lines", () => {
  const text = "root:x:0:\nshadow:x:42:\nbad:x:none:\nshort\n:x:9:\nshadow:x:43:alice\n";
  assert.equal(parseGroupId(text, "root"), 0);
  assert.equal(parseGroupId(text, "shadow"), 42);
  assert.equal(parseGroupId(text, "bad"), undefined);
  assert.equal(parseGroupId(text, "short"), undefined);
  assert.equal(parseGroupId(text, "nobody-has-this"), undefined);
});

test("readGroupId() reads the host's file, and a host without one has no groups", () => {
  assert.equal(readGroupId("root"), 0);
  assert.equal(readGroupId("root", "/nonexistent/group"), undefined);
});
