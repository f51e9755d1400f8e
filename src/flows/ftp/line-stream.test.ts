import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LineStream } from "./line-stream.ts";

const FIRST = 0xfffffff0 | 0;

function stream(): {
  lines: string[];
  gaps: () => number;
  take: (at: number, text: string, length?: number) => void;
  acknowledge: (at: number) => void;
} {
  const lines: string[] = [];
  let gaps = 0;
  const one = new LineStream("server", FIRST, {
    onLine: (_, bytes, start, end) => void lines.push(bytes.toString("latin1", start, end)),
    onGap: () => void gaps++,
  });
  return {
    lines,
    gaps: () => gaps,
    take: (at, text, length = text.length) =>
      one.take((FIRST + at) | 0, Buffer.from(text, "latin1"), 0, text.length, length),
    acknowledge: (at) => one.acknowledge((FIRST + at) | 0),
  };
}

suite("LineStream", () => {
  test("take() gives each line once, however it was cut, repeated and mixed up", () => {
    const text = "220 ready\r\n331 x\n\r\n230-a\r\n230 b\r\n";
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 7 });
    fc.assert(
      fc.property(cuts, fc.array(fc.nat(20), { maxLength: 12 }), (places, order) => {
        const { lines, take } = stream();
        const edges = [0, ...places.sort((one, other) => one - other), text.length];
        const pieces = edges.slice(1).map((end, index) => [edges[index]!, text.slice(edges[index], end)] as const);
        for (const index of order) take(...pieces[index % pieces.length]!);
        for (const piece of pieces) take(...piece);
        assert.deepEqual(lines, ["220 ready", "331 x", "", "230-a", "230 b"]);
      }),
    );
  });

  test("take() keeps the first copy of a byte that is sent again with another value", () => {
    const { lines, take } = stream();
    take(0, "220 re");
    take(0, "999 evil\r\n");
    assert.deepEqual(lines, ["220 reil"]);
  });

  test("take() drops a line that is too long, one with a gap, and what comes too early in great number", () => {
    const { lines, take, gaps, acknowledge } = stream();
    take(0, `220 ${"x".repeat(5000)}`);
    take(5004, "\r\n331 x\r\n");
    assert.deepEqual(lines, ["331 x"]);
    take(5013, "230 cut", 20);
    take(5033, "off\r\n226 y\r\n");
    assert.deepEqual([lines.at(-1), gaps()], ["226 y", 1]);
    for (let index = 20; index > 0; index--) take(5045 + 10 * index, "221 bye z\n");
    assert.equal(lines.length, 2);
    acknowledge(5245);
    assert.equal(gaps(), 2);
    take(5255, "230 end\r\n");
    assert.equal(lines.at(-1), "230 end");
  });

  test("acknowledge() does not skip what may still come, and skips what was not captured", () => {
    const { lines, take, gaps, acknowledge } = stream();
    acknowledge(5);
    take(0, "220 a\r\n");
    take(14, "331 b\r\n");
    acknowledge(7);
    assert.deepEqual([lines.length, gaps()], [1, 0]);
    acknowledge(21);
    take(21, "230 c\r\n");
    assert.deepEqual([lines, gaps()], [["220 a", "230 c"], 1]);
  });
});
