import assert from "node:assert/strict";
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import { BlockLedger, type StoredBlock } from "./block-ledger.ts";

function blockOf(number: number, untilUnixMs: number | null = null): StoredBlock {
  const network = `203.0.${(number >> 8) & 255}.${number & 255}/32`;
  return { action: `x${number}`, network, ports: number % 2 === 0 ? [] : [22, 25], untilUnixMs };
}

/** What another process would find. */
function reopen(folder: string): StoredBlock[] {
  using ledger = BlockLedger.open(folder, { readOnly: true });
  return [...ledger.values()];
}

test("BlockLedger keeps blocks in a file that only root reads, and forgets those that end", (t) => {
  const folder = folderOf(t);
  using ledger = BlockLedger.open(folder);
  ledger.begin([blockOf(1), blockOf(2, 5000)]);
  ledger.begin([blockOf(3, 9000)]);
  ledger.end(["x1", "x9"]);
  assert.deepEqual(reopen(folder), [blockOf(2, 5000), blockOf(3, 9000)]);
  assert.deepEqual(ledger.forgetEnded(5000), [blockOf(2, 5000)]);
  assert.deepEqual([...ledger.values()], [blockOf(3, 9000)]);
  assert.equal(statSync(join(folder, "blocks")).mode & 0o777, 0o600);
});

test("BlockLedger.lastNumber is the highest number that ever was in it", (t) => {
  const folder = folderOf(t);
  {
    using ledger = BlockLedger.open(folder);
    ledger.begin([blockOf(7), blockOf(4)]);
    ledger.end(["x7"]);
  }
  using again = BlockLedger.open(folder);
  assert.equal(again.lastNumber, 7);
});

test("BlockLedger.open() cuts off what a crash left of a line, at any byte", (t) => {
  const folder = folderOf(t);
  const path = join(folder, "blocks");
  {
    using ledger = BlockLedger.open(folder);
    ledger.begin([blockOf(1)]);
    ledger.begin([blockOf(2)]);
  }
  const whole = readFileSync(path);
  const firstBytes = whole.lastIndexOf(10, -2) + 1;
  for (let bytes = firstBytes; bytes < whole.length; bytes++) {
    writeFileSync(path, whole);
    truncateSync(path, bytes);
    {
      using ledger = BlockLedger.open(folder);
      assert.deepEqual([...ledger.values()], [blockOf(1)], `${bytes} bytes`);
      assert.equal(ledger.damage.cutBytes, bytes - firstBytes);
      ledger.begin([blockOf(3)]);
    }
    assert.deepEqual(reopen(folder), [blockOf(1), blockOf(3)]);
  }
});

test("BlockLedger.open() passes over damaged lines, counts them, and writes what is left anew", (t) => {
  const folder = folderOf(t);
  const path = join(folder, "blocks");
  {
    using ledger = BlockLedger.open(folder);
    for (const number of [1, 2, 3]) ledger.begin([blockOf(number)]);
  }
  const lines = readFileSync(path, "utf8").split("\n");
  lines[2] = lines[2]!.replace("203.0", "204.0");
  writeFileSync(path, `${lines.join("\n")}\0\n{}\n00000000 {}\n`);
  {
    using ledger = BlockLedger.open(folder);
    assert.deepEqual([...ledger.values()], [blockOf(1), blockOf(3)]);
    assert.equal(ledger.damage.lines, 4);
  }
  using again = BlockLedger.open(folder);
  assert.deepEqual([again.damage, again.size], [{ lines: 0, cutBytes: 0 }, 2]);
});

test("BlockLedger makes its file anew when most of it is over", (t) => {
  const folder = folderOf(t);
  const path = join(folder, "blocks");
  using ledger = BlockLedger.open(folder);
  for (let round = 0; round < 40; round++) {
    const blocks = Array.from({ length: 200 }, (_, index) => blockOf(round * 200 + index));
    ledger.begin(blocks);
    ledger.end(blocks.slice(1).map(({ action }) => action));
  }
  assert.ok(statSync(path).size < 300_000, `${statSync(path).size} bytes`);
  assert.deepEqual(reopen(folder), [...ledger.values()]);
  assert.equal(ledger.size, 40);
});

test("BlockLedger.open() takes any bytes", (t) => {
  const folder = folderOf(t);
  const path = join(folder, "blocks");
  {
    using ledger = BlockLedger.open(folder);
    ledger.begin([blockOf(1)]);
  }
  const whole = readFileSync(path);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      writeFileSync(path, whole);
      appendFileSync(path, bytes);
      using ledger = BlockLedger.open(folder, { readOnly: true });
      assert.deepEqual([...ledger.values()], [blockOf(1)]);
    }),
  );
});
