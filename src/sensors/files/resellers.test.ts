import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseResellers } from "./resellers.ts";

test("parseResellers() reads ACLs by reseller and adds up equal names", () => {
  const parsed = parseResellers("kim:all,list-accts\n# comment: x\n\nlee:\nkim:news,\nbroken line\n");
  assert.deepEqual(
    [...parsed],
    [
      ["kim", new Set(["all", "list-accts", "news"])],
      ["lee", new Set()],
    ],
  );
});

test("parseResellers() is not fooled by spaces, carriage returns or names of JavaScript", () => {
  assert.ok(parseResellers("kim: list-accts , all \r\n").get("kim")?.has("all"));
  assert.ok(parseResellers("__proto__:all\n").get("__proto__")?.has("all"));
});

test("parseResellers() gives resellers for any text, within bounds", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(":", ",", "\n", "a", "#", " ", "\0") }), (text) => {
      for (const [name, acls] of parseResellers(text)) assert.ok(name.length <= 256 && !acls.has(""));
    }),
  );
  assert.equal(parseResellers("a:all\n".repeat(100_000)).size, 1);
});
