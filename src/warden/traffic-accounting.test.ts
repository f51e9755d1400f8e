import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readJournal } from "#src/journal/verify.ts";
import { JournalWriter } from "#src/journal/writer.ts";
import { NfAccounting, type PortCount } from "#src/linux/nf-accounting.ts";
import { enterNamespace, run } from "#src/linux/temp-namespace.mts";
import { enterWithPeer, PEER, sendAs } from "#src/linux/traffic-namespace.mts";
import { openLog } from "#src/processes/log.ts";
import { type AccountCounts, AccountCountsReader } from "#src/wire/account-counts.ts";
import { busiestPorts, endTrafficAccounting, portKey, TrafficAccounting } from "./traffic-accounting.ts";
import { WardenJournal } from "./warden-journal.ts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };

/** A warden's part, its journal and the sentry's end of the file; its clock is the test's. */
function arrange(t: TestContext, otherFd?: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const folder = mkdtempSync("/tmp/garrison-traffic-");
  const ownFd = openSync(join(folder, "counts"), "wx");
  const countsFd = otherFd ?? ownFd;
  const readFd = openSync(join(folder, "counts"), "r");
  const writer = JournalWriter.open(join(folder, "journal"), { gid: 0 });
  const logged: string[] = [];
  const journal = new WardenJournal(
    writer,
    openLog("warden", (line) => void logged.push(line)),
  );
  let nowMs = 1_000_000;
  const traffic = new TrafficAccounting({ journal, options: { countsFd, udpPorts: true }, nowMs: () => nowMs });
  const reader = new AccountCountsReader(readFd);
  t.after(() => {
    traffic[Symbol.dispose]();
    writer[Symbol.dispose]();
    closeSync(ownFd);
    if (otherFd !== undefined) closeSync(otherFd);
    closeSync(readFd);
    rmSync(folder, { recursive: true });
  });
  const kinds = async (): Promise<string[]> =>
    (await readJournal(join(folder, "journal"), { last: 100 })).map(({ kind }) => kind);
  const look = (): AccountCounts => {
    nowMs += 6000;
    t.mock.timers.tick(6000);
    return reader.read()!;
  };
  return { traffic, journal, kinds, look, logged };
}

/** uid: packets, bytes, connections, mail connections. */
function numbersOf({ accounts }: AccountCounts, uid: number): readonly number[] | null {
  const at = accounts.findIndex((value, index) => index % 5 === 0 && value === uid);
  return at === -1 ? null : accounts.slice(at + 1, at + 5);
}

test("TrafficAccounting counts, tells the sentry, and takes its table away at the end", root, async (t) => {
  await enterWithPeer(t, 25);
  const { traffic, kinds, look } = arrange(t);
  traffic.start();
  assert.deepEqual(await kinds(), ["traffic.begin"]);
  sendAs(1003, `udp('${PEER[4]}', 53, 700); udp('${PEER[4]}', 9, 3)`);
  const counts = look();
  assert.deepEqual(numbersOf(counts, 1003), [703, 35_150, 0, 0]);
  assert.deepEqual(counts.ports, [1003, 17, 53, 700, 1003, 17, 9, 3]);
  sendAs(1003, `tcp('${PEER[4]}', 25, 10)`);
  assert.deepEqual(numbersOf(look(), 1003)?.slice(2), [1, 1]);
  traffic[Symbol.dispose]();
  assert.equal(run("nft", "list", "tables"), "");
  assert.deepEqual(await kinds(), ["traffic.begin", "traffic.end"]);
});

test(
  "TrafficAccounting puts its table back when somebody has flushed all, and says that counts begin anew",
  root,
  async (t) => {
    await enterWithPeer(t);
    const { traffic, kinds, look } = arrange(t);
    traffic.start();
    sendAs(1003, `udp('${PEER[4]}', 9, 50)`);
    const before = look();
    run("nft", "flush", "ruleset");
    const after = look();
    assert.deepEqual([after.restored, after.accounts, after.failure], [1, [], null]);
    assert.notEqual(after.epoch, before.epoch);
    sendAs(1003, `udp('${PEER[4]}', 9, 7)`);
    assert.equal(numbersOf(look(), 1003)?.[0], 7);
    for (let count = 2; count <= 20; count++) {
      run("nft", "flush", "ruleset");
      assert.equal(look().restored, count);
    }
    const restored = (await kinds()).filter((kind) => kind === "traffic.restored");
    assert.equal(restored.length, 10, "a fight with somebody does not fill the journal");
  },
);

test("TrafficAccounting says why nothing is counted to whoever is not root", root, (t) => {
  enterNamespace();
  const { traffic, look, logged } = arrange(t);
  t.mock.method(process as Required<Pick<NodeJS.Process, "geteuid">>, "geteuid", () => 1000);
  traffic.start();
  const counts = look();
  assert.match(counts.failure ?? "", /not run as root/);
  assert.equal(logged.length, 1);
  t.mock.restoreAll();
});

test("endTrafficAccounting() takes away what a killed warden has left, and nothing else", root, async (t) => {
  enterNamespace();
  const { journal, kinds } = arrange(t);
  endTrafficAccounting(journal);
  assert.deepEqual(await kinds(), []);
  using left = new NfAccounting({ udpPorts: true });
  left.install();
  run("nft", "add", "table", "inet", "admin");
  endTrafficAccounting(journal);
  assert.equal(run("nft", "list", "tables"), "table inet admin\n");
  assert.deepEqual(await kinds(), ["traffic.end"]);
});

test("busiestPorts() gives of each account the eight ports that got most since the last look", () => {
  const counts: PortCount[] = Array.from({ length: 20 }, (_, port) => ({
    uid: 1003,
    protocol: "udp",
    port,
    count: 100 + port,
  }));
  counts.push({ uid: 33, protocol: "tcp", port: 443, count: 5 });
  const before = new Map([
    ["1003 udp 19", 119],
    ["1003 udp 18", 117],
    ["33 tcp 443", 9],
  ]);
  const busiest = busiestPorts(counts, before).map((one) => `${portKey(one)}: ${one.count}`);
  assert.equal(busiest.length, 9);
  assert.equal(busiest[0], "1003 udp 17: 117");
  assert.ok(busiest.includes("33 tcp 443: 5"), "an element that came back counts from 0");
  assert.ok(!busiest.some((text) => text.startsWith("1003 udp 18") || text.startsWith("1003 udp 19")));
});

test("TrafficAccounting goes on, and warns once, when the file cannot be written", root, async (t) => {
  await enterWithPeer(t);
  const { traffic, look, logged } = arrange(t, openSync("/dev/full", "w"));
  traffic.start();
  for (let count = 0; count < 3; count++) assert.equal(look(), null);
  assert.deepEqual(
    logged.map((line) => /ENOSPC/.test(line)),
    [true],
  );
});
