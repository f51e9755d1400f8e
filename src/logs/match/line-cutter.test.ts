import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineCutter, MAX_LINE_BYTES } from "./line-cutter.ts";

interface Cut {
  readonly text: string;
  readonly offset: number;
}

/** What a cutter gives for these chunks, each of which is overwritten when it has been taken. */
function cut(chunks: readonly string[], { offset = 0, end = false } = {}): { cuts: Cut[]; cutter: LineCutter } {
  const cutter = new LineCutter(offset);
  const cuts: Cut[] = [];
  const take = (bytes: Buffer, at: number): void => void cuts.push({ text: bytes.toString("latin1"), offset: at });
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk, "latin1");
    cutter.push(bytes, take);
    bytes.fill(0x23);
  }
  if (end) cutter.end(take);
  return { cuts, cutter };
}

test("LineCutter gives the whole lines of a chunk at once, and holds the beginning of the next", () => {
  const { cuts, cutter } = cut(["one\ntwo\r\nthr"], { offset: 100 });
  assert.deepEqual(cuts, [{ text: "one\ntwo\r\n", offset: 100 }]);
  assert.deepEqual([cutter.offset, cutter.next, cutter.heldBytes], [109, 112, 3]);
});

test("LineCutter puts a line together that comes in pieces", () => {
  const { cuts, cutter } = cut(["a", "", "b", "c\nnext\n", "la", "st\n"]);
  assert.deepEqual(cuts, [
    { text: "abc\n", offset: 0 },
    { text: "next\n", offset: 4 },
    { text: "last\n", offset: 9 },
  ]);
  assert.deepEqual([cutter.offset, cutter.heldBytes], [14, 0]);
});

test("LineCutter.end() gives the last line without its end, once", () => {
  const { cuts, cutter } = cut(["one\ntwo"], { end: true });
  assert.deepEqual(cuts.at(-1), { text: "two", offset: 4 });
  cutter.end(() => assert.fail("nothing is left"));
  assert.equal(cutter.offset, 7);
});

test("LineCutter gives the head of a line that is too long, passes over the rest, and goes on behind it", () => {
  const long = "x".repeat(3 * MAX_LINE_BYTES);
  const { cuts, cutter } = cut([long, long, "x\nnext\n"]);
  assert.deepEqual(cuts, [
    { text: "x".repeat(MAX_LINE_BYTES + 1), offset: 0 },
    { text: "next\n", offset: 2 * long.length + 2 },
  ]);
  assert.equal(cutter.heldBytes, 0);
});

test("LineCutter stays in front of a line that is too long until its end has come, so that it is not read as two", () => {
  const { cuts, cutter } = cut(["one\n", "x".repeat(2 * MAX_LINE_BYTES), "x".repeat(2 * MAX_LINE_BYTES)]);
  assert.equal(cuts.length, 1);
  assert.equal(cutter.offset, 4);
  assert.ok(cutter.heldBytes <= MAX_LINE_BYTES + 1);
});

test("LineCutter passes over the NULs that a log has which was truncated under its writer", () => {
  const { cuts, cutter } = cut(["\0".repeat(1000), "\0\0on", "e\n", "\0".repeat(10)]);
  assert.deepEqual(cuts, [{ text: "one\n", offset: 1002 }]);
  assert.deepEqual([cutter.offset, cutter.heldBytes], [1016, 0]);
});

test("LineCutter gives the same lines at the same places however the bytes are cut", () => {
  const text = fc
    .array(fc.constantFrom("a", "\n", "\r\n", "\0", "\xff", "bc", "x".repeat(MAX_LINE_BYTES)), { maxLength: 20 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (whole, places) => {
      const cutsAt = [0, ...places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
      const chunks = cutsAt.slice(1).map((to, index) => whole.slice(cutsAt[index], to));
      const { cuts, cutter } = cut(chunks, { end: true });
      const lines = cuts.flatMap(({ text, offset }) =>
        [...text.matchAll(/[^\n]*\n|[^\n]+$/g)].map((match) => ({ line: match[0], at: offset + match.index })),
      );
      const expected = whole.match(/[^\n]*\n|[^\n]+$/g) ?? [];
      const kept = lines
        .map(({ line }) => line.replace(/^\0+/, "").slice(0, MAX_LINE_BYTES))
        .filter((line) => line !== "");
      const wanted = expected
        .map((line) => line.replace(/^\0+/, "").slice(0, MAX_LINE_BYTES))
        .filter((line) => line !== "");
      assert.deepEqual(kept, wanted);
      for (const { line, at } of lines) assert.equal(whole.slice(at, at + line.length), line);
      assert.equal(cutter.offset, whole.length);
    }),
  );
});
