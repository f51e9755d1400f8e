import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { QueuedMessage } from "./message.ts";
import { addSums, emptySums, keyOf, Tally } from "./tally.ts";

const NOW = 1_795_500_000_000;
const MESSAGE: QueuedMessage = {
  receivedUnixMs: NOW - 60_000,
  sender: "alice@web1.example.net",
  account: "alice",
  uid: 2001,
  mailbox: null,
  client: null,
  script: "alice.example/x.php",
  recipients: 3,
  isFrozen: false,
  isCut: false,
};
const BY_SMTP = { account: null, uid: null, script: null, client: "198.51.100.23" };

test("keyOf() tells a mailbox before a client, an account of this host, and the mail program itself", () => {
  assert.deepEqual(keyOf(MESSAGE, "account"), { type: "account", key: "alice" });
  assert.deepEqual(keyOf({ ...MESSAGE, ...BY_SMTP }, "account"), { type: "client", key: "198.51.100.23" });
  assert.deepEqual(keyOf({ ...MESSAGE, ...BY_SMTP, mailbox: "info@a.example" }, "account"), {
    type: "mailbox",
    key: "info@a.example",
  });
  assert.deepEqual(keyOf({ ...MESSAGE, ...BY_SMTP, client: null }, "account"), { type: "own", key: "" });
  assert.deepEqual(keyOf({ ...MESSAGE, ...BY_SMTP, client: null, isCut: true }, "account"), {
    type: "unknown",
    key: "",
  });
});

test("keyOf() takes the domain of a sender, and none of a bounce", () => {
  assert.deepEqual(keyOf({ ...MESSAGE, sender: '"a@b"@Web1.Example' }, "domain"), {
    type: "domain",
    key: "web1.example",
  });
  assert.deepEqual(keyOf({ ...MESSAGE, sender: "" }, "domain"), { type: "domain", key: "" });
  assert.deepEqual(keyOf({ ...MESSAGE, script: null }, "script"), { type: "none", key: "" });
});

test("Tally puts messages together, the largest group first, with what they have in common", () => {
  const tally = new Tally("account", NOW);
  tally.add({ ...MESSAGE, ...BY_SMTP, receivedUnixMs: NOW - 7_200_000, isFrozen: true, sender: "" });
  tally.add(MESSAGE);
  tally.add({ ...MESSAGE, receivedUnixMs: null, sender: "other@a.example" });
  const [first, second] = tally.groups();
  assert.deepEqual(first, {
    type: "account",
    key: "alice",
    uid: 2001,
    messages: 2,
    frozen: 0,
    bounces: 0,
    recipients: 6,
    lastHour: 1,
    oldestUnixMs: NOW - 60_000,
    newestUnixMs: NOW - 60_000,
    scripts: [{ key: "alice.example/x.php", messages: 2 }],
    senders: [
      { key: "alice@web1.example.net", messages: 1 },
      { key: "other@a.example", messages: 1 },
    ],
    clients: [],
  });
  assert.deepEqual([second?.key, second?.frozen, second?.bounces, second?.lastHour], ["198.51.100.23", 1, 1, 0]);
});

test("Tally keeps no more than 10,000 groups, and loses no message", () => {
  const tally = new Tally("sender", NOW);
  for (let index = 0; index < 12_000; index++) tally.add({ ...MESSAGE, sender: `u${index}@x.example` });
  const groups = tally.groups();
  assert.equal(groups.length, 10_001);
  assert.deepEqual([groups[0]?.type, groups[0]?.messages], ["others", 2000]);
});

test("Tally keeps a script that a third of the messages have, among any number of others", () => {
  const tally = new Tally("account", NOW);
  for (let index = 0; index < 30_000; index++)
    tally.add({ ...MESSAGE, script: index % 3 === 0 ? "spam.php" : `s${index}.php` });
  const scripts = tally.groups()[0]?.scripts ?? [];
  assert.equal(scripts[0]?.key, "spam.php");
  assert.ok((scripts[0]?.messages ?? 0) <= 10_000);
  assert.ok(scripts.length <= 8);
});

test("addSums() adds up as if all had been counted at once", () => {
  const sums = fc.record(
    {
      messages: fc.nat(),
      frozen: fc.nat(),
      bounces: fc.nat(),
      recipients: fc.nat(),
      lastHour: fc.nat(),
      oldestUnixMs: fc.option(fc.nat()),
      newestUnixMs: fc.option(fc.nat()),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(sums, sums, (one, other) => {
      assert.deepEqual(addSums(one, other), addSums(other, one));
      assert.deepEqual(addSums(one, emptySums()), one);
    }),
  );
});
