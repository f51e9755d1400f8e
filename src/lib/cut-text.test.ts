import assert from "node:assert/strict";
import { test } from "node:test";
import { cutText } from "./cut-text.ts";

test("cutText() leaves what fits and marks what it cut, within the length", () => {
  assert.equal(cutText("abc", 3), "abc");
  assert.equal(cutText("abcd", 3), "ab…");
  assert.equal(cutText("", 0), "");
  assert.equal(cutText("abcd", 0), "…");
});
