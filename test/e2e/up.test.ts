import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Alert } from "#src/model/alert.ts";
import { childrenOf, Host, listenAsPython, parentOf, statusField, waitFor } from "./host.ts";

test("up says what each sensor sees, then that it watches, with no configuration at all", async () => {
  await using host = await Host.start();
  const sensors = host.events.filter(({ event }) => event === "sensor");
  assert.deepEqual(
    sensors.map(({ name }) => name),
    ["listeners", "files", "secrets", "logs", "accounts", "traffic", "mail-queue"],
  );
  for (const sensor of sensors) assert.equal(sensor["state"], "watching", JSON.stringify(sensor));
});

test("up gives each process the privileges of its row in the design, and no others", async () => {
  await using host = await Host.start();
  const sentry = host.pidOf("garrison-sentry");
  const warden = host.pidOf("garrison-warden");
  const mind = host.pidOf("garrison-mind");
  // CAP_DAC_READ_SEARCH 2, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21
  assert.equal(BigInt(`0x${statusField(sentry, "CapEff")}`), (1n << 2n) | (1n << 19n) | (1n << 21n));
  // CAP_CHOWN 0, CAP_DAC_OVERRIDE 1, CAP_DAC_READ_SEARCH 2, CAP_FOWNER 3, CAP_FSETID 4
  // CAP_NET_ADMIN beside those for files. Without Landlock also CAP_SYS_PTRACE, to see whose connections are those of admins.
  const forFilesAndBlocks = 0b11111n | (1n << 12n);
  assert.equal(BigInt(`0x${statusField(warden, "CapEff")}`) & ~(1n << 19n), forFilesAndBlocks);
  assert.equal(BigInt(`0x${statusField(mind, "CapEff")}`), 0n);
  const [mindUid] = statusField(mind, "Uid").split("\t");
  assert.ok(Number(mindUid) >= 61_184 && Number(mindUid) <= 65_519, `the mind runs as uid ${mindUid}`);
  assert.equal(statusField(mind, "Groups"), "");
  for (const pid of [sentry, warden, mind]) {
    assert.equal(statusField(pid, "NoNewPrivs"), "1");
    for (const thread of threadsOf(pid)) assert.equal(statusField(thread, "CapEff"), statusField(pid, "CapEff"));
  }
});

test("up keeps the sentry from writing: every mount is read-only for it but tracefs", async () => {
  await using host = await Host.start();
  const mounts = readFileSync(`/proc/${host.pidOf("garrison-sentry")}/mountinfo`, "utf8")
    .trim()
    .split("\n");
  // Tests beside this one make network namespaces, whose handles are mounts too, on which there is nothing to write.
  const writable = mounts
    .filter((line) => !line.includes(" - nsfs "))
    .filter((line) => !line.split(" ")[5]!.split(",").includes("ro"))
    .map((line) => line.split(" ")[4]);
  assert.deepEqual([...new Set(writable)], ["/sys/kernel/tracing"]);
});

test("up makes a command socket for root and the group only, and lets nobody into the other two", async () => {
  await using host = await Host.start();
  assert.equal(statSync(`${host.run}/garrison.sock`).mode & 0o777, 0o660);
  assert.equal(statSync(`${host.run}/sentry.sock`).mode & 0o777, 0o660);
  assert.equal(statSync(`${host.run}/warden.sock`).mode & 0o777, 0o660);
  assert.equal(statSync(`${host.state}/mind`).mode & 0o777, 0o700);
  assert.equal(statSync(`${host.state}/journal`).uid, 0);
});

test("up stops all of its children on Ctrl-C and ends with exit code 0", async () => {
  const host = await Host.start();
  const children = childrenOf(host.up.pid!);
  assert.equal(children.length, 3);
  const ended = once(host.up, "exit");
  host.up.kill("SIGINT");
  const [code] = await ended;
  assert.equal(code, 0, host.stderr);
  for (const pid of children) assert.equal(existsSync(`/proc/${pid}`), false, `pid ${pid} still runs`);
  await host[Symbol.asyncDispose]();
});

test("up that is killed takes its children with it", async () => {
  const host = await Host.start();
  const children = childrenOf(host.up.pid!);
  host.up.kill("SIGKILL");
  await waitFor(() => children.every((pid) => parentOf(pid) === -1), "the end of the children");
  await host[Symbol.asyncDispose]();
});

test("a second up on the same state says who holds it, with exit code 3, and touches nothing", async () => {
  await using host = await Host.start();
  // As if the second were of another build: it would lay its own code in place of the one that runs.
  const stamp = `${host.state}/code/.copied`;
  writeFileSync(stamp, "of another build");
  const second = await host.command("up");
  assert.equal(second.code, 3);
  assert.match(second.stderr, new RegExp(`is held by garrison up with pid ${host.up.pid} since \\d{4}-`));
  assert.equal(readFileSync(stamp, "utf8"), "of another build");
});

test("a second up with a state of its own does not take the sockets of the first", async () => {
  await using host = await Host.start();
  const program = join(import.meta.dirname, "../../dist/bin/garrison.js");
  const other = mkdtempSync("/tmp/garrison-other-");
  const { status, stderr } = spawnSync(process.execPath, [program, "up", "--state", other, "--run", host.run]);
  rmSync(other, { recursive: true });
  assert.equal(status, 3);
  assert.match(stderr.toString(), new RegExp(`"${host.run}" is held by garrison up with pid ${host.up.pid} since`));
  assert.equal((await host.command("status")).code, 0);
});

test("a listener on 4444 is an alert while still learning, with program, user and parents", async () => {
  await using host = await Host.start({ config: "sensors: { listeners: { goneAfter: 1s } }\n" });
  const program = await listenAsPython(4444, "0.0.0.0");
  const alert = await host.alert(isAt(4444), "listener.new");
  assert.equal(alert.severity, "high");
  assert.equal(alert.who?.pid, program.pid);
  assert.equal(alert.who?.uid, 0);
  assert.equal(alert.who?.user, "root");
  assert.match(alert.who?.exe ?? "", /python3[.\d]*$/);
  assert.equal(alert.who?.parents[0]?.pid, process.pid);
  assert.ok(alert.next.includes(`garrison accept ${alert.id}`));
  program.stdin!.end();
  const closed = await host.until(
    ({ type, alert: one }) => type === "closed" && one?.id === alert.id,
    "the end of the alert",
  );
  assert.equal(closed.alert?.state, "closed");
});

test("an ordinary new listener cries once learning is over", async () => {
  await using host = await Host.start({ words: ["--learn", "0s"] });
  const program = await listenAsPython(14_445);
  const alert = await host.alert(isAt(14_445), "listener.new");
  program.stdin!.end();
  assert.equal(alert.severity, "low");
});

test("an ordinary new listener is taken in while learning", async () => {
  await using host = await Host.start();
  const ordinary = await listenAsPython(14_446);
  const suspicious = await listenAsPython(31_337);
  // The later, suspicious one is told: the earlier one was seen before it and was not.
  await host.alert(isAt(31_337), "the suspicious listener");
  const told = host.alerts.filter(isAt(14_446));
  const { items, stdout } = await host.command("ordinary", "listeners", "--json");
  for (const program of [ordinary, suspicious]) program.stdin!.end();
  assert.deepEqual(told, []);
  assert.ok(
    items.some(({ text }) => String(text).includes("14446")),
    stdout,
  );
});

function isAt(port: number): (alert: Alert) => boolean {
  return ({ kind, subject }) => kind === "listener.new" && subject.type === "socket" && subject.port === port;
}

function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}
