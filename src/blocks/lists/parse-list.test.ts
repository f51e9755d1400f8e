import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseNetwork } from "#src/lib/ip-network.ts";
import { type ParsedList, parseList } from "./parse-list.ts";
import { atOnce } from "./slices.ts";

function read(text: string, maxEntries = 1000): ParsedList {
  return atOnce(parseList(text, { maxEntries }));
}

function textsOf(text: string, maxEntries = 1000): string[] {
  return atOnce(read(text, maxEntries).networks.minimize());
}

const FORMATS: readonly (readonly [name: string, text: string, networks: readonly string[]])[] = [
  ["plain", "203.0.113.5\n203.0.113.6\r\n2001:db8::1", ["203.0.113.5/32", "203.0.113.6/32", "2001:db8::1/128"]],
  ["netset", "#\n# my_list\n#\n203.0.113.0/24\n198.51.100.9\n", ["198.51.100.9/32", "203.0.113.0/24"]],
  [
    "Spamhaus DROP as text",
    "; Spamhaus DROP List 2026/11/22\n; Expires: Sun, 22 Nov 2026\n203.0.113.0/24 ; SBL256894\n",
    ["203.0.113.0/24"],
  ],
  [
    "Spamhaus DROP as JSON lines",
    '{"cidr":"203.0.113.0/24","sblid":"SBL256894","rir":"apnic"}\n{"cidr":"2001:db8::/32","sblid":"SBL1","rir":"ripencc"}\n{"type":"metadata","timestamp":1795351306,"size":99,"records":2}\n',
    ["203.0.113.0/24", "2001:db8::/32"],
  ],
  ["CSV", 'ip,country,score\n203.0.113.5,XX,100\n"203.0.113.6","XX","99"\n', ["203.0.113.5/32", "203.0.113.6/32"]],
  ["blanks", "203.0.113.5\t# 2026-11-22 12:41:46\t3\t512\n", ["203.0.113.5/32"]],
  [
    "DShield",
    "# DShield.org Recommended Block List\nStart\tEnd\tNetmask\tAttacks\n203.0.113.0\t203.0.113.255\t24\t4711\tNOWHERE\n",
    ["203.0.113.0/24"],
  ],
  ["csf.deny", "203.0.113.5 # lfd: (sshd) Failed SSH login from 203.0.113.5\n", ["203.0.113.5/32"]],
];

test("parseList() reads each published format", () => {
  for (const [name, text, networks] of FORMATS) assert.deepEqual(textsOf(text), networks, name);
});

test("parseList() names refused lines by number and takes the rest", () => {
  const list = read("203.0.113.5\n203.0.113.300\n203.0.113.1-203.0.113.9\n203.0.113.6\nx\x1b[31m\n203.0.113.7\n", 9);
  assert.equal(list.networks.count, 3);
  assert.equal(list.refusedCount, 3);
  assert.deepEqual(list.refused, [
    { line: 2, why: '"203.0.113.300" is neither an address nor a network' },
    { line: 3, why: '"203.0.113.1-203.0.113.9" is a range, a network in CIDR is wanted' },
    { line: 5, why: '"x\\x1b[31m" is neither an address nor a network' },
  ]);
});

test("parseList() refuses networks that are too wide, and drops private and reserved ones with a count", () => {
  const wide = read("0.0.0.0/1\n128.0.0.0/7\n2000::/12\n24.0.0.0/8\n2a00::/19\n203.0.113.5\n203.0.113.6\n", 9);
  assert.deepEqual(atOnce(wide.networks.minimize()), ["24.0.0.0/8", "203.0.113.5/32", "203.0.113.6/32", "2a00::/19"]);
  assert.match(wide.refused[0]?.why ?? "", /^a network of \/1 is wider than \/8/);
  const own = "10.1.2.3\n127.0.0.1\n192.168.0.0/16\n::1\nfe80::/64\n224.0.0.1\n192.0.0.0/12\n203.0.113.5\n";
  const reserved = read(own, 9);
  assert.equal(reserved.reservedCount, 7);
  assert.deepEqual(atOnce(reserved.networks.minimize()), ["203.0.113.5/32"]);
});

test("parseList() refuses what is no list: HTML, a hosts file, a page of text", () => {
  assert.throws(
    () => textsOf("\n<!DOCTYPE html>\n<html>203.0.113.5"),
    /^SyntaxError: Cannot read list: it is a page of HTML/,
  );
  assert.throws(
    () => textsOf("Service\nunavailable\n203.0.113.5\n"),
    /2 lines are no networks and 1 are.*line 1: "Service" is neither/,
  );
  assert.throws(() => textsOf("# hosts\n0.0.0.0 ads.example.net\n127.0.0.1 x.example.net\n".repeat(3)), /SyntaxError/);
});

test("parseList() refuses a list of more entries than wanted", () => {
  assert.throws(
    () => textsOf("203.0.113.5\n203.0.113.6\n", 1),
    /^RangeError: Cannot take list: it has more than 1 entries/,
  );
  assert.deepEqual(textsOf("", 1), []);
});

test("parseList() takes any text, and gives no network that a list may not block", () => {
  const pieces = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 30 }),
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.nat(33)).map(([address, prefix]) => `${address}/${prefix}`),
    fc.constantFrom("{", '{"cidr":1}', "{}", "null", '{"type":"metadata"}', "# x"),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (lines) => {
      try {
        for (const text of textsOf(lines.join("\n"), 50)) {
          const network = parseNetwork(text);
          assert.ok(network !== null && network.prefix >= (network.family === 4 ? 8 : 19), text);
        }
      } catch (error) {
        assert.ok(error instanceof SyntaxError || error instanceof RangeError, String(error));
      }
    }),
  );
});
