import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { countProcesses } from "#src/linux/account-processes.ts";
import { countConnections } from "#src/linux/tcp-connections.ts";
import type { Levels } from "#src/model/observation.ts";
import { RunningSensor } from "../harness.mts";
import { sensor } from "./sensor.ts";

// Nobody else's on a machine that runs tests.
const UID = 47_211;

/** A process of an account that holds so many connections to a port of loopback, until it is told to end. */
async function startAccount(port: number, connections: number): Promise<ChildProcess> {
  const script = `
import socket, sys
held = [socket.create_connection(("127.0.0.1", ${port})) for _ in range(${connections})]
print("ready", flush=True)
sys.stdin.readline()`;
  const words = [`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "/usr/bin/python3", "-c", script];
  const child = spawn("setpriv", words, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  return child;
}

test("countProcesses() and countConnections() count what an account has, and nothing once it has ended", async () => {
  await using server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = await startAccount((server.address() as { port: number }).port, 7);
  assert.deepEqual([countProcesses().get(UID), countConnections().get(UID)], [1, 7]);
  child.stdin!.end();
  await once(child, "exit");
  assert.deepEqual([countProcesses().get(UID), countConnections().get(UID)], [undefined, undefined]);
});

test("the sensor tells of each account, and of all of them", async () => {
  await using running = new RunningSensor({ sensor, options: {} });
  const levels = await running.until("levels", () =>
    running.facts.find((fact): fact is Levels => fact.type === "levels"),
  );
  assert.deepEqual(levels.wholeOf, [""]);
  const ours = levels.values.find(({ series }) => series === `processes account:${process.geteuid?.()}`);
  assert.ok(ours !== undefined && ours.value >= 1);
  assert.equal(running.status().state, "watching");
});
