import assert from "node:assert/strict";
import { test } from "node:test";
import { readOutwardInterfaces } from "./interface-kinds.ts";
import { enterNamespace, run } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };

test("readOutwardInterfaces() takes VLANs, and of the rest what carries a default route", root, () => {
  enterNamespace();
  for (const [name, peer] of [
    ["a0", "a1"],
    ["b0", "b1"],
    ["c0", "c1"],
  ] as const) {
    run("ip", "link", "add", name, "type", "veth", "peer", "name", peer);
    run("ip", "link", "set", name, "up");
    run("ip", "link", "set", peer, "up");
  }
  assert.deepEqual([...readOutwardInterfaces()], []);
  run("ip", "address", "add", "192.0.2.1/24", "dev", "a0");
  run("ip", "route", "add", "default", "via", "192.0.2.254");
  assert.deepEqual([...readOutwardInterfaces()], ["a0"]);
  run("ip", "address", "add", "2001:db8::1/64", "dev", "b0", "nodad");
  run("ip", "-6", "route", "add", "default", "via", "2001:db8::2", "dev", "b0");
  run("ip", "route", "add", "unreachable", "default", "metric", "4278198272");
  assert.deepEqual([...readOutwardInterfaces()].sort(), ["a0", "b0"]);
  run("ip", "address", "add", "198.51.100.1/24", "dev", "c0");
  const hops = ["nexthop", "via", "192.0.2.254", "nexthop", "via", "198.51.100.2"];
  run("ip", "route", "replace", "default", ...hops);
  assert.deepEqual([...readOutwardInterfaces()].sort(), ["a0", "b0", "c0"]);
});
