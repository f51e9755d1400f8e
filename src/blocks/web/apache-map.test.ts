import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { containsNetwork, formatNetwork, networkOf, parseNetwork } from "#src/lib/ip-network.ts";
import { renderApacheMap } from "./apache-map.ts";
import { renderNginxGeo } from "./nginx-geo.ts";
import { APACHE_PREFIXES, apacheSnippet, nginxSnippet } from "./snippets.ts";

/** What Apache does with the map and the rules of the snippet. */
function isDenied(map: string, address: string): boolean {
  const keys = new Set(map.split("\n").flatMap((line) => /^(\S+) deny$/.exec(line)?.[1] ?? []));
  return keys.has(address) || APACHE_PREFIXES.some((pattern) => keys.has(new RegExp(pattern).exec(address)?.[1] ?? ""));
}

test("renderApacheMap() writes addresses, and networks as beginnings of addresses", () => {
  const { text, lines, leftOut } = renderApacheMap([
    "203.0.113.5/32",
    "198.51.100.0/24",
    "198.18.0.0/16",
    "192.0.2.8/30",
    "2001:db8::1/128",
    "2001:db8:51:7::/64",
    "2001:db8::/64",
  ]);
  assert.deepEqual(text.split("\n").slice(1, -1), [
    "203.0.113.5 deny",
    "198.51.100. deny",
    "198.18. deny",
    "192.0.2.8 deny",
    "192.0.2.9 deny",
    "192.0.2.10 deny",
    "192.0.2.11 deny",
    "2001:db8::1 deny",
    "2001:db8:51:7: deny",
    "2001:db8:0:0: deny",
    "2001:db8:: deny",
  ]);
  assert.equal(lines, 11);
  assert.deepEqual(leftOut, []);
});

test("renderApacheMap() names what it leaves out: too wide, between the lengths, no room, no network", () => {
  const { leftOut, lines } = renderApacheMap(
    ["2001:db8::/48", "2001:db8::/96", "0.0.0.0/0", "x y deny\n", "192.0.2.1", "192.0.2.2"],
    { maxLines: 1 },
  );
  assert.equal(lines, 1);
  assert.deepEqual(
    leftOut.map(({ network, why }) => [network, why]),
    [
      ["2001:db8::/48", "a network of /48 cannot be written as at most 256 beginnings of addresses"],
      ["2001:db8::/96", "a network of /96 cannot be written as at most 256 beginnings of addresses"],
      ["0.0.0.0/0", "a network of /0 cannot be written as at most 256 beginnings of addresses"],
      ["x y deny\n", "it is no network"],
      ["192.0.2.2", "there is room for 1 lines"],
    ],
  );
});

test("the map and the rules together deny exactly the addresses of a network", () => {
  const word = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  );
  const bytesOf = (words: readonly number[]): Uint8Array =>
    Uint8Array.from(words.flatMap((one) => [one >> 8, one & 0xff]));
  const eight = fc.tuple(fc.constantFrom(0x2001, 0x2a00), word, word, word, word, word, word, word).map(bytesOf);
  const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const pair = fc.oneof(
    fc.tuple(eight, eight, fc.constantFrom(128, 64, 64, 60, 56)),
    fc.tuple(four, four, fc.integer({ min: 8, max: 32 })),
  );
  fc.assert(
    fc.property(pair, fc.boolean(), ([one, other, prefix], isInside) => {
      const network = networkOf(one, prefix);
      // Half of the addresses are of the network, which they would hardly be by chance.
      const bytes = other.map((byte, at) => (isInside && at < Math.ceil(prefix / 8) ? (one[at] ?? 0) : byte));
      const address = networkOf(bytes, bytes.length * 8);
      const { text, leftOut } = renderApacheMap([formatNetwork(network)]);
      const isAmbiguous = prefix === 128 && formatNetwork(network).endsWith("::/128");
      assert.equal(leftOut.length, isAmbiguous ? 1 : 0);
      const family = bytes.length === 4 ? 4 : 6;
      assert.equal(
        isDenied(text, formatIpAddress(bytes, family)),
        !isAmbiguous && containsNetwork(network, address),
        text,
      );
    }),
    { numRuns: 3000 },
  );
});

test("renderNginxGeo() writes each network once, within its bound", () => {
  const { text, lines, leftOut } = renderNginxGeo(
    ["203.0.113.5", "203.0.113.5/32", "2001:db8::/48", "1 1;", "192.0.2.1"],
    { maxLines: 2 },
  );
  assert.equal(text, "# Written by Garrison; changes are lost.\n203.0.113.5/32 1;\n2001:db8::/48 1;\n");
  assert.equal(lines, 2);
  assert.equal(leftOut.length, 2);
});

test("apacheSnippet() and nginxSnippet() write nothing that is not a plain path or a network", () => {
  for (const snippet of [apacheSnippet, nginxSnippet]) {
    assert.match(snippet({ file: "/var/lib/garrison/web/deny", proxies: ["198.51.100.0/24"] }), /198\.51\.100\.0\/24/);
    assert.throws(() => snippet({ file: '/x"\nInclude /etc/passwd', proxies: [] }), TypeError);
    assert.throws(() => snippet({ file: "relative", proxies: [] }), TypeError);
    assert.throws(() => snippet({ file: "/x", proxies: ["0.0.0.0/0;"] }), TypeError);
    assert.notEqual(parseNetwork("198.51.100.0/24"), null);
  }
});
