/**
 * What ten thousand series take, in the heap and outside of it, and how fast values are judged; then how often
 * one setting is wrong on series of very different kinds in which nothing happens.
 */
import { spawnSync } from "node:child_process";
import { LevelDetector } from "#src/ordinary/levels/detector.ts";
import { bell, random } from "#src/ordinary/levels/test-series.mts";

const SERIES = Number(process.argv[2] ?? 10_000);
const VALUES = 400;
const EVERY_MS = 300_000;
const WEEK_MS = 604_800_000;
const RUNS = 5;
const WEEKS = 8;

if (globalThis.gc === undefined) {
  const { status } = spawnSync(process.execPath, ["--expose-gc", ...process.argv.slice(1)], { stdio: "inherit" });
  process.exit(status ?? 1);
}
measureMemory();
measureFalseAlarms();

function measureMemory(): void {
  const before = memory();
  const detectors = Array.from({ length: SERIES }, () => new LevelDetector());
  const next = random(1);
  const startMicros = process.cpuUsage().user;
  for (const detector of detectors)
    for (let index = 0; index < VALUES; index++) detector.add(index * EVERY_MS, 100 + 10 * bell(next));
  const cpuSeconds = (process.cpuUsage().user - startMicros) / 1e6;
  const taken = memory() - before;
  const stateBytes = detectors.slice(0, 100).reduce((sum, one) => sum + one.save().length, 0) / 100;
  print({
    series: SERIES,
    mebibytes: round(taken / 2 ** 20),
    bytesPerSeries: Math.round(taken / SERIES),
    savedBytesPerSeries: Math.round(stateBytes),
    valuesPerCpuSecond: Math.round((SERIES * VALUES) / cpuSeconds),
    budget: "64 MiB, 200,000 values",
  });
}

/** Heap and array buffers, after a collection. */
function memory(): number {
  if (globalThis.gc === undefined)
    throw new Error("Cannot measure memory: there is no gc(), node --expose-gc is wanted");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function measureFalseAlarms(): void {
  const kinds: Record<string, (next: () => number) => (at: number) => number> = {
    "a bell": (next) => () => 100 + 10 * bell(next),
    lognormal: (next) => () => Math.exp(3 + bell(next)),
    "heavy tail": (next) => () => 1 / Math.sqrt(1 - next()),
    "mostly 0": (next) => () => (next() < 0.01 ? Math.ceil(5 * next()) : 0),
    "by the hour": (next) => (at) => 100 + 60 * Math.sin((at / 86_400_000) * 2 * Math.PI) + 10 * bell(next),
    "with a memory": (next) => {
      let away = 0;
      return () => {
        away = 0.95 * away + 3 * bell(next);
        return 100 + away;
      };
    },
    "random walk": (next) => {
      let value = 1000;
      return () => {
        value += bell(next);
        return value;
      };
    },
  };
  for (const everyMs of [60_000, EVERY_MS, 3_600_000])
    for (const [kind, make] of Object.entries(kinds)) {
      const rates = [1, 0.1].map((falseAlarmsPerWeek) => round(alertsPerWeek(make, everyMs, falseAlarmsPerWeek)));
      print({ kind, everyMinutes: everyMs / 60_000, alertsPerWeekAtOne: rates[0], alertsPerWeekAtATenth: rates[1] });
    }
}

function alertsPerWeek(
  make: (next: () => number) => (at: number) => number,
  everyMs: number,
  falseAlarmsPerWeek: number,
): number {
  let alerts = 0;
  for (let run = 0; run < RUNS; run++) {
    const value = make(random(run + 1));
    const detector = new LevelDetector({ falseAlarmsPerWeek });
    for (let at = 0; at < WEEKS * WEEK_MS; at += everyMs) if (detector.add(at, value(at)).isAlert) alerts++;
  }
  return alerts / RUNS / WEEKS;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(result: object): void {
  console.log(JSON.stringify({ bench: "levels-memory", ...result }));
}
