import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { networkOf, parseNetwork } from "#src/lib/ip-network.ts";
import { rangesOf } from "./ip-ranges.ts";

function shown(...texts: string[]): string[] {
  return rangesOf(texts.map((text) => parseNetwork(text)!)).map(([first, behind]) => {
    const family = first.length === 4 ? 4 : 6;
    return `${formatIpAddress(first, family)} ${behind === null ? "end" : formatIpAddress(behind, family)}`;
  });
}

test("rangesOf() joins networks that overlap or touch", () => {
  assert.deepEqual(shown("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "192.0.2.255", "255.255.255.255"), [
    "10.0.0.0 12.0.0.0",
    "192.0.2.255 192.0.3.0",
    "255.255.255.255 end",
  ]);
  assert.deepEqual(shown("0.0.0.0/0", "1.2.3.4"), ["0.0.0.0 end"]);
  assert.deepEqual(shown("2001:db8::/64", "2001:db8:0:1::/64", "ff00::/8"), [
    "2001:db8:: 2001:db8:0:2::",
    "ff00:: end",
  ]);
  assert.deepEqual(shown(), []);
});

test("rangesOf() holds an address exactly when a network does", () => {
  const network = fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(32))
    .map(([bytes, prefix]) => networkOf(bytes, prefix));
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 8 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      (networks, bytes) => {
        const ranges = rangesOf(networks);
        const isIn = ranges.some(
          ([first, behind]) =>
            Buffer.compare(first, bytes) <= 0 && (behind === null || Buffer.compare(bytes, behind) < 0),
        );
        const expected = networks.some(
          ({ bytes: base, prefix }) => Buffer.compare(networkOf(bytes, prefix).bytes, base) === 0,
        );
        assert.equal(isIn, expected);
      },
    ),
    { numRuns: 1000 },
  );
});
