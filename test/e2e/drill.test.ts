import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { Host, parentOf, waitFor } from "./host.ts";

const PROGRAM = join(import.meta.dirname, "../../dist/bin/garrison.js");
const folder = mkdtempSync("/tmp/garrison-drill-");
after(() => rmSync(folder, { recursive: true, force: true }));

test("drill sees each of its attacks, marks them, closes them, and can be repeated", async () => {
  const real = join(folder, "real");
  writeFileSync(real, "x", { mode: 0o644 });
  await using host = await Host.start({ config: `sensors: { files: { paths: ["${folder}/real"] } }\n` });
  for (const round of [1, 2]) {
    const result = await host.command("drill", "--real-file", real, "--json");
    assert.equal(result.code, 0, `round ${round}: ${result.stdout}${result.stderr}${JSON.stringify(host.alerts)}`);
    assert.deepEqual(
      result.items.map(({ drill, outcome }) => [drill, outcome]),
      [
        ["listener-4444", "alerted"],
        ["file-mode-canary", "alerted"],
        ["file-mode-real", "alerted"],
        ["secret-read-canary", "alerted"],
      ],
    );
    for (const { alertedAfterMs } of result.items) assert.equal(typeof alertedAfterMs, "number");
  }
  assert.equal(statSync(real).mode & 0o7777, 0o644);
  assert.equal(statSync(join(host.state, "canary/file")).mode & 0o7777, 0o644);
  const drills = host.alerts.filter(({ drill }) => drill !== null);
  assert.equal(drills.length, 8);
  const open = await host.command("alerts", "--json");
  assert.deepEqual(
    open.items.filter((alert) => alert["drill"] !== null),
    [],
  );
});

test("drill says which attack was missed, with exit code 1, when a sensor is blind to it", async () => {
  const unwatched = join(folder, "unwatched");
  writeFileSync(unwatched, "x", { mode: 0o644 });
  await using host = await Host.start();
  const result = await host.command("drill", "--real-file", unwatched, "--timeout", "3s", "--json");
  assert.equal(result.code, 1);
  assert.deepEqual(
    result.items.filter(({ outcome }) => outcome === "missed").map(({ drill }) => drill),
    ["file-mode-real"],
  );
  assert.equal(statSync(unwatched).mode & 0o7777, 0o644);
});

test("drill that cannot stage an attack says why, and that is no success", async () => {
  await using host = await Host.start();
  const server = createServer().listen(4444, "127.0.0.1");
  await once(server, "listening");
  const result = await host.command("drill", "--json");
  server.close();
  assert.equal(result.code, 1);
  const [listener] = result.items;
  assert.equal(listener?.["outcome"], "not-staged");
  assert.match(String(listener?.["detail"]), /EADDRINUSE/);
});

test("drill that is killed in the middle leaves nothing changed", async () => {
  const real = join(folder, "killed");
  writeFileSync(real, "x");
  chmodSync(real, 0o644);
  await using host = await Host.start({ config: `sensors: { files: { paths: ["${folder}/other"] } }\n` });
  const folders = ["--state", host.state, "--run", host.run];
  // The file is not watched: the drill waits for its alert until it is killed.
  const drill = spawn(process.execPath, [PROGRAM, "drill", "--real-file", real, "--timeout", "60s", ...folders], {
    stdio: "ignore",
    detached: true,
  });
  await waitFor(() => (statSync(real).mode & 0o100) !== 0, "the staged change");
  process.kill(-drill.pid!, "SIGKILL");
  await waitFor(() => (statSync(real).mode & 0o7777) === 0o644, "the change put back");
  await waitFor(() => !readdirSync(host.run).some((name) => name.startsWith("drill-")), "the note removed");
});

test("a drill whose stager is killed too is put back by the next drill", async () => {
  const real = join(folder, "both-killed");
  writeFileSync(real, "x");
  chmodSync(real, 0o644);
  await using host = await Host.start();
  const folders = ["--state", host.state, "--run", host.run];
  const drill = spawn(process.execPath, [PROGRAM, "drill", "--real-file", real, "--timeout", "60s", ...folders], {
    stdio: "ignore",
  });
  await waitFor(() => (statSync(real).mode & 0o100) !== 0, "the staged change");
  const stager = readdirSync("/proc")
    .map(Number)
    .find((pid) => pid > 0 && parentOf(pid) === drill.pid);
  process.kill(stager!, "SIGKILL");
  drill.kill("SIGKILL");
  await once(drill, "exit");
  assert.equal(statSync(real).mode & 0o7777, 0o744);
  const next = await host.command("drill");
  assert.match(next.stdout, new RegExp(`put back ${real}`));
  assert.equal(statSync(real).mode & 0o7777, 0o644);
});

test("an attack by somebody else during a drill is not marked as a drill", async () => {
  await using host = await Host.start();
  const folders = ["--state", host.state, "--run", host.run];
  const unwatched = join(folder, "waits");
  writeFileSync(unwatched, "x", { mode: 0o644 });
  const drill = spawn(process.execPath, [PROGRAM, "drill", "--real-file", unwatched, "--timeout", "5s", ...folders], {
    stdio: "ignore",
  });
  await waitFor(() => (statSync(unwatched).mode & 0o100) !== 0, "the drill under way");
  const server = createServer().listen(31_337, "127.0.0.1");
  await once(server, "listening");
  const alert = await host.alert(
    ({ subject }) => subject.type === "socket" && subject.port === 31_337,
    "the real attack",
  );
  assert.equal(alert.drill, null);
  server.close();
  await once(drill, "exit");
});
