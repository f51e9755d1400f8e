/**
 * Measures what the READMEs of the sensors say: `node src/sensors/measure.mts` as root. Not shipped (`.mts`).
 * Clocks: CLOCK_MONOTONIC in the acting process before the act, and here when the observation arrives.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { enterPrivateMounts, mountTracefs } from "#src/linux/privileges.ts";
import type { Observation } from "#src/model/observation.ts";
import * as filesConfig from "./files/config.ts";
import { sensor as files } from "./files/sensor.ts";
import { isObservation, RunningSensor } from "./harness.mts";
import { sensor as listeners } from "./listeners/sensor.ts";
import * as secretsConfig from "./secrets/config.ts";
import { sensor as secrets } from "./secrets/sensor.ts";

const ACTS = 300;
const IDLE_SECONDS = Number(process.env["IDLE_SECONDS"] ?? 60);
const NEVER_MS = 3_600_000;
const folder = mkdtempSync("/tmp/garrison-measure-");

enterPrivateMounts();
if (!existsSync("/sys/kernel/tracing/instances")) mountTracefs("/sys/kernel/tracing");

/**
 * Acts in another process, 20 ms apart; milliseconds from each act to its observation.
 * @param indexOf number of the act that an observation tells of
 */
async function latencies(
  running: RunningSensor,
  script: string,
  indexOf: (fact: Observation) => number,
): Promise<number[]> {
  const arrivedNs = new Map<number, bigint>();
  let looked = running.facts.length;
  const look = (): boolean => {
    for (const fact of running.facts.slice(looked)) {
      if (isObservation(fact) && fact.type !== "absent") arrivedNs.set(indexOf(fact), process.hrtime.bigint());
    }
    looked = running.facts.length;
    return arrivedNs.has(ACTS - 1);
  };
  const program = `import os, socket, sys, time
kept = []
for n in range(${ACTS}):
    time.sleep(0.02)
    print(time.monotonic_ns(), flush=True)
    ${script}
sys.stdin.readline()`;
  const child = spawn("/usr/bin/python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
  const actedNs: bigint[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => actedNs.push(BigInt(line)));
  await running.until("all acts", look, 60_000);
  child.stdin.end();
  return actedNs.flatMap((ns, index) => {
    const arrived = arrivedNs.get(index);
    return arrived === undefined ? [] : [Number(arrived - ns) / 1e6];
  });
}

function say(what: string, valuesMs: readonly number[]): void {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (part: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(2);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${sorted.length} of ${ACTS} acts)`);
}

async function withSensor<T>(sensor: RunningSensor, use: (running: RunningSensor) => Promise<T>): Promise<T> {
  await using running = sensor;
  await running.ready();
  return await use(running);
}

async function measureFiles(): Promise<void> {
  writeFileSync(`${folder}/f`, "x");
  const options = { watched: [{ pattern: `${folder}/f`, secret: false }], scanEveryMs: NEVER_MS };
  await withSensor(new RunningSensor({ sensor: files, options }), async (running) => {
    say(
      "files: chmod to observation",
      await latencies(running, `os.chmod("${folder}/f", n)`, ({ facts }) =>
        Number.parseInt(String(facts?.["mode"]), 8),
      ),
    );
  });
}

async function measureSecrets(): Promise<void> {
  mkdirSync(`${folder}/s`);
  for (let number = 0; number < ACTS; number++) writeFileSync(`${folder}/s/${number}`, "x");
  const options = { patterns: [`${folder}/s/*`], scanEveryMs: NEVER_MS };
  await withSensor(new RunningSensor({ sensor: secrets, options }), async (running) => {
    say(
      "secrets: read to observation",
      await latencies(running, `open("${folder}/s/%d" % n).read()`, ({ group }) => Number(group.split("/").at(-1))),
    );
  });
}

async function measureListeners(): Promise<void> {
  const options = { goneAfterMs: NEVER_MS, udpClientMs: NEVER_MS };
  await withSensor(new RunningSensor({ sensor: listeners, options }), async (running) => {
    const tcp = `kept.append(s := socket.socket()); s.bind(("127.0.0.1", 11000 + n)); s.listen()`;
    const indexOf = ({ facts }: Observation): number => Number(facts?.["port"]) - 11_000;
    say("listeners: TCP listen() to observation", await latencies(running, tcp, indexOf));
  });
}

/** The shipped lists on this host: their first look, and what it costs to do nothing. */
async function measureIdle(): Promise<void> {
  const shipped = [
    { sensor: files, options: filesConfig.toOptions(filesConfig.settings.parse({})) },
    { sensor: secrets, options: secretsConfig.toOptions(secretsConfig.settings.parse({})) },
    { sensor: listeners, options: { goneAfterMs: 30_000, udpClientMs: 600_000 } },
  ];
  const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  const beforeMs = cpuMs();
  const running = shipped.map((one) => new RunningSensor(one));
  for (const one of running) await one.ready();
  console.log(
    `first look at the shipped lists: ${(cpuMs() - beforeMs).toFixed(0)} ms of CPU; ${running.map((one) => one.status().sees[0]).join("; ")}`,
  );
  await delay(5000);
  const idleMs = cpuMs();
  await delay(IDLE_SECONDS * 1000);
  const usedMs = cpuMs() - idleMs;
  console.log(
    `idle, all three, ${IDLE_SECONDS} s: ${usedMs.toFixed(0)} ms of CPU, ${(usedMs / IDLE_SECONDS / 10).toFixed(2)} % of a core`,
  );
  for (const one of running) await one[Symbol.asyncDispose]();
}

await measureFiles();
await measureSecrets();
await measureListeners();
await measureIdle();
spawnSync("rm", ["-r", folder]);
