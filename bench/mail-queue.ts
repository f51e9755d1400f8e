/**
 * CPU seconds and time of `garrison mail queue` against `exim -bp` and `exim -bpc` on the same generated spool, and on one of Postfix; and what
 * a look of the sensor costs. Needs root and Debian's exim4.
 * Usage: node bench/mail-queue.ts [MESSAGES]
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SpoolCounter } from "#src/sensors/mail-queue/spool-counter.ts";
import { writeEximSpool, writePostfixSpool } from "./mail-spool.ts";

const [, , count = "100000"] = process.argv;
const messages = Number(count);
const folder = mkdtempSync("/tmp/garrison-bench-mail-");
chmodSync(folder, 0o755);
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const garrison = [
  process.execPath,
  join(import.meta.dirname, "../dist/bin/garrison.js"),
  "--state",
  join(folder, "state"),
];

interface Figures {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly lines: number;
}

/** CPU of a child that has ended, and of its children, is known to its parent alone: python3 is one that tells. The best of three. */
function measure(words: readonly string[]): Figures {
  const script = [
    "import json, resource, subprocess, sys, time",
    // What python itself may have started before.
    "before = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "begin = time.monotonic()",
    "out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout",
    "usage = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "cpu = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime",
    "print(json.dumps({'cpuSeconds': cpu, 'wallSeconds': time.monotonic() - begin, 'lines': out.count(b'\\n')}))",
  ].join("\n");
  const runs = Array.from(
    { length: 3 },
    () => JSON.parse(execFileSync("python3", ["-c", script, ...words]).toString()) as Figures,
  );
  return runs.reduce((best, one) => (one.cpuSeconds < best.cpuSeconds ? one : best));
}

function measureExim(): void {
  const spool = join(folder, "exim");
  const logs = join(folder, "logs");
  const config = join(folder, "exim.conf");
  writeEximSpool(spool, messages);
  mkdirSync(logs);
  execFileSync("chown", ["-R", "Debian-exim:", spool, logs]);
  writeFileSync(
    config,
    `primary_hostname = web1.example.net\nspool_directory = ${spool}\nlog_file_path = ${logs}/%s\nsplit_spool_directory\nkeep_environment =\n`,
  );
  const peers = ["-bp", "-bpr", "-bpc"].map((flag) => ({
    what: `exim ${flag}`,
    ...measure(["exim4", "-C", config, flag]),
  }));
  report("exim", [...measureOwn(spool), ...peers]);
}

function measurePostfix(): void {
  const spool = join(folder, "postfix");
  writePostfixSpool(spool, messages);
  report("postfix", measureOwn(spool));
}

function measureOwn(spool: string): (Figures & { what: string })[] {
  return ["account", "script"].map((by) => ({
    what: `garrison mail queue --by ${by}`,
    ...measure([...garrison, "mail", "queue", "--by", by, "--spool", spool]),
  }));
}

function report(mta: string, figures: readonly object[]): void {
  for (const one of figures) console.log(JSON.stringify({ bench: "mail-queue", mta, messages, ...one }));
}

/** A look of the sensor at a spool of 10,000 messages, in CPU milliseconds. */
function measureSensor(): void {
  const spool = join(folder, "small");
  writeEximSpool(spool, 10_000);
  const counter = new SpoolCounter({ mta: "exim", path: spool }, 12);
  counter.count(Date.now() + 5000);
  const cost = (run: () => void, times: number): number => {
    const begin = process.cpuUsage();
    for (let index = 0; index < times; index++) run();
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / 1000 / times;
  };
  const unchangedMs = cost(() => counter.count(Date.now() + 5000), 300);
  const allChangedMs = cost(() => new SpoolCounter({ mta: "exim", path: spool }, 12).count(Date.now()), 50);
  console.log(
    JSON.stringify({ bench: "mail-queue", what: "a look of the sensor", messages: 10_000, unchangedMs, allChangedMs }),
  );
}

if (!existsSync(garrison[1] ?? "")) throw new Error("Cannot measure: dist/ is not there, run npm run build first");
measureSensor();
measureExim();
measurePostfix();
