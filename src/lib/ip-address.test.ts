import assert from "node:assert/strict";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { classifyBindAddress, formatIpAddress } from "./ip-address.ts";

/** Bytes of 8 words in hex. */
function wordBytes(words: string): Uint8Array {
  return Uint8Array.from(
    Buffer.from(
      words
        .split(" ")
        .map((word) => word.padStart(4, "0"))
        .join(""),
      "hex",
    ),
  );
}

const VECTORS: readonly (readonly [words: string, text: string, source: string])[] = [
  ["0 0 0 0 0 0 0 0", "::", "RFC 4291 §2.2"],
  ["0 0 0 0 0 0 0 1", "::1", "RFC 4291 §2.2"],
  ["ff01 0 0 0 0 0 0 101", "ff01::101", "RFC 4291 §2.2"],
  ["2001 db8 0 0 8 800 200c 417a", "2001:db8::8:800:200c:417a", "RFC 4291 §2.2"],
  ["2001 db8 0 0 0 0 2 1", "2001:db8::2:1", "RFC 5952 §4.2.1"],
  ["2001 db8 0 1 1 1 1 1", "2001:db8:0:1:1:1:1:1", "RFC 5952 §4.2.2: one zero field stays"],
  ["2001 0 0 1 0 0 0 1", "2001:0:0:1::1", "RFC 5952 §4.2.3: the longest run"],
  ["2001 db8 0 0 1 0 0 1", "2001:db8::1:0:0:1", "RFC 5952 §4.2.3: the first of equal runs"],
  ["2001 db8 aaaa bbbb cccc dddd eeee aaaa", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa", "RFC 5952 §4.3: lower case"],
  ["2001 db8 0 0 0 0 0 0", "2001:db8::", "zeros at the end"],
  ["0 0 0 1 0 0 0 0", "0:0:0:1::", "the longer run at the end"],
  ["0 1 0 1 0 1 0 1", "0:1:0:1:0:1:0:1", "no run at all"],
  ["0 0 0 0 0 ffff c000 280", "::ffff:192.0.2.128", "RFC 5952 §5: IPv4-mapped"],
  ["0 0 0 0 0 ffff 0 0", "::ffff:0.0.0.0", "RFC 5952 §5: IPv4-mapped"],
  ["0 0 0 0 ffff 0 c000 280", "::ffff:0:c000:280", "RFC 2765 IPv4-translated is not mapped"],
  ["64 ff9b 0 0 0 0 c000 221", "64:ff9b::c000:221", "RFC 6052: only mapped addresses are mixed here"],
  ["fe80 0 0 0 ffff ffff ffff ffff", "fe80::ffff:ffff:ffff:ffff", "link-local"],
];

for (const [words, text, source] of VECTORS) {
  test(`formatIpAddress() writes ${text} (${source})`, () => {
    assert.equal(formatIpAddress(wordBytes(words), 6), text);
  });
}

test("formatIpAddress() writes IPv4 as four decimals", () => {
  assert.equal(formatIpAddress(Uint8Array.of(0, 0, 0, 0), 4), "0.0.0.0");
  assert.equal(formatIpAddress(Uint8Array.of(192, 0, 2, 255), 4), "192.0.2.255");
  assert.equal(formatIpAddress(Buffer.from([127, 0, 0, 1]), 4), "127.0.0.1");
});

for (const [length, family] of [
  [0, 4],
  [16, 4],
  [3, 4],
  [4, 6],
  [15, 6],
  [17, 6],
] as const) {
  test(`formatIpAddress() refuses ${length} bytes of IPv${family}`, () => {
    const message = `Cannot format address: ${length} bytes, ${family === 4 ? 4 : 16} are wanted for IPv${family}`;
    assert.throws(() => formatIpAddress(new Uint8Array(length), family), { name: "RangeError", message });
  });
}

// Zeros are likely, so that runs of every length and place come up.
const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((words) => wordBytes(words.map((word) => word.toString(16)).join(" ")));

test("formatIpAddress() writes IPv6 as the URL parser of Node does (the same rules), and net.isIPv6 takes it", () => {
  fc.assert(
    fc.property(ipv6Bytes, (bytes) => {
      const text = formatIpAddress(bytes, 6);
      assert.ok(isIPv6(text));
      const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
      // The URL standard has no mixed form.
      if (!text.includes(".")) assert.equal(text, host);
      else assert.equal(new URL(`http://[${host}]/`).hostname, new URL(`http://[${text}]/`).hostname);
    }),
    { numRuns: 2000 },
  );
});

test("formatIpAddress() gives different texts for different bytes", () => {
  fc.assert(
    fc.property(ipv6Bytes, ipv6Bytes, (a, b) => {
      assert.equal(formatIpAddress(a, 6) === formatIpAddress(b, 6), Buffer.compare(a, b) === 0);
    }),
  );
});

test("formatIpAddress() writes any IPv4 address so that net.isIPv4 takes it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      const text = formatIpAddress(bytes, 4);
      assert.ok(isIPv4(text));
      assert.deepEqual(text.split(".").map(Number), [...bytes]);
    }),
  );
});

const CLASSES: readonly (readonly [address: string, bindClass: string])[] = [
  ["0.0.0.0", "any"],
  ["::", "any"],
  ["::ffff:0.0.0.0", "any"],
  ["127.0.0.1", "loopback"],
  ["127.255.3.4", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.53", "loopback"],
  ["192.0.2.1", "address"],
  ["12.7.0.1", "address"],
  ["::ffff:192.0.2.1", "address"],
  ["::7f00:1", "address"],
  ["fe80::1", "address"],
  ["2001:db8::1", "address"],
];

for (const [address, bindClass] of CLASSES) {
  test(`classifyBindAddress() calls ${address} "${bindClass}"`, () => {
    assert.notEqual(isIP(address), 0);
    assert.equal(classifyBindAddress(address), bindClass);
  });
}
