import assert from "node:assert/strict";
import { test } from "node:test";
import { toRawPath } from "#src/lib/raw-path.ts";
import { findListing, parseWatchedPatterns } from "./watched-paths.ts";

test("findListing() is secret as soon as one pattern says so, and compares bytes", () => {
  const patterns = parseWatchedPatterns([
    { pattern: "/etc/*", secret: false },
    { pattern: "/etc/shadow", secret: true },
    { pattern: "/srv/ä/*", secret: false },
  ]);
  assert.deepEqual(findListing(patterns, "/etc/passwd"), { secret: false });
  assert.deepEqual(findListing(patterns, "/etc/shadow"), { secret: true });
  assert.deepEqual(findListing(patterns, toRawPath("/srv/ä/x")), { secret: false });
  assert.equal(findListing(patterns, "/etc/a/b"), undefined);
  assert.equal(findListing(patterns, "/etc/.."), undefined);
  assert.equal(findListing(patterns, "/"), undefined);
});
