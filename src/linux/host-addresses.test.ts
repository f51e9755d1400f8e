import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNetwork } from "#src/lib/ip-network.ts";
import { readGateways, readHostAddresses } from "./host-addresses.ts";
import { enterNamespace, run } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };

test("readHostAddresses() and readGateways() give what ip(8) has set, of many interfaces and next hops", root, () => {
  enterNamespace();
  for (const name of ["one", "two"]) {
    run("ip", "link", "add", name, "type", "veth", "peer", "name", `${name}-end`);
    run("ip", "link", "set", `${name}-end`, "up");
    run("ip", "link", "set", name, "up");
  }
  run("ip", "address", "add", "192.0.2.7/24", "dev", "one");
  run("ip", "address", "add", "10.0.0.1", "peer", "10.0.0.2", "dev", "two");
  run("ip", "address", "add", "2001:db8::7/64", "dev", "one", "nodad");
  for (let index = 0; index < 300; index++)
    run("ip", "address", "add", `198.51.${index >> 8}.${index & 255}/16`, "dev", "two");
  const addresses = readHostAddresses().map(formatNetwork);
  for (const address of ["127.0.0.1/32", "::1/128", "192.0.2.7/32", "10.0.0.1/32", "2001:db8::7/128", "198.51.1.43/32"])
    assert.ok(addresses.includes(address), address);
  assert.ok(!addresses.includes("10.0.0.2/32"));
  assert.deepEqual(readGateways(), []);
  run("ip", "route", "add", "default", "via", "192.0.2.1");
  run("ip", "route", "add", "203.0.113.0/24", "nexthop", "via", "192.0.2.2", "nexthop", "via", "198.51.0.9");
  run("ip", "route", "add", "203.0.114.0/24", "via", "inet6", "2001:db8::3", "dev", "one");
  run("ip", "-6", "route", "add", "default", "via", "2001:db8::1");
  assert.deepEqual(readGateways().map(formatNetwork).sort(), [
    "192.0.2.1/32",
    "192.0.2.2/32",
    "198.51.0.9/32",
    "2001:db8::1/128",
    "2001:db8::3/128",
  ]);
});
