import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalAddress, covers, formatNetwork, parseNetwork } from "./network.ts";

test("parseNetwork() reads addresses and networks of both families", () => {
  for (const [text, wanted] of [
    ["203.0.113.5", "203.0.113.5/32"],
    ["203.0.113.77/24", "203.0.113.0/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:DB8:0:0::1", "2001:db8::1/128"],
    ["2001:db8:1:2:3::/48", "2001:db8:1::/48"],
    ["::", "::/128"],
    ["::ffff:203.0.113.5", "203.0.113.5/32"],
    ["::ffff:203.0.113.0/120", "203.0.113.0/24"],
    ["::ffff:cb00:7105", "203.0.113.5/32"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221/128"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"],
  ] as const) {
    const network = parseNetwork(text);
    assert.notEqual(network, null, text);
    assert.equal(formatNetwork(network!), wanted);
  }
});

test("parseNetwork() refuses what other readers would take for some address", () => {
  for (const text of [
    "",
    "10.1",
    "0x7f.0.0.1",
    "010.0.0.1",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/024",
    "1.2.3.4/24/8",
    "1.2.3.4/255.255.255.0",
    "fe80::1%eth0",
    "::1/129",
    "1.2.3.4 ",
    "[::1]",
    "example.com",
    "1".repeat(100),
  ])
    assert.equal(parseNetwork(text), null, text);
});

test("covers() tells inner from outer, never across families", () => {
  const of = (text: string) => parseNetwork(text)!;
  assert.equal(covers(of("10.0.0.0/8"), of("10.9.8.7")), true);
  assert.equal(covers(of("10.9.8.7"), of("10.0.0.0/8")), false);
  assert.equal(covers(of("10.0.0.0/8"), of("11.0.0.0/8")), false);
  assert.equal(covers(of("::/0"), of("10.0.0.1")), false);
  assert.equal(covers(of("2001:db8::/32"), of("2001:db8:ffff::1")), true);
});

test("canonicalAddress() is stable for every address, and null for networks", () => {
  assert.equal(canonicalAddress("10.0.0.0/8"), null);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const canonical = canonicalAddress(text);
      assert.notEqual(canonical, null);
      assert.notEqual(isIP(canonical!), 0);
      assert.equal(canonicalAddress(canonical!), canonical);
    }),
  );
});

test("parseNetwork() takes any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 70 }), (text) => {
      const network = parseNetwork(text);
      return network === null || parseNetwork(formatNetwork(network)) !== null;
    }),
  );
});
