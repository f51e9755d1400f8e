import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containsNetwork, formatNetwork, type IpNetwork, networkOf, parseNetwork } from "#src/lib/ip-network.ts";
import { NetworkPile } from "./network-pile.ts";
import { atOnce } from "./slices.ts";

function minimize(networks: readonly IpNetwork[]): string[] {
  const pile = new NetworkPile();
  for (const network of networks) pile.add(network);
  assert.equal(pile.count, networks.length);
  return atOnce(pile.minimize());
}

function networksOf(texts: readonly string[]): IpNetwork[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

test("NetworkPile drops duplicates and covered ones, and joins halves", () => {
  for (const [texts, fewest] of [
    [[], []],
    [
      ["203.0.113.5", "203.0.113.5", "203.0.113.0/24", "198.51.100.0/25", "198.51.100.128/25"],
      ["198.51.100.0/24", "203.0.113.0/24"],
    ],
    [
      ["203.0.113.1", "203.0.113.2", "255.255.255.255"],
      ["203.0.113.1/32", "203.0.113.2/32", "255.255.255.255/32"],
    ],
    [
      ["2001:db8::/33", "192.0.2.0/32", "2001:db8:8000::/33", "192.0.2.1", "2001:db8::1"],
      ["192.0.2.0/31", "2001:db8::/32"],
    ],
  ] as const)
    assert.deepEqual(minimize(networksOf(texts)), fewest);
});

test("NetworkPile joins no halves to what a list may not block", () => {
  const widest = ["24.0.0.0/8", "25.0.0.0/8", "2a00::/19", "2a00:2000::/19"];
  assert.deepEqual(minimize(networksOf(widest)), widest);
});

test("NetworkPile takes more than it has room for at first", () => {
  const many = Array.from({ length: 5000 }, (_, at) => networkOf(Uint8Array.of(24, 0, at >> 7, (at & 127) * 2), 32));
  assert.equal(minimize(many).length, 5000);
});

test("NetworkPile holds the same addresses as before, none of them twice, and is done after once", () => {
  const network = fc
    .tuple(fc.constantFrom(4, 16), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 8 }))
    .map(([length, last, short]) =>
      networkOf(new Uint8Array(length).fill(32).fill(last, length - 1), length * 8 - short),
    );
  fc.assert(
    fc.property(fc.array(network, { maxLength: 60 }), network, (networks, { bytes }) => {
      const fewer = networksOf(minimize(networks));
      const address = networkOf(bytes, bytes.length * 8);
      const holders = (list: readonly IpNetwork[]): number =>
        list.filter((one) => containsNetwork(one, address)).length;
      assert.equal(holders(fewer), holders(networks) > 0 ? 1 : 0);
      assert.deepEqual(minimize(fewer), fewer.map(formatNetwork));
    }),
  );
});
