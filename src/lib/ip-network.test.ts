import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  canonicalAddress,
  containsNetwork,
  formatNetwork,
  networkOf,
  overlaps,
  parseIpAddress,
  parseNetwork,
} from "./ip-network.ts";

const ADDRESSES: readonly (readonly [text: string, canonical: string | null])[] = [
  ["192.0.2.1", "192.0.2.1"],
  ["::", "::"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:201", "192.0.2.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["010.0.0.1", null],
  ["1.2.3", null],
  ["0x1.2.3.4", null],
  ["1.2.3.4.5", null],
  ["256.1.1.1", null],
  ["fe80::1%eth0", null],
  ["1:2:3:4:5:6:7:8:9", null],
  ["1:2:3:4:5:6:7::8", null],
  ["1::2::3", null],
  [":1", null],
  ["1:", null],
  ["[::1]", null],
  ["1.2.3.4:22", null],
  ["", null],
  [" 1.2.3.4", null],
  [`::${"0".repeat(60)}`, null],
];

test("canonicalAddress() gives one text for an address, and null for what is none", () => {
  for (const [text, canonical] of ADDRESSES) {
    assert.equal(canonicalAddress(text), canonical, text);
  }
});

test("parseIpAddress() takes what node:net takes, and nothing else", () => {
  const piece = fc.constantFrom(
    "0",
    "1",
    "ff",
    "255",
    "256",
    "01",
    ".",
    ":",
    "::",
    "/",
    "%",
    "abcd",
    "12345",
    "1.2.3.4",
  );
  const near = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), near), (text) => {
      // A zone names an interface, which no packet tells.
      fc.pre(!text.includes("%"));
      assert.equal(parseIpAddress(text) !== null, isIP(text) !== 0, text);
    }),
    { numRuns: 2000 },
  );
});

test("parseNetwork() reads CIDR, clears what is behind the prefix, and refuses what is none", () => {
  const shown = (text: string): string | null => {
    const network = parseNetwork(text);
    return network === null ? null : formatNetwork(network);
  };
  assert.equal(shown("192.0.2.77/24"), "192.0.2.0/24");
  assert.equal(shown("192.0.2.77"), "192.0.2.77/32");
  assert.equal(shown("2001:db8:1:2:3::/61"), "2001:db8:1::/61");
  assert.equal(shown("::ffff:192.0.2.77/120"), "192.0.2.0/24");
  assert.equal(shown("0.0.0.0/0"), "0.0.0.0/0");
  for (const text of [
    "192.0.2.0/33",
    "::/129",
    "192.0.2.0/",
    "192.0.2.0/-1",
    "192.0.2.0/024",
    "::ffff:1.2.3.4/90",
    "x/8",
    "1.2.3.4/8/8",
  ])
    assert.equal(shown(text), null, text);
});

test("containsNetwork() and overlaps() agree with the bits", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(address, fc.nat(128), fc.nat(128), fc.nat(127), (bytes, a, b, flipped) => {
      const bits = bytes.length * 8;
      const short = networkOf(bytes, Math.min(a, b, bits));
      const long = networkOf(bytes, Math.min(Math.max(a, b), bits));
      assert.ok(containsNetwork(short, long));
      assert.ok(overlaps(long, short));
      const other = bytes.slice();
      const bit = flipped % bits;
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      assert.equal(containsNetwork(short, networkOf(other, bits)), bit >= short.prefix);
    }),
  );
  assert.ok(!overlaps(parseNetwork("0.0.0.0/0")!, parseNetwork("::/0")!));
});
