import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePorts, parseServices } from "./ports.ts";

const SERVICES = parseServices(`# /etc/services of Debian 12
ssh		22/tcp				# SSH Remote Login Protocol
http		80/tcp		www		# WorldWideWeb HTTP
https		443/tcp
https		443/udp
submissions	465/tcp		ssmtp smtps urd
nonsense
broken		x/tcp
`);

for (const [texts, expected] of [
  [[], []],
  [["ssh"], [22]],
  [
    ["ssh", "1234", "22"],
    [22, 1234],
  ],
  [
    ["http", "www", "https", "smtps"],
    [80, 443, 465],
  ],
  [["60000:60003"], [60000, 60001, 60002, 60003]],
  [["60000-60001"], [60000, 60001]],
  [["1:15"], Array.from({ length: 15 }, (_, index) => index + 1)],
  [["1:16"], "a block names at most 15 ports"],
  [["1:15", "16"], "a block names at most 15 ports"],
  [["telnet"], '"telnet" is no port, and services(5) does not name it'],
  [["constructor"], '"constructor" is no port, and services(5) does not name it'],
  [["0"], '"0" is no range of ports'],
  [["70000"], '"70000" is no range of ports'],
  [["9:8"], '"9:8" is no range of ports'],
] as const) {
  test(`parsePorts() of ${JSON.stringify(texts)} gives ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(parsePorts(texts, SERVICES), expected);
  });
}

test("parsePorts() gives at most 15 ports between 1 and 65535, or a reason", () => {
  const text = fc.oneof(
    fc.string(),
    fc.nat(70_000).map(String),
    fc.tuple(fc.nat(70_000), fc.nat(70_000)).map((pair) => pair.join(":")),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      const ports = parsePorts(texts, SERVICES);
      if (typeof ports === "string") assert.ok(ports.length < 120);
      else assert.ok(ports.length <= 15 && ports.every((port) => port >= 1 && port <= 65_535));
    }),
  );
});
