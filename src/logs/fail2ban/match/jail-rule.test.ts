import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { containsNetwork, networkOf, parseNetwork } from "#src/lib/ip-network.ts";
import type { LogHit } from "#src/logs/contract.ts";
import type { FilterSpec } from "../spec.ts";
import { compileJail } from "./jail-rule.ts";

const FILTER: FilterSpec = {
  name: "shop",
  service: "shop",
  prefregex: null,
  failregex: [{ pattern: "^bad (?:<ADDR>|<F-ID>\\w+</F-ID>)$", file: "/f/shop.conf", line: 2 }],
  ignoreregex: [],
  datePattern: null,
  timeZone: "UTC",
  maxLines: 1,
  useDns: "warn",
  encoding: "utf-8",
  journalMatches: [],
};

function run(ignore: readonly string[], text: string): readonly LogHit[] {
  const rule = compileJail({ name: "shop-slow", filter: FILTER, ignore });
  const line = { text, messageAt: 0, program: "", atUnixMs: 0, trusted: null };
  const found = rule.search(line);
  return found === null || found === undefined ? [] : rule.conclude(found, line);
}

test("compileJail() names rule and hits by the jail, and leaves the service the filter's", () => {
  assert.partialDeepStrictEqual(run([], "bad 192.0.2.1"), [
    { rule: "fail2ban:shop-slow", service: "shop", address: "192.0.2.1" },
  ]);
});

test("compileJail() passes over addresses of ignored networks, IPv4-mapped ones too, and no others", () => {
  const ignore = ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"];
  const left = [
    "192.0.2.9",
    "192.0.3.9",
    "198.51.100.7",
    "198.51.100.8",
    "::ffff:192.0.2.9",
    "2001:db8:9::1",
    "2001:db9::1",
  ];
  assert.deepEqual(
    left.filter((address) => run(ignore, `bad ${address}`).length > 0),
    ["192.0.3.9", "198.51.100.8", "2001:db9::1"],
  );
});

test("compileJail() ignores what one of the networks contains, whatever they are", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((all) => all[0] === 0x20),
  );
  const address = bytes.map((all) => formatIpAddress(all, all.length === 4 ? 4 : 6));
  const network = fc
    .tuple(address, fc.nat(128))
    .map(([text, prefix]) => `${text}/${text.includes(":") ? prefix : prefix % 33}`);
  fc.assert(
    fc.property(address, fc.array(network, { maxLength: 4 }), fc.nat(32), (one, others, prefix) => {
      const own = parseNetwork(one)!;
      const around = networkOf(own.bytes, prefix);
      const ignore = [
        ...others,
        ...(prefix % 2 === 0 ? [`${formatIpAddress(around.bytes, around.family)}/${prefix}`] : []),
      ];
      const isIgnored = ignore.some((text) => containsNetwork(parseNetwork(text)!, own));
      assert.equal(run(ignore, `bad ${one}`).length, isIgnored ? 0 : 1);
    }),
  );
});
