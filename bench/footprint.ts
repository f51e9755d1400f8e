/**
 * What Garrison costs at rest: CPU, PSS and anonymous memory of its processes over 60 s with all default sensors, and how long it
 * takes to start. `SECONDS` in the environment shortens the minute.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { childrenOf, Host } from "../test/e2e/host.ts";

const SECONDS = Number(process.env["SECONDS"] ?? 60);
const STARTS = 10;
const TICKS_PER_SECOND = 100;

{
  await using host = await Host.start({ config: "notify: { syslog: false }\n" });
  const pids = [...childrenOf(host.up.pid!), host.up.pid!];
  await sleep(5000);
  const before = pids.map(cpuTicks);
  await sleep(SECONDS * 1000);
  pids.forEach((pid, index) => {
    const memory = smaps(pid);
    const cpuSeconds = (cpuTicks(pid) - before[index]!) / TICKS_PER_SECOND;
    print({
      process: readFileSync(`/proc/${pid}/comm`, "latin1").trim(),
      cpuPercent: round((cpuSeconds / SECONDS) * 100),
      ...memory,
    });
  });
}
const startsMs: number[] = [];
for (let run = 0; run < STARTS; run++) {
  const startedMs = performance.now();
  await using _host = await Host.start({ config: "notify: { syslog: false }\n" });
  startsMs.push(performance.now() - startedMs);
}
startsMs.sort((a, b) => a - b);
print({
  start: "up to watching",
  runs: STARTS,
  minMs: round(startsMs[0]!),
  medianMs: round(startsMs[STARTS / 2]!),
  maxMs: round(startsMs.at(-1)!),
});

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function smaps(pid: number): Record<string, number> {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  return {
    pssMiB: round(field("Pss") / 1024),
    anonymousMiB: round(field("Anonymous") / 1024),
    rssMiB: round(field("Rss") / 1024),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
