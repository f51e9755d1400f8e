import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LiteralScanner } from "./literal-scanner.ts";

/** Texts found, with the start of the line that each place is in, sorted. */
function find(texts: readonly string[], block: string, sample = ""): string[] {
  const hits = new LiteralScanner(texts, Buffer.from(sample)).scan(Buffer.from(block, "latin1"));
  return Array.from({ length: hits.count }, (_, index) => {
    const at = hits.positions[index]!;
    return `${texts[hits.texts[index]!]}@${block.lastIndexOf("\n", at) + 1}`;
  });
}

test("LiteralScanner finds every text at every place, also where they overlap", () => {
  assert.deepEqual(find(["abcd", "bcd"], "abcd\nxbcd").sort(), ["abcd@0", "bcd@0", "bcd@5"]);
  assert.deepEqual(find(["aaa"], "aaaaa").length, 3);
  assert.deepEqual(find(["needle"], "needle"), ["needle@0"]);
  assert.deepEqual(find(["needle"], "needl"), []);
  assert.deepEqual(find([], "anything"), []);
  assert.deepEqual(find(["abc"], ""), []);
});

test("LiteralScanner tells places in order, also with one table for short texts and one for long ones", () => {
  const texts = ["su:", "authentication failure", "failed password for invalid user"];
  const block = "x su: y\nauthentication failure\nsu: Failed password for invalid user su:\n".repeat(50);
  const { count, positions } = new LiteralScanner(texts, Buffer.from(block)).scan(Buffer.from(block));
  assert.equal(count, 250);
  assert.deepEqual(
    [...positions.subarray(0, count)],
    [...positions.subarray(0, count)].sort((a, b) => a - b),
  );
});

test("LiteralScanner finds what indexOf finds in lower case, whatever the sample was", () => {
  const letters = fc.constantFrom("a", "b", "A", "B", "c", " ", "\n");
  const text = fc
    .array(fc.constantFrom("a", "b", "c", " "), { minLength: 3, maxLength: 14 })
    .map((one) => one.join(""));
  const bytes = fc.array(letters, { maxLength: 200 }).map((one) => one.join(""));
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 30 }), bytes, bytes, (texts, block, sample) => {
      const expected = texts.flatMap((one) => {
        const places: string[] = [];
        const folded = block.toLowerCase();
        for (let at = folded.indexOf(one); at !== -1; at = folded.indexOf(one, at + 1)) {
          places.push(`${one}@${block.lastIndexOf("\n", at) + 1}`);
        }
        return places;
      });
      assert.deepEqual(find(texts, block, sample).sort(), expected.sort());
    }),
  );
});

test("LiteralScanner takes bytes that are no text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      assert.equal(new LiteralScanner(["failed password", "xyz"], bytes).scan(bytes).count >= 0, true);
    }),
  );
});

test("LiteralScanner refuses texts that are short, no ASCII, in upper case, or hold an end of line", () => {
  for (const text of ["", "ab", "Upper", "caf\u00e9", "one\ntwo", "nul\0"])
    assert.throws(() => new LiteralScanner([text], Buffer.alloc(0)), /^RangeError: Cannot look for "/);
});
