import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AccountCounts } from "#src/wire/account-counts.ts";
import { AccountDifferences, portsOf } from "./accounts.ts";

function counts(atMs: number, accounts: readonly number[], more: Partial<AccountCounts> = {}): AccountCounts {
  return { atMs, epoch: 1, failure: null, restored: 0, isFull: false, accounts, ports: [], ...more };
}

test("AccountDifferences gives what was sent since the telling before", () => {
  const differences = new AccountDifferences();
  assert.equal(differences.take(counts(5000, [1003, 100, 9000, 3, 0])), null, "how long that took is not known");
  assert.deepEqual(differences.take(counts(6000, [1003, 150, 9500, 4, 1, 33, 7, 700, 0, 0])), {
    spanMs: 1000,
    accounts: [
      { uid: 1003, packets: 50, bytes: 500, connections: 1, mailConnections: 1 },
      { uid: 33, packets: 7, bytes: 700, connections: 0, mailConnections: 0 },
    ],
  });
  assert.deepEqual(differences.mailers(), [1003]);
});

test("AccountDifferences takes a telling once", () => {
  const differences = new AccountDifferences();
  differences.take(counts(5000, []));
  assert.notEqual(differences.take(counts(6000, [])), null);
  assert.equal(differences.take(counts(6000, [1003, 100, 9000, 3, 0])), null);
});

test("AccountDifferences begins at 0 when the counts do, and goes on with an account that a telling left out", () => {
  const differences = new AccountDifferences();
  differences.take(counts(5000, [1003, 100, 9000, 3, 0]));
  assert.deepEqual(differences.take(counts(6000, []))?.accounts, []);
  assert.equal(differences.take(counts(7000, [1003, 130, 9100, 3, 0]))?.accounts[0]?.packets, 30);
  assert.equal(differences.take(counts(8000, [1003, 140, 9200, 3, 0], { epoch: 2 }))?.accounts[0]?.packets, 140);
  assert.equal(differences.take(counts(9000, [1003, 20, 900, 0, 0], { epoch: 2 }))?.accounts[0]?.packets, 20);
});

test("AccountDifferences is never negative", () => {
  const some = fc.array(fc.nat(1000), { maxLength: 25 });
  fc.assert(
    fc.property(fc.array(fc.tuple(some, fc.nat(3)), { maxLength: 8 }), (tellings) => {
      const differences = new AccountDifferences();
      for (const [index, [accounts, epoch]] of tellings.entries()) {
        const taken = differences.take(counts(index * 1000, accounts, { epoch }));
        for (const one of taken?.accounts ?? []) assert.ok(Object.values(one).every((value) => value >= 0));
      }
    }),
  );
});

test("portsOf() gives the ports of one account", () => {
  const ports = [1003, 6, 25, 40, 33, 6, 443, 9, 1003, 17, 53, 7];
  assert.deepEqual(portsOf(counts(0, [], { ports }), 1003), [
    { protocol: "tcp", port: 25, count: 40 },
    { protocol: "udp", port: 53, count: 7 },
  ]);
});
