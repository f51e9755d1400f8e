import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_LINE_BYTES } from "./line-cutter.ts";
import { countEnds, countTooLong, endOfLine, lineText, skipNuls, startOfLine } from "./lines.ts";

test("countEnds() counts the ends of lines between any two places, in any bytes", () => {
  const byte = fc.constantFrom(0x0a, 0x0b, 0x8a, 0x00, 0x09, 0xff, 0x61);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), fc.nat(40), fc.nat(40), fc.nat(7), (values, one, other, shift) => {
      const block = Buffer.from([...new Array<number>(shift).fill(10), ...values]).subarray(shift);
      const [from, to] = [Math.min(one, other, values.length), Math.min(Math.max(one, other), values.length)];
      assert.equal(countEnds(block, from, to), values.slice(from, to).filter((value) => value === 10).length);
    }),
  );
});

test("startOfLine() and endOfLine() find the line of a place", () => {
  const block = Buffer.from("\nab\n\nc");
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((at) => [startOfLine(block, at), endOfLine(block, startOfLine(block, at))]),
    [
      [0, 0],
      [1, 3],
      [1, 3],
      [1, 3],
      [4, 4],
      [5, 6],
    ],
  );
});

test("countTooLong() counts lines of more than 64 KiB", () => {
  const line = (length: number): string => `${"x".repeat(length)}\n`;
  const count = (text: string): number => countTooLong(Buffer.from(text));
  assert.equal(count(line(MAX_LINE_BYTES).repeat(3)), 0);
  assert.equal(count(line(MAX_LINE_BYTES + 1)), 1);
  assert.equal(count(`${line(10)}${line(3 * MAX_LINE_BYTES)}${line(10)}${"x".repeat(MAX_LINE_BYTES + 1)}`), 2);
  assert.equal(count(line(100).repeat(10_000)), 0);
});

test("lineText() leaves out the end of the line, and skipNuls() NULs in front of it", () => {
  const block = Buffer.from("\0\0a\0b\xff\r\nrest", "latin1");
  assert.equal(skipNuls(block, 0, 7), 2);
  assert.equal(lineText(block, 2, 7), "a\0b\xff");
  assert.equal(lineText(block, 8, 12), "rest");
  assert.equal(lineText(Buffer.alloc(70_000, "x"), 0, 70_000).length, MAX_LINE_BYTES);
});
