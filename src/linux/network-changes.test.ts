import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkChanges } from "./network-changes.ts";
import { enterNamespace, feed, run } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };

test("NetworkChanges.takeChanged() tells once of each change of addresses, routes and links", root, () => {
  enterNamespace();
  using changes = new NetworkChanges();
  assert.equal(changes.takeChanged(), false);
  for (const words of [
    "address add 192.0.2.7/24 dev lo",
    "route add 203.0.113.0/24 via 192.0.2.7",
    "route del 203.0.113.0/24",
    "address add 2001:db8::7/64 dev lo nodad",
    "-6 route add 2001:db8:1::/48 dev lo",
    "-6 route del 2001:db8:1::/48",
    "address del 192.0.2.7/24 dev lo",
    "link set lo down",
  ]) {
    run("ip", ...words.split(" "));
    assert.equal(changes.takeChanged(), true, words);
    assert.equal(changes.takeChanged(), false, words);
  }
});

test("NetworkChanges.takeChanged() takes more than fits for a change, and hears on", root, () => {
  enterNamespace();
  using changes = new NetworkChanges();
  const addresses = Array.from(
    { length: 5000 },
    (_, index) => `address add 10.9.${index >> 8}.${index & 255}/32 dev lo`,
  );
  feed(addresses.join("\n"), "ip", "-batch", "-");
  assert.equal(changes.takeChanged(), true);
  assert.equal(changes.takeChanged(), false);
  run("ip", "address", "del", "10.9.0.9/32", "dev", "lo");
  assert.equal(changes.takeChanged(), true);
});
