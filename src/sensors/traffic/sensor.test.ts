import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { JournalWriter } from "#src/journal/writer.ts";
import { run } from "#src/linux/temp-namespace.mts";
import { asUser, enterWithPeer, PEER, sendAs } from "#src/linux/traffic-namespace.mts";
import type { Fact, Level, Levels } from "#src/model/observation.ts";
import { openLog } from "#src/processes/log.ts";
import { TrafficAccounting } from "#src/warden/traffic-accounting.ts";
import { WardenJournal } from "#src/warden/warden-journal.ts";
import { RunningSensor } from "../harness.mts";
import { sensor } from "./sensor.ts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };

/** The warden's part, and its file as the sensor gets it. */
function startWarden(t: TestContext): number {
  const folder = mkdtempSync("/tmp/garrison-traffic-");
  const countsFd = openSync(join(folder, "counts"), "wx");
  const readFd = openSync(join(folder, "counts"), "r");
  const writer = JournalWriter.open(join(folder, "journal"), { gid: 0 });
  const journal = new WardenJournal(
    writer,
    openLog("warden", () => {}),
  );
  const traffic = new TrafficAccounting({ journal, options: { countsFd, udpPorts: true } });
  traffic.start();
  t.after(() => {
    traffic[Symbol.dispose]();
    writer[Symbol.dispose]();
    closeSync(countsFd);
    closeSync(readFd);
    rmSync(folder, { recursive: true });
  });
  return readFd;
}

function isLevels(fact: Fact): fact is Levels {
  return fact.type === "levels";
}

/** How much of it all levels of whole spans say was counted. */
function totalOf(facts: readonly Fact[], series: string): number {
  const whole = facts.filter(isLevels).filter(({ spanMs }) => spanMs > 5000);
  return whole.reduce((sum, { values, spanMs }) => sum + ((find(values, series)?.value ?? 0) * spanMs) / 1000, 0);
}

function find(values: readonly Level[], series: string): Level | undefined {
  return values.find((one) => one.series === series);
}

test("the sensor tells levels of interfaces and accounts, who mails, and at once who sends much", root, async (t) => {
  await enterWithPeer(t, 25);
  run("ip", "route", "add", "default", "via", PEER[4]);
  const countsFd = startWarden(t);
  await using running = new RunningSensor({ sensor, options: { accounts: true, udpPorts: true, countsFd } });
  await running.ready();
  const { state, sees } = running.status();
  assert.equal(state, "watching");
  assert.deepEqual(sees, [
    "packets and bytes of 1 network interface, each second by /proc/net/dev; all others together",
    "packets, bytes and TCP connections that each account sends, by nf_tables",
  ]);

  // An account that connects to a mail server is told with its process.
  const script = `k=tcp('${PEER[4]}',25,10); k=socket.create_connection(('${PEER[4]}',25)); udp('${PEER[4]}',9,37)
print(1,flush=True); sys.stdin.read()`;
  const [program, ...words] = asUser(61_003, script);
  const mailer = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void mailer.kill("SIGKILL"));
  const told = await running.observation("who mails", ({ group }) => group === "mail");
  assert.deepEqual([told.key, told.subject], ['["mail",61003]', { type: "account", name: "61003" }]);
  assert.equal(told.who?.pid, mailer.pid);
  assert.deepEqual(told.facts?.["destinations"], [{ protocol: "tcp", address: PEER[4], port: 25, sockets: 1 }]);

  // A whole span: 37 packets and the TCP of two connections.
  await running.until("37 packets of the account", () => totalOf(running.facts, "packets-out account:61003") > 37);
  const begun = totalOf(running.facts, "connections-out account:61003");
  assert.ok(Math.abs(begun - 2) < 0.05, `2 connections were begun, ${begun} were told`);
  assert.ok(Math.abs(totalOf(running.facts, "mail-connections-out account:61003") - 2) < 0.05);
  assert.ok(totalOf(running.facts, "packets-out cable") > 37);
  assert.ok(totalOf(running.facts, "packets-in cable") > 0);
  assert.equal(totalOf(running.facts, "packets-out lo"), 0);

  // A burst is told before its span has ended, with who it is; what goes over loopback is not.
  const from = running.facts.length;
  sendAs(61_005, "udp('127.0.0.1', 9, 20000)");
  const flood = `s=udp('${PEER[4]}',53,20000)\nprint(1,flush=True); sys.stdin.read()`;
  const [floodProgram, ...floodWords] = asUser(61_004, flood);
  const flooder = spawn(floodProgram, floodWords, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void flooder.kill("SIGKILL"));
  const early = await running.until("the burst", () =>
    running.facts
      .slice(from)
      .filter(isLevels)
      .find(({ values }) => find(values, "packets-out account:61004") !== undefined),
  );
  const level = find(early.values, "packets-out account:61004")!;
  assert.ok(level.value >= 500 && early.spanMs < 8000, `${level.value} packets/s over ${early.spanMs} ms`);
  assert.deepEqual(
    (level.detail!["processes"] as { pid: number }[]).map(({ pid }) => pid),
    [flooder.pid],
  );
  assert.equal((level.detail!["ports"] as { port: number }[])[0]?.port, 53);
  await running.until("the burst's interface", () =>
    running.facts.filter(isLevels).some(({ values }) => {
      const accounts = find(values, "packets-out cable")?.detail?.["accounts"] as { uid: number }[] | undefined;
      return accounts?.[0]?.uid === 61_004;
    }),
  );
  assert.equal(totalOf(running.facts, "packets-out account:61005"), 0);
});

test(
  "the sensor says that it does not know accounts without the warden's file, and tells interfaces all the same",
  root,
  async (t) => {
    await enterWithPeer(t);
    await using running = new RunningSensor({ sensor, options: { accounts: true, udpPorts: false } });
    await running.ready();
    const { state, blindTo } = running.status();
    assert.equal(state, "degraded");
    assert.ok(blindTo.includes("which account sends: the warden has not told"));
    // The cable leads nowhere by default: it is among the others.
    sendAs(61_003, `udp('${PEER[4]}', 9, 5)`);
    await running.until("levels", () => totalOf(running.facts, "packets-out other interfaces") >= 4.9);
  },
);
