import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#src/model/json.ts";
import {
  follows,
  formatEntry,
  GENESIS_HASH,
  hashEntry,
  isIntact,
  MAX_LINE_BYTES,
  makeEntry,
  parseEntry,
} from "./chain.ts";

const AT = new Date("2026-01-02T03:04:05.678Z");
const START = { seq: 0, hash: GENESIS_HASH };

function make(data: JsonObject = { a: 1 }, kind = "test.entry") {
  return makeEntry({ kind, by: "admin:root", ref: 7, data }, START, AT);
}

test("makeEntry() binds an entry to the one before", () => {
  const first = make();
  const second = makeEntry({ kind: "b", by: "x", ref: null, data: {} }, first, AT);
  assert.ok(follows(first, START));
  assert.ok(follows(second, first));
  assert.ok(!follows(second, START));
  assert.equal(second.prev, first.hash);
});

test("hashEntry() is sha256 over prev, a newline and the other fields as JSON in fixed order", () => {
  // printf '%064d\n{"seq":1,"at":"2026-01-02T03:04:05.678Z","kind":"test.entry","by":"admin:root","ref":7,"data":{"a":1}}' 0 | sha256sum
  assert.equal(hashEntry(make()), "434e1031c324f5d7be9b60f202e89713a6b9c866d7a0ead4c6b135f400cd2bb5");
});

test("makeEntry() replaces data that is too long or too deep, and says how long it was", () => {
  const long = { text: "x".repeat(MAX_LINE_BYTES) };
  assert.deepEqual(make(long).data, { cut: true, bytes: JSON.stringify(long).length });
  let deep: JsonObject = {};
  for (let depth = 0; depth < 40; depth++) deep = { deep };
  assert.deepEqual(make(deep).data, { cut: true, bytes: JSON.stringify(deep).length });
  const longest = make({ text: "x".repeat(65_000) });
  assert.equal(longest.data["cut"], undefined);
  assert.ok(formatEntry(longest).length <= MAX_LINE_BYTES);
});

test("makeEntry() refuses a kind or a name that is too long", () => {
  assert.throws(() => make({}, "k".repeat(65)), RangeError);
});

test("parseEntry() gives back every entry that makeEntry() makes", () => {
  const data = fc.dictionary(fc.string({ maxLength: 20 }), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(data, fc.string({ maxLength: 64, unit: "binary" }), (value, kind) => {
      const entry = make(JSON.parse(JSON.stringify(value)) as JsonObject, kind);
      const parsed = parseEntry(Buffer.from(formatEntry(entry)));
      assert.ok(isIntact(parsed));
      assert.equal(formatEntry(parsed), formatEntry(entry));
    }),
  );
});

test("parseEntry() throws SyntaxError for any other bytes", () => {
  const line = formatEntry(make());
  for (const bad of [
    "",
    "null",
    "[]",
    "{}",
    ` ${line}`,
    line.replace('"seq":1', '"seq":1.0'),
    line.replace('"seq":1', '"seq":0'),
    line.replace('"by"', '"b\\u0079"'),
    line.replace('"a":1', '"a":1,"a":1'),
    line.replace('"a":1', '"__proto__":1'),
    line.replace(/"hash":"./, '"hash":"G'),
    line.slice(0, -1),
    `${line.slice(0, -1)},"more":1}`,
    "x".repeat(MAX_LINE_BYTES + 1),
    "[".repeat(MAX_LINE_BYTES),
  ]) {
    assert.throws(() => parseEntry(Buffer.from(bad)), SyntaxError, bad.slice(0, 80));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(() => parseEntry(Buffer.from(bytes)), SyntaxError);
    }),
  );
});

test("isIntact() notices any field that changed", () => {
  const entry = make();
  assert.ok(isIntact(entry));
  for (const change of [
    { seq: 2 },
    { at: "2026-01-02T03:04:05.679Z" },
    { kind: "x" },
    { by: "x" },
    { ref: null },
    { data: {} },
  ]) {
    assert.ok(!isIntact({ ...entry, ...change }), JSON.stringify(change));
  }
});
