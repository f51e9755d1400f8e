/**
 * From the moment before an event until its alert has been printed by `garrison up --json`: p50, p99 and what was missed, for the
 * three sensors, on a machine at rest and while 5,000 files a second are made in a watched folder.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Alert } from "#src/model/alert.ts";
import { Host } from "../test/e2e/host.ts";

const EVENTS = 200;
const SPACING_MS = 20;
const FIRST_PORT = 20_000;

interface Figures {
  readonly sensor: string;
  readonly load: string;
  readonly events: number;
  readonly alerts: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const folder = mkdtempSync("/tmp/garrison-bench-");
for (const name of ["files", "secrets", "flood"]) mkdirSync(join(folder, name));
for (let index = 0; index < EVENTS * 2; index++) {
  writeFileSync(join(folder, "files", `f${index}`), "x", { mode: 0o644 });
  writeFileSync(join(folder, "secrets", `s${index}`), "x", { mode: 0o600 });
}
const config = `
notify: { syslog: false }
sensors:
  files: { paths: ["${folder}/files/*", "${folder}/flood/watched"] }
  secrets: { paths: ["${folder}/secrets/*"] }
`;
await using host = await Host.start({ config, words: ["--learn", "0s"] });
const servers: Server[] = [];
for (const load of ["idle", "5,000 creates/s"] as const) {
  const flood = load === "idle" ? null : startFlood(join(folder, "flood"));
  const offset = load === "idle" ? 0 : EVENTS;
  await measure(
    "listeners",
    load,
    async (index) => {
      const server = createServer().listen(FIRST_PORT + offset + index, "127.0.0.1");
      await once(server, "listening");
      servers.push(server);
    },
    ({ subject }, index) => subject.type === "socket" && subject.port === FIRST_PORT + offset + index,
  );
  await measure(
    "files",
    load,
    async (index) => chmodSync(join(folder, "files", `f${offset + index}`), 0o600),
    ({ subject, kind }, index) =>
      kind === "file.mode" && subject.type === "file" && subject.path.endsWith(`/f${offset + index}`),
  );
  await measure(
    "secrets",
    load,
    async (index) => void readFileSync(join(folder, "secrets", `s${offset + index}`)),
    ({ subject, kind }, index) =>
      kind === "secret.read" && subject.type === "file" && subject.path.endsWith(`/s${offset + index}`),
  );
  if (flood !== null) {
    flood.kill("SIGKILL");
    await once(flood, "exit");
  }
}
for (const server of servers) server.close();
rmSync(folder, { recursive: true });

async function measure(
  sensor: string,
  load: string,
  act: (index: number) => Promise<void>,
  fits: (alert: Alert, index: number) => boolean,
): Promise<void> {
  const latenciesMs: number[] = [];
  for (let index = 0; index < EVENTS; index++) {
    const from = host.events.length;
    const startedMs = performance.now();
    await act(index);
    try {
      await host.until(
        (event) => event.event === "alert" && event.alert !== undefined && fits(event.alert, index),
        `${sensor} ${index}`,
        from,
      );
      latenciesMs.push(performance.now() - startedMs);
    } catch (error) {
      process.stderr.write(`missed: ${(error as Error).message.split("\n")[0]}\n`);
    }
    await sleep(SPACING_MS);
  }
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN) * 10) / 10;
  const figures: Figures = {
    sensor,
    load,
    events: EVENTS,
    alerts: latenciesMs.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** A paced storm of creates and unlinks in a folder that is watched for one name. */
function startFlood(path: string) {
  const script = `
    const { closeSync, openSync, unlinkSync } = require("node:fs");
    let made = 0; const started = performance.now();
    setInterval(() => { while (made < (performance.now() - started) * 5) { const name = ${JSON.stringify(path)} + "/n" + (made++ % 1000); closeSync(openSync(name, "w")); unlinkSync(name); } }, 5);`;
  return spawn(process.execPath, ["-e", script], { stdio: "ignore" });
}
