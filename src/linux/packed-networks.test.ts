import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import {
  countNetworks,
  differenceOf,
  type PackedNetworks,
  packNetworks,
  slicesOf,
  unionOf,
  unpackNetworks,
} from "./packed-networks.ts";

function pack(texts: readonly string[]): PackedNetworks {
  return packNetworks(texts.map((text) => parseNetwork(text)!));
}

function shown(packed: PackedNetworks): string[] {
  return [...unpackNetworks(packed)].map(formatNetwork);
}

test("packNetworks() sorts, and keeps each once, by family and length", () => {
  const packed = pack([
    "192.0.2.9",
    "10.0.0.1",
    "192.0.2.9",
    "2001:db8::2",
    "2001:db8::1",
    "2001:db8::/64",
    "255.0.0.1",
  ]);
  assert.deepEqual(
    [...packed].map(([name, { keys }]) => [name, keys.length]),
    [
      ["4_32", 12],
      ["6_128", 32],
      ["6_64", 16],
    ],
  );
  assert.deepEqual(shown(packed).slice(0, 3), ["10.0.0.1/32", "192.0.2.9/32", "255.0.0.1/32"]);
  assert.equal(countNetworks(packed), 6);
});

test("unionOf(), differenceOf() and slicesOf() agree with sets", () => {
  const text = fc.oneof(
    fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(24, 32)).map(([n, prefix]) => `192.0.${n}.0/${prefix}`),
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(64, 128))
      .map(([n, prefix]) => `2001:db8:${n}::/${prefix}`),
  );
  const some = fc.array(text, { maxLength: 12 });
  fc.assert(
    fc.property(some, some, fc.integer({ min: 1, max: 4 }), (a, b, most) => {
      const union = unionOf([pack(a), pack(b)]);
      assert.deepEqual(new Set(shown(union)), new Set([...a, ...b]));
      assert.equal(countNetworks(union), new Set([...a, ...b]).size);
      assert.deepEqual(new Set(shown(differenceOf(pack(a), pack(b)))), new Set(a).difference(new Set(b)));
      const slices = [...slicesOf(union, most)].flatMap((group) => shown(new Map([["", group]])));
      assert.deepEqual(slices, shown(union));
    }),
  );
});
