import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  countedBetween,
  INTERFACE_COUNTERS,
  type InterfaceCounters,
  InterfaceCountersFile,
  MAX_INTERFACES,
  parseInterfaceCounters,
} from "./interface-counters.ts";

// linux 6.18
const HEAD = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;
const TEXT = `${HEAD}    lo: 15966550   51797    0    0    0     0          0         0 15966550   51797    0    0    0     0       0          0
  eth0: 1936804513   57252    0    0    0     0          0         0  2827982   35491    0    0    0     0       0          0
docker0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;

function counters(bytesIn: number, packetsIn: number, bytesOut: number, packetsOut: number): InterfaceCounters {
  return { bytesIn, packetsIn, bytesOut, packetsOut };
}

test("parseInterfaceCounters() reads each interface but loopback", () => {
  assert.deepEqual(
    [...parseInterfaceCounters(TEXT)],
    [
      ["eth0", counters(1_936_804_513, 57_252, 2_827_982, 35_491)],
      ["docker0", counters(0, 0, 0, 0)],
    ],
  );
});

test("parseInterfaceCounters() takes any name that the kernel allows, and passes over other lines", () => {
  const numbers = "1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0";
  const text = `${HEAD}\x1b[31mevil|:${numbers}\n eth0.100@x: ${numbers}\nshort: 1 2 3\nletters: ${numbers.replace("3", "x")}\n: ${numbers}\n`;
  assert.deepEqual(
    [...parseInterfaceCounters(text)].map(([name, { bytesOut }]) => [name, bytesOut]),
    [
      ["\x1b[31mevil|", 3],
      ["eth0.100@x", 3],
    ],
  );
});

test("parseInterfaceCounters() takes any text, and at most 4,096 interfaces", () => {
  const lines = Array.from({ length: MAX_INTERFACES + 9 }, (_, index) => `veth${index}: ${"1 ".repeat(16).trim()}\n`);
  assert.equal(parseInterfaceCounters(lines.join("")).size, MAX_INTERFACES);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.nat()).map((all) => `a:${all.join(" ")}`),
      ),
      (text) => {
        for (const one of parseInterfaceCounters(text).values()) {
          assert.ok(INTERFACE_COUNTERS.every((name) => one[name] >= 0));
        }
      },
    ),
  );
});

test("countedBetween() subtracts", () => {
  assert.deepEqual(countedBetween(counters(100, 10, 50, 5), counters(1100, 12, 50, 6)), counters(1000, 2, 0, 1));
});

test("countedBetween() takes what an interface that was made again has counted since", () => {
  assert.deepEqual(countedBetween(counters(9e9, 7e6, 5e9, 4e6), counters(500, 3, 80, 1)), counters(500, 3, 80, 1));
  // Only one of them had counted more before.
  assert.deepEqual(countedBetween(counters(100, 10, 0, 0), counters(200, 3, 80, 1)), counters(200, 3, 80, 1));
});

test("countedBetween() takes one counter that fell from just below 2^32 for wrapped", () => {
  const before = counters(2 ** 32 - 100, 10, 50, 5);
  assert.deepEqual(countedBetween(before, counters(400, 12, 50, 6)), counters(500, 2, 0, 1));
});

test("countedBetween() is never negative", () => {
  const any = fc.record(
    Object.fromEntries(INTERFACE_COUNTERS.map((name) => [name, fc.nat(2 ** 31 - 1).map((n) => n * 3)])),
  );
  fc.assert(
    fc.property(any, any, (before, now) => {
      const counted = countedBetween(before as unknown as InterfaceCounters, now as unknown as InterfaceCounters);
      assert.ok(INTERFACE_COUNTERS.every((name) => counted[name] >= 0));
    }),
  );
});

test("InterfaceCountersFile reads a file that is longer than its memory, each time anew", (t) => {
  const folder = mkdtempSync("/tmp/garrison-net-dev-");
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "dev");
  const lines = Array.from({ length: 1000 }, (_, index) => `veth${index}: ${"7 ".repeat(16).trim()}\n`).join("");
  writeFileSync(path, HEAD + lines);
  using file = new InterfaceCountersFile(path);
  assert.equal(file.read().size, 1000);
  writeFileSync(path, TEXT);
  assert.deepEqual([...file.read().keys()], ["eth0", "docker0"]);
});

test("InterfaceCountersFile reads this host's without loopback", () => {
  using file = new InterfaceCountersFile();
  assert.ok(!file.read().has("lo"));
});
