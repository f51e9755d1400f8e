import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMode } from "./file-mode.ts";

test("formatMode() gives four octal digits, whatever else st_mode holds", () => {
  assert.equal(formatMode(0), "0000");
  assert.equal(formatMode(0o4755), "4755");
  assert.equal(formatMode(0o100600), "0600");
  assert.equal(formatMode(0o041777), "1777");
});
