import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAccountSeries, splitSeries } from "./series-name.ts";

test("parseAccountSeries() takes the name of a series of an account apart, and no other", () => {
  assert.deepEqual(parseAccountSeries("packets-out account:1003"), { kind: "packets-out", uid: 1003 });
  for (const other of [
    "packets-out eth0",
    "packets-out account:-1",
    "account:1",
    "a b account:1",
    "a account:12345678901",
  ])
    assert.equal(parseAccountSeries(other), null, other);
});

test("splitSeries() parts a name at its first space, also one that has none", () => {
  assert.deepEqual(splitSeries("queue-size exim /srv/spool"), { kind: "queue-size", of: "exim /srv/spool" });
  assert.deepEqual(splitSeries("requests "), { kind: "requests", of: "" });
  assert.deepEqual(splitSeries(""), { kind: "", of: "" });
});
