import assert from "node:assert/strict";
import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { ActionLedger, type LedgerRecord } from "./ledger.ts";

function recordOf(number: number, phase: LedgerRecord["phase"] = "done"): LedgerRecord {
  const plan = { path: "x" };
  return { action: `x${number}`, kind: "test", plan, by: "test", atUnixMs: 1, undo: {}, phase, failure: null };
}

test("ActionLedger keeps a record in a file that only root reads", (t) => {
  const folder = folderOf(t);
  const ledger = ActionLedger.open(folder);
  assert.equal(ledger.read("x1"), undefined);
  ledger.write(recordOf(1, "begun"));
  ledger.write(recordOf(1, "done"));
  assert.deepEqual(ActionLedger.open(folder).read("x1"), recordOf(1, "done"));
  assert.deepEqual([statSync(join(folder, "x1.json")).mode & 0o7777, statSync(folder).mode & 0o7777], [0o600, 0o700]);
});

test("ActionLedger refuses every id that is not x and a number", (t) => {
  const ledger = ActionLedger.open(folderOf(t));
  for (const action of [
    "",
    "x",
    "1",
    "x1234567890123",
    "../x1",
    "x1/../x2",
    "x1\0",
    "x1\n",
    "X1",
    "x-1",
    "x1.json",
    "x١",
  ]) {
    assert.throws(() => ledger.read(action), { code: "GARRISON_ACTION_REFUSED" }, action);
    assert.throws(() => ledger.write({ ...recordOf(1), action }), { code: "GARRISON_ACTION_REFUSED" }, action);
  }
});

test("ActionLedger.read() throws GARRISON_LEDGER_DAMAGED for a file that it did not write", (t) => {
  const folder = folderOf(t);
  const ledger = ActionLedger.open(folder);
  for (const text of [
    "",
    "{",
    "{}",
    JSON.stringify(recordOf(2)),
    JSON.stringify({ ...recordOf(1), more: 1 }),
    " ".repeat(300_000),
  ]) {
    writeFileSync(join(folder, "x1.json"), text);
    assert.throws(() => ledger.read("x1"), { code: "GARRISON_LEDGER_DAMAGED" }, text.slice(0, 40));
  }
});

test("ActionLedger makes room by removing the oldest finished records, those that can still be undone last", (t) => {
  const folder = folderOf(t);
  const ledger = ActionLedger.open(folder, { maxFiles: 6 });
  const phases = ["done", "begun", "done", "undone", "undoing", "failed"] as const;
  for (const [index, phase] of phases.entries()) {
    ledger.write(recordOf(index + 1, phase));
    utimesSync(join(folder, `x${index + 1}.json`), 1000 + index, 1000 + index);
  }
  const left = () => readdirSync(folder).sort().join(" ");
  ledger.write(recordOf(7, "begun"));
  assert.equal(left(), "x1.json x2.json x3.json x5.json x6.json x7.json");
  ledger.write(recordOf(8, "begun"));
  assert.equal(left(), "x1.json x2.json x3.json x5.json x7.json x8.json");
  ledger.write(recordOf(9, "begun"));
  ledger.write(recordOf(10, "begun"));
  assert.equal(left(), "x10.json x2.json x5.json x7.json x8.json x9.json");
  assert.throws(() => ledger.write(recordOf(11, "begun")), { code: "GARRISON_LEDGER_FULL" });
  ledger.write(recordOf(10, "done"));
  assert.equal(ActionLedger.open(folder, { maxFiles: 6 }).read("x10")?.phase, "done");
});
