import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from "./frames.ts";

/** What a stream gives that comes in these chunks: its values, and the code of the error that ended it. */
function readChunks(chunks: readonly Uint8Array[], maxFrameBytes?: number): { values: unknown[]; code: string | null } {
  const reader = new FrameReader(maxFrameBytes);
  const values: unknown[] = [];
  try {
    for (const chunk of chunks) for (const value of reader.push(Buffer.from(chunk))) values.push(value);
  } catch (error) {
    assert.ok(error instanceof GarrisonError);
    return { values, code: error.code };
  }
  return { values, code: null };
}

function read(stream: string | Uint8Array, maxFrameBytes?: number): { values: unknown[]; code: string | null } {
  return readChunks([Buffer.from(stream)], maxFrameBytes);
}

/** The bytes cut at these places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

const WELL_FORMED: readonly (readonly [stream: string, values: readonly unknown[]])[] = [
  ["", []],
  ["1", []],
  ['{"t":"ack","seq":1}\n', [{ t: "ack", seq: 1 }]],
  ["1\n2\n3", [1, 2]],
  ['"a\\nb"\n', ["a\nb"]],
  ['"\u2028 é 💾"\n', ["\u2028 é 💾"]],
  [' {"a":[]} \r\n', [{ a: [] }]],
  ["null\n", [null]],
];

for (const [stream, values] of WELL_FORMED) {
  test(`FrameReader gives ${JSON.stringify(values)} for ${JSON.stringify(stream)}`, () => {
    assert.deepEqual(read(stream), { values, code: null });
  });
}

const MALFORMED: readonly (readonly [what: string, stream: string | Uint8Array])[] = [
  ["an empty line", "\n"],
  ["no JSON", "hello\n"],
  ["two values on a line", "1 2\n"],
  ["an unfinished value", '{"a":\n'],
  ["a byte order mark", "\ufeff1\n"],
  ["a NUL", "1\0\n"],
  ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22, 10)],
  ["an overlong encoding of a quote", Uint8Array.of(0x22, 0xc0, 0xa2, 0x22, 10)],
  ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22, 10)],
  ["NaN", "NaN\n"],
  ["a raw control in a text", '"a\tb"\n'],
];

for (const [what, stream] of MALFORMED) {
  test(`FrameReader refuses ${what}`, () => {
    assert.deepEqual(read(stream), { values: [], code: "GARRISON_WIRE_MALFORMED" });
  });
}

test("FrameReader gives what came before a line that it refuses, and nothing behind it", () => {
  const reader = new FrameReader();
  const values: unknown[] = [];
  const take = (bytes: string): void => {
    for (const value of reader.push(Buffer.from(bytes))) values.push(value);
  };
  const refusal = { code: "GARRISON_WIRE_MALFORMED", message: "Cannot accept message: a line is not JSON" };
  assert.throws(() => take("1\n2\nbad\n3\n"), refusal);
  assert.throws(() => take("4\n"), refusal);
  assert.deepEqual(values, [1, 2]);
});

test("FrameReader accepts a frame of exactly the cap and refuses one byte more, with or without its end", () => {
  const text = JSON.stringify("x".repeat(8));
  assert.deepEqual(read(`${text}\n`, 10), { values: ["x".repeat(8)], code: null });
  for (const stream of [`"${"x".repeat(9)}"\n`, "x".repeat(11), `1\n${"x".repeat(11)}`]) {
    assert.equal(read(stream, 10).code, "GARRISON_WIRE_TOO_LONG");
  }
  assert.throws(() => [...new FrameReader(10).push(Buffer.from("x".repeat(11)))], {
    message: "Cannot accept message: it is longer than 10 bytes",
  });
});

test("FrameReader counts bytes, not characters, and only those of one frame", () => {
  assert.equal(read('"ééé"\n', 8).code, null);
  assert.equal(read('"ééé"\n', 7).code, "GARRISON_WIRE_TOO_LONG");
  assert.equal(read("12345\n".repeat(100), 5).values.length, 100);
});

test("FrameReader holds a frame that comes byte by byte in the memory of two frames", () => {
  const text = "x".repeat(MAX_FRAME_BYTES - 2);
  const frame = Buffer.from(`"${text}"\n`);
  const reader = new FrameReader();
  const beforeBytes = process.memoryUsage.rss();
  let values: unknown[] = [];
  // As from a socket, where each chunk has memory of its own: a list of chunks would take 200 bytes for each of them.
  for (const byte of frame) values = [...reader.push(Buffer.from(Uint8Array.of(byte).buffer))];
  assert.ok(process.memoryUsage.rss() - beforeBytes < 100 * MAX_FRAME_BYTES);
  assert.deepEqual(values, [text]);
});

test("FrameReader copies what it holds: the owner of the chunk may use it again", () => {
  const reader = new FrameReader();
  const chunk = Buffer.from('1\n"ab');
  assert.deepEqual([...reader.push(chunk)], [1]);
  chunk.fill("?");
  assert.deepEqual([...reader.push(Buffer.from('c"\n'))], ["abc"]);
});

// Valid and invalid lines, so that streams end well, with an error, or in the middle.
const LINE = fc.oneof(
  fc.json().map((text) => Buffer.from(`${text}\n`)),
  fc.constantFrom("\n", "{\n", "1 2\n", "é", `"${"x".repeat(50)}"\n`).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
);

test("FrameReader gives the same values and the same end wherever the stream is cut", () => {
  const stream = fc.array(LINE, { maxLength: 8 }).map((lines) => Buffer.concat(lines));
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      (bytes, places, cap) => {
        const whole = readChunks([bytes], cap);
        assert.deepEqual(readChunks(cutAt(bytes, places), cap), whole);
        assert.deepEqual(readChunks(cutAt(bytes, [...bytes.keys()]), cap), whole);
      },
    ),
    { numRuns: 500 },
  );
});

test("FrameReader gives values or one of its two errors for any bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array(), { maxLength: 10 }), (chunks) => {
      const { code } = readChunks(chunks, 20);
      assert.ok([null, "GARRISON_WIRE_TOO_LONG", "GARRISON_WIRE_MALFORMED"].includes(code));
    }),
  );
});

test("FrameReader reads what encodeFrame() wrote, in any chunks", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.array(fc.nat()), (values, places) => {
      const bytes = Buffer.from(values.map((value) => encodeFrame(value)).join(""));
      const expected = values.map((value) => JSON.parse(JSON.stringify(value)));
      assert.deepEqual(readChunks(cutAt(bytes, places)), { values: expected, code: null });
    }),
  );
});

test("encodeFrame() writes one line, whatever the texts are", () => {
  assert.equal(encodeFrame({ a: "x\ny\r\u2028" }), '{"a":"x\\ny\\r\u2028"}\n');
  assert.equal(encodeFrame("\ud800"), '"\\ud800"\n');
});

test("encodeFrame() refuses what FrameReader would refuse as too long", () => {
  assert.equal(encodeFrame("x".repeat(8), 10), `"${"x".repeat(8)}"\n`);
  const message = "Cannot send message: it has 11 bytes, 10 are allowed";
  assert.throws(() => encodeFrame("x".repeat(9), 10), { name: "RangeError", message });
  assert.throws(() => encodeFrame("é".repeat(5), 10), { name: "RangeError" });
});

for (const value of [undefined, () => {}, Symbol("s")]) {
  test(`encodeFrame() refuses a ${typeof value}`, () => {
    const message = `Cannot send message: it is ${typeof value}, expected JSON`;
    assert.throws(() => encodeFrame(value), { name: "TypeError", message });
  });
}
