import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutUser, MAX_FRAME_HITS, replayMessage } from "./messages.ts";

const HIT = [0, 7, 630, 1_795_351_265_000, "sshd.failed", "198.51.100.23", "alice"];

test("replayMessage takes hits, with or without time, address and user", () => {
  const hits = [HIT, [0, 8, 700, null, "sshd.failed", null, null]];
  assert.deepEqual(replayMessage({ t: "hits", hits }, "message"), { t: "hits", hits });
});

const WRONG: readonly (readonly [what: string, message: unknown])[] = [
  ["a tag that is not in the table", { t: "run", command: "id" }],
  ["a hit with more in it", { t: "hits", hits: [[...HIT, 1]] }],
  ["a hit that is an object", { t: "hits", hits: [{ length: 7 }] }],
  ["a user that is too long", { t: "hits", hits: [HIT.with(6, "u".repeat(257))] }],
  ["an address that is too long", { t: "hits", hits: [HIT.with(5, "1".repeat(65))] }],
  ["a time that is no date", { t: "hits", hits: [HIT.with(3, 8.65e15)] }],
  ["a file that cannot be", { t: "hits", hits: [HIT.with(0, -1)] }],
  ["too many hits", { t: "hits", hits: Array.from({ length: MAX_FRAME_HITS + 1 }, () => HIT) }],
  ["progress with another key", { t: "progress", file: 0, bytes: 1, lines: 1, x: 1 }],
];

for (const [what, message] of WRONG) {
  test(`replayMessage refuses ${what}`, () => {
    assert.throws(() => replayMessage(message, "message"), { code: "GARRISON_WIRE_MALFORMED" });
  });
}

test("replayMessage gives a message or GARRISON_WIRE_MALFORMED for any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        replayMessage(value, "message");
      } catch (error) {
        assert.equal((error as { code?: string }).code, "GARRISON_WIRE_MALFORMED");
      }
    }),
  );
});

test("cutUser() makes of any user what the table takes", () => {
  fc.assert(
    fc.property(fc.option(fc.string({ maxLength: 600 })), (user) => {
      replayMessage({ t: "hits", hits: [HIT.with(6, cutUser(user) as string)] }, "message");
    }),
  );
});
