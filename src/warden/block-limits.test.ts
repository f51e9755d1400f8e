import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatNetwork, networkOf, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import { BlockLimits, type Protected } from "./block-limits.ts";

const KEPT: Record<keyof Protected, string[]> = {
  own: ["203.0.113.10/32", "2001:db8:1::10/128"],
  gateways: ["203.0.113.1/32", "2001:db8:1::1/128"],
  resolvers: ["9.9.9.9/32", "2620:fe::fe/128"],
  hub: ["198.51.100.7/32", "2001:db8:2::7/128"],
  allow: ["192.0.2.0/28", "2001:db8:3::/48"],
  proxies: ["104.16.0.0/13", "2606:4700::/32"],
};
const limits = new BlockLimits(
  Object.fromEntries(
    Object.entries(KEPT).map(([key, texts]) => [key, texts.map((text) => parseNetwork(text)!)]),
  ) as unknown as Protected,
);

function refusal(text: string, isPrivateMeant = false): string | null {
  return limits.refusalOf(parseNetwork(text)!, { isPrivateMeant });
}

/** What is refused, as address and as a network that holds it, IPv4, IPv4-mapped and IPv6, and a part of the reason. */
const REFUSED: readonly (readonly [network: string, reason: RegExp])[] = [
  ["203.0.113.10/32", /an address of this host \(203\.0\.113\.10\/32\)/],
  ["203.0.113.0/24", /address of this host/],
  ["::ffff:203.0.113.10/128", /address of this host/],
  ["::ffff:203.0.113.0/120", /address of this host/],
  ["2001:db8:1::10/128", /address of this host/],
  ["2001:db8:1::/64", /address of this host/],
  ["203.0.113.1/32", /a gateway of this host/],
  ["203.0.113.0/29", /a gateway of this host/],
  ["2001:db8:1::1/128", /a gateway of this host/],
  ["9.9.9.9/32", /a resolver of this host/],
  ["9.9.9.0/24", /a resolver of this host/],
  ["::ffff:9.9.9.9/128", /a resolver of this host/],
  ["2620:fe::/64", /a resolver of this host/],
  ["198.51.100.7/32", /the hub/],
  ["198.51.0.0/16", /the hub/],
  ["2001:db8:2::/48", /the hub/],
  ["192.0.2.3/32", /the allow-list \(192\.0\.2\.0\/28\)/],
  ["192.0.2.0/24", /the allow-list/],
  ["2001:db8:3:4::/64", /the allow-list/],
  ["2001:db8::/32", /address of this host/],
  ["104.17.1.1/32", /a proxy/],
  ["2606:4700:1::5/128", /a proxy/],
  ["127.0.0.1/32", /loopback/],
  ["127.5.0.0/16", /loopback/],
  ["::1/128", /loopback/],
  ["::/64", /loopback/],
  ["::ffff:127.0.0.1/128", /loopback/],
  ["0.0.0.0/16", /loopback/],
  ["169.254.1.0/24", /local link/],
  ["fe80::5/128", /local link/],
  ["224.0.0.1/32", /multicast/],
  ["255.255.255.255/32", /broadcast/],
  ["ff02::1/128", /multicast/],
  ["10.1.2.3/32", /private network/],
  ["172.31.0.0/16", /private network/],
  ["192.168.7.0/24", /private network/],
  ["100.64.0.9/32", /private network/],
  ["fd00::1/128", /private network/],
  ["::ffff:10.0.0.1/128", /private network/],
  ["5.0.0.0/15", /wider than \/16/],
  ["0.0.0.0/0", /wider than \/16/],
  ["2a00::/31", /wider than \/32/],
  ["::/0", /wider than \/32/],
  ["2a00::/65", /up to \/64, or one address/],
  ["2a00::/127", /up to \/64, or one address/],
];

test("BlockLimits.refusalOf() refuses what the host must not be cut off from, and says why", () => {
  for (const [network, reason] of REFUSED) assert.match(refusal(network) ?? "allowed", reason, network);
});

test("BlockLimits.refusalOf() allows everyone else, and private networks when they are meant", () => {
  for (const network of ["5.0.0.0/16", "203.0.113.11/32", "192.0.2.16/28", "2a00::/32", "2001:db8:1::11/128"])
    assert.equal(refusal(network), null, network);
  for (const network of ["10.1.2.3/32", "172.31.0.0/16", "fd00::/64"])
    assert.equal(refusal(network, true), null, network);
  assert.match(refusal("::ffff:127.0.0.1", true) ?? "", /loopback/);
});

test("BlockLimits.refusalOf() never allows a network that holds a protected address", () => {
  const all = Object.values(KEPT)
    .flat()
    .map((text) => parseNetwork(text)!);
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.constantFrom(...all.map(({ bytes }) => bytes)),
  );
  fc.assert(
    fc.property(address, fc.nat(128), (bytes, prefix) => {
      const network = networkOf(bytes, Math.min(prefix, bytes.length * 8));
      if (!all.some((kept) => overlaps(kept, network))) return;
      assert.notEqual(limits.refusalOf(network, { isPrivateMeant: true }), null, formatNetwork(network));
    }),
    { numRuns: 2000 },
  );
});
