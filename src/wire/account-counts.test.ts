import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { type AccountCounts, AccountCountsReader, MAX_ACCOUNTS, writeAccountCounts } from "./account-counts.ts";

const COUNTS: AccountCounts = {
  atMs: 81_234.5,
  epoch: 3,
  failure: null,
  restored: 1,
  isFull: false,
  accounts: [0, 12, 1200, 1, 0, 1003, 20_005, 1_000_000, 5, 2],
  ports: [1003, 6, 25, 2],
};

function arrange(t: TestContext): { fd: number; reader: AccountCountsReader } {
  const folder = mkdtempSync("/tmp/garrison-counts-");
  const path = join(folder, "counts");
  const fd = openSync(path, "wx+");
  const readFd = openSync(path, "r");
  t.after(() => {
    closeSync(fd);
    closeSync(readFd);
    rmSync(folder, { recursive: true });
  });
  return { fd, reader: new AccountCountsReader(readFd) };
}

test("AccountCountsReader reads what writeAccountCounts() has written last, also when it is shorter", (t) => {
  const { fd, reader } = arrange(t);
  assert.equal(reader.read(), null);
  const large = { ...COUNTS, accounts: Array.from({ length: MAX_ACCOUNTS * 5 }, (_, index) => index) };
  for (const counts of [COUNTS, large, { ...COUNTS, failure: "Cannot: é\n€" }, COUNTS]) {
    writeAccountCounts(fd, counts);
    assert.deepEqual(reader.read(), counts);
    assert.equal(reader.read(), null, "it is told once");
  }
});

test("AccountCountsReader gives nothing of what is half written", (t) => {
  const { fd, reader } = arrange(t);
  writeAccountCounts(fd, COUNTS);
  writeSync(fd, "0", 30);
  assert.equal(reader.read(), null);
  writeAccountCounts(fd, COUNTS);
  assert.deepEqual(reader.read(), COUNTS);
});

test("writeAccountCounts() takes no more than the file may hold", (t) => {
  const { fd } = arrange(t);
  const accounts = Array.from({ length: MAX_ACCOUNTS * 20 }, () => Number.MAX_SAFE_INTEGER);
  assert.throws(() => writeAccountCounts(fd, { ...COUNTS, accounts }), RangeError);
});

test("AccountCountsReader refuses what is whole and no counts", (t) => {
  const { fd, reader } = arrange(t);
  for (const wrong of [{ ...COUNTS, accounts: [-1] }, { ...COUNTS, more: 1 }, { ...COUNTS, atMs: null }, null]) {
    writeAccountCounts(fd, wrong as unknown as AccountCounts);
    assert.throws(() => reader.read(), { code: "GARRISON_WIRE_MALFORMED" });
  }
});

test("AccountCountsReader takes any bytes for nothing", (t) => {
  const { fd, reader } = arrange(t);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      writeSync(fd, bytes, 0, bytes.length, 0);
      assert.equal(reader.read(), null);
    }),
  );
});
