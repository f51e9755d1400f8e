/**
 * What reading a capture costs, in CPU seconds (user and system, with everything that a program starts) and peak memory, against tcpdump,
 * tshark and argus on the same generated capture: 6,000,000 packets, of which the first 1,000,000 are for tshark. All take turns, because the
 * machine may have other work. `PART` in the environment, such as 0.1, shortens everything. Runs itself for the figure of the engine alone.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFlowsCapture } from "./flows-capture.ts";

const DIST = join(import.meta.dirname, "../dist");
const PART = Number(process.env["PART"] ?? 1);
const ROUNDS = 2;
const TICKS_PER_SECOND = 100;
const FOLDER = "/tmp/garrison-bench-flows";
const [, , task, path = ""] = process.argv;

if (task === "engine") await readByEngine(path);
else await measureAll();

/** Without the command, its child and their pipe. */
async function readByEngine(capture: string): Promise<void> {
  const { FlowEngine } = (await import(
    join(DIST, "src/flows/flow-engine.js")
  )) as typeof import("#src/flows/flow-engine.ts");
  const { readCapture } = (await import(
    join(DIST, "src/flows/capture/read-capture.js")
  )) as typeof import("#src/flows/capture/read-capture.ts");
  const engine = new FlowEngine({ ordinary: [], passiveRange: null, onFlow: () => undefined });
  const before = process.cpuUsage();
  await readCapture({ fd: openSync(capture, "r"), isRegular: true }, engine);
  engine.end();
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1e6);
}

async function measureAll(): Promise<void> {
  const whole = `${FOLDER}-6m.pcap`;
  const slice = `${FOLDER}-1m.pcap`;
  const { dataFlows, ...made } = makeFlowsCapture(whole, { packets: 6_000_000 * PART });
  const { dataFlows: sliceFlows, packets: slicePackets } = makeFlowsCapture(slice, { packets: 1_000_000 * PART });
  print({ ...made, dataFlows: dataFlows.size });
  const command = [
    process.execPath,
    join(DIST, "bin/garrison.js"),
    "--state",
    `${FOLDER}-state`,
    "flows",
    "--json",
    "--pcap",
  ];
  const all: readonly [who: string, packets: number, words: readonly string[]][] = [
    [
      "garrison, engine alone",
      made.packets,
      [process.execPath, "--max-semi-space-size=16", import.meta.filename, "engine", whole],
    ],
    ["garrison flows --json", made.packets, [...command, whole]],
    [
      "tcpdump -w /dev/null 'tcp port 21'",
      made.packets,
      ["/usr/bin/tcpdump", "-r", whole, "-w", "/dev/null", "tcp port 21"],
    ],
    ["argus", made.packets, ["/usr/sbin/argus", "-r", whole, "-w", "/dev/null"]],
    ["garrison flows --json, slice", slicePackets, [...command, slice]],
    ["tshark -q -z conv,tcp, slice", slicePackets, ["/usr/bin/tshark", "-n", "-r", slice, "-q", "-z", "conv,tcp"]],
    [
      "tshark -Y ftp-data, slice",
      slicePackets,
      ["/usr/bin/tshark", "-n", "-r", slice, "-Y", "ftp-data", "-T", "fields", "-e", "ip.src", "-e", "ipv6.src"],
    ],
  ];
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [who, packets, words] of all) {
      if (!existsSync(words[0] ?? "") || (round > 0 && who.startsWith("tshark"))) continue;
      const { cpuSeconds, rssMiB, output } = await run(words);
      const own = who.includes("alone") ? Number(output) : cpuSeconds;
      best.set(who, Math.min(own, best.get(who) ?? Number.POSITIVE_INFINITY));
      const checked = who.startsWith("garrison flows")
        ? check(output, who.endsWith("slice") ? sliceFlows : dataFlows)
        : {};
      print({
        round,
        who,
        cpuSeconds: round2(own),
        millionPacketsPerCpuSecond: round2(packets / own / 1e6),
        rssMiB,
        ...checked,
      });
    }
  }
  print({ best: Object.fromEntries(best) });
  for (const one of [whole, slice, `${FOLDER}-state`]) rmSync(one, { recursive: true, force: true });
}

/** Against what was made. */
function check(output: string, truth: ReadonlySet<string>): { found: number; missed: number; false: number } {
  const found = output
    .split("\n")
    .filter((line) => line.includes('"verdict":"ftp-data"'))
    .map((line) => JSON.parse(line) as { a: string; aPort: number; b: string; bPort: number })
    .map(({ a, aPort, b, bPort }) => `${a} ${aPort} ${b} ${bPort}`);
  const right = new Set(found.filter((key) => truth.has(key))).size;
  return { found: found.length, missed: truth.size - right, false: found.length - right };
}

/** CPU of the program and of what it has started and waited for; peak memory of the largest of them. */
async function run(words: readonly string[]): Promise<{ cpuSeconds: number; rssMiB: number; output: string }> {
  const before = childTicks();
  const [program = "", ...rest] = words;
  const outputPath = `${FOLDER}-output`;
  const output = openSync(outputPath, "w");
  const child = spawn(program, rest, { stdio: ["ignore", output, "ignore"] });
  closeSync(output);
  let rssKiB = 0;
  const watch = setInterval(() => {
    rssKiB = Math.max(rssKiB, ...[child.pid, ...childrenOf(child.pid)].map(peakKiB));
  }, 20);
  await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(watch);
  const text = readFileSync(outputPath, "utf8");
  rmSync(outputPath);
  return { cpuSeconds: (childTicks() - before) / TICKS_PER_SECOND, rssMiB: Math.round(rssKiB / 1024), output: text };
}

function childTicks(): number {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[13]) + Number(fields[14]);
}

function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function peakKiB(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(value: object): void {
  console.log(JSON.stringify(value));
}
