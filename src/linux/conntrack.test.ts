import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetwork } from "#src/lib/ip-network.ts";
import { deleteConntrack } from "./conntrack.ts";
import { enterNamespace, feed, Neighbour, run, startEcho } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };

test("deleteConntrack() deletes what comes from the networks, IPv4 and IPv6, and nothing else", root, async (t) => {
  enterNamespace();
  feed(
    "table inet x { chain c { type filter hook input priority 0; ct state established accept; }\n}",
    "nft",
    "-f",
    "-",
  );
  const theirs = ["203.0.113.5/24", "203.0.113.6/24", "2001:db8:0:5::5/32"];
  const neighbour = await Neighbour.connect(t, ["203.0.113.1/24", "2001:db8::1/32"], theirs);
  await startEcho(t, 7000);
  for (const [from, to] of [
    ["203.0.113.5", "203.0.113.1"],
    ["203.0.113.6", "203.0.113.1"],
    ["2001:db8:0:5::5", "2001:db8::1"],
  ] as const)
    assert.equal(await neighbour.canReach(from, to, 7000), true);
  const sources = () =>
    [4, 6].flatMap(
      (family) => run("conntrack", "-L", "-f", `ipv${family}`).match(/src=(?:203.0.113.[56]|2001:db8:0:5::5) /g) ?? [],
    );
  assert.equal(sources().length, 3);
  assert.equal(deleteConntrack([parseNetwork("203.0.113.5/32")!, parseNetwork("2001:db8:0:5::/64")!]), 2);
  assert.deepEqual(sources(), ["src=203.0.113.6 "]);
  assert.equal(deleteConntrack([parseNetwork("198.51.100.0/24")!]), 0);
});

test("deleteConntrack() has nothing to do where nothing is tracked", root, () => {
  enterNamespace();
  assert.equal(deleteConntrack([parseNetwork("203.0.113.5/32")!]), 0);
});
