/**
 * Following 2,000 logs in 2,000 folders: memory and idle CPU of the process that follows, time from write to bytes at the mind, time
 * until a new log is seen, and how fast a backlog is sent. `FILES` and `SECONDS` in the environment change the size.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LogStreamClient } from "#src/mind/log-stream-client.ts";
import { FakeSentry } from "#src/sensors/logs/fake-mind.mts";

const FILES = Number(process.env["FILES"] ?? 2000);
const SECONDS = Number(process.env["SECONDS"] ?? 20);
const WRITES = 1000;
const NEW_LOGS = 50;
const BACKLOG_BYTES = 256 * 1024 * 1024;

const [, script = "", role, folderOfSentry = ""] = process.argv;
if (role === "sentry") {
  const paths = [join(folderOfSentry, "vhosts/*/logs/access_log")];
  new FakeSentry(join(folderOfSentry, "s"), { sources: [{ name: "web", kind: "file", paths }] });
} else await measure();

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "garrison-bench-"));
  try {
    await measureIn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureIn(folder: string): Promise<void> {
  print({ what: "nothing followed", ...(await start(folder, (sentry) => smaps(sentry.pid))) });
  for (let index = 0; index < FILES; index++) makeLog(folder, index);
  const startedMs = performance.now();
  await start(folder, async (sentry) => {
    print({ what: `${FILES} logs opened`, afterMs: round(performance.now() - startedMs) });
    await sleep(3000);
    const before = cpuSeconds(sentry.pid);
    await sleep(SECONDS * 1000);
    const cpuPercent = ((cpuSeconds(sentry.pid) - before) / SECONDS) * 100;
    print({
      what: `${FILES} logs followed, idle`,
      seconds: SECONDS,
      cpuPercent: round(cpuPercent),
      ...smaps(sentry.pid),
    });
    await measureDelay(folder, sentry);
    await measureNewLogs(folder, sentry);
    await measureBacklog(folder, sentry);
    print({ what: "behind all that", ...smaps(sentry.pid) });
  });
}

interface Sentry {
  readonly pid: number;
  /** Resolves when bytes come. */
  arrival(): Promise<void>;
  readonly receivedBytes: number;
}

async function start<T>(folder: string, use: (sentry: Sentry) => T | Promise<T>): Promise<T> {
  const flags = ["--max-semi-space-size=1", "--max-old-space-size=128"];
  const child = spawn(process.execPath, [...flags, script, "sentry", folder], { stdio: "inherit" });
  let wake = (): void => undefined;
  let receivedBytes = 0;
  const settled = Promise.withResolvers<void>();
  const nothing = (): void => undefined;
  const client = new LogStreamClient(join(folder, "s"), {
    positions: () => ({ positions: [], known: [], journals: [] }),
    onSettled: () => settled.resolve(),
    onBytes: (_, __, bytes) => {
      receivedBytes += bytes.length;
      client.taken(bytes.length, []);
      wake();
    },
    onOpen: nothing,
    onHead: nothing,
    onAway: nothing,
    onGap: nothing,
    onClose: nothing,
    onGone: nothing,
    onJournalOpen: nothing,
    onJournal: nothing,
    onState: nothing,
    onLost: nothing,
  });
  try {
    await settled.promise;
    return await use({
      pid: child.pid!,
      arrival: () => new Promise((resolve) => (wake = resolve)),
      get receivedBytes() {
        return receivedBytes;
      },
    });
  } finally {
    client[Symbol.dispose]();
    child.kill();
    await once(child, "exit");
  }
}

async function measureDelay(folder: string, sentry: Sentry): Promise<void> {
  const delaysMs: number[] = [];
  for (let index = 0; index < WRITES; index++) {
    const path = logPath(folder, (index * 7919) % FILES);
    const arrival = sentry.arrival();
    const writtenMs = performance.now();
    appendFileSync(path, "203.0.113.7 - - GET /wp-login.php\n");
    await arrival;
    delaysMs.push(performance.now() - writtenMs);
    await sleep(2);
  }
  print({ what: "line written to bytes at the mind", ...quantiles(delaysMs) });
}

async function measureNewLogs(folder: string, sentry: Sentry): Promise<void> {
  const delaysMs: number[] = [];
  for (let index = FILES; index < FILES + NEW_LOGS; index++) {
    const arrival = sentry.arrival();
    const writtenMs = performance.now();
    makeLog(folder, index, "new\n");
    await arrival;
    delaysMs.push(performance.now() - writtenMs);
  }
  print({ what: "new folder and log to its bytes at the mind", ...quantiles(delaysMs) });
}

async function measureBacklog(folder: string, sentry: Sentry): Promise<void> {
  const wanted = sentry.receivedBytes + BACKLOG_BYTES;
  const before = cpuSeconds(sentry.pid);
  const startedMs = performance.now();
  for (let written = 0; written < BACKLOG_BYTES; written += 1 << 20)
    appendFileSync(logPath(folder, 0), Buffer.alloc(1 << 20, "x"));
  while (sentry.receivedBytes < wanted) await sentry.arrival();
  const seconds = (performance.now() - startedMs) / 1000;
  print({
    what: "256 MiB backlog",
    mibPerSecond: round(256 / seconds),
    cpuSeconds: round(cpuSeconds(sentry.pid) - before),
  });
}

function logPath(folder: string, index: number): string {
  return join(folder, "vhosts", `site${index}`, "logs/access_log");
}

function makeLog(folder: string, index: number, text = ""): void {
  const path = logPath(folder, index);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

function quantiles(values: number[]): Record<string, number> {
  values.sort((a, b) => a - b);
  const at = (share: number): number => round(values[Math.min(values.length - 1, Math.floor(values.length * share))]!);
  return { count: values.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** Of all threads, in nanoseconds precisely: ticks of 10 ms say nothing of a process at rest. */
function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return (
    tasks.reduce(
      (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]),
      0,
    ) / 1e9
  );
}

function smaps(pid: number): Record<string, number> {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  return { anonymousMiB: round(field("Anonymous") / 1024), rssMiB: round(field("Rss") / 1024) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
