import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FILE_KINDS, type FileKind, HEAD_BYTES, headAt, readItems, writePrefix } from "./feed.ts";

interface Item {
  readonly queue: number;
  readonly kind: FileKind;
  readonly ownerUid: number;
  readonly bytes: Uint8Array;
}

function write(items: readonly Item[]): Buffer {
  const into = Buffer.alloc(100_000);
  let at = 0;
  for (const { bytes, ...item } of items) {
    into.set(bytes, headAt(at));
    at = writePrefix(into, at, { ...item, bytes: bytes.length });
  }
  return into.subarray(0, at);
}

const item: fc.Arbitrary<Item> = fc.record(
  {
    queue: fc.nat(65_535),
    kind: fc.constantFrom(...FILE_KINDS),
    ownerUid: fc.nat(),
    bytes: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

test("readItems() gives what was written, however it is cut", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 10 }), fc.nat(), (items, cut) => {
      const bytes = write(items);
      const got: Item[] = [];
      const take = (one: Omit<Item, "kind"> & { kind: FileKind | undefined }): void => {
        got.push({ ...one, kind: one.kind ?? "exim", bytes: new Uint8Array(one.bytes) });
      };
      const first = bytes.subarray(0, bytes.length === 0 ? 0 : cut % bytes.length);
      const used = readItems(first, first.length, take);
      const rest = bytes.subarray(used);
      assert.equal(readItems(rest, rest.length, take), rest.length);
      assert.deepEqual(got, items);
    }),
  );
});

test("readItems() refuses a beginning that is longer than any, and tells no kind that is not known", () => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(HEAD_BYTES + 1, 0);
  assert.throws(() => readItems(bytes, 12, () => assert.fail()), RangeError);
  bytes.writeUInt32LE(0, 0);
  bytes.writeUInt16LE(99, 6);
  readItems(bytes, 12, ({ kind }) => assert.equal(kind, undefined));
});
