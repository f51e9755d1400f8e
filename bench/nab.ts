/**
 * The levels engine on the Numenta Anomaly Benchmark, with the benchmark's own scoring: `git clone https://github.com/numenta/NAB`,
 * then `npm run bench -- bench/nab.ts` with NAB=<folder>, or `node bench/nab.ts <folder>`. First the scoring is proved: from the score
 * files of published detectors it must give the published figures.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LevelDetector } from "#src/ordinary/levels/detector.ts";
import { countAt, listDetectors, type NabFile, PROFILES, readNab, readScores, scoreAt, sweep } from "./levels-nab.mts";

/** The threshold of an alert. */
const SHIPPED = 0.5;
const PUBLISHED = ["standard", "reward_low_FP_rate", "reward_low_FN_rate"] as const;

const folder = process.argv[2] ?? process.env["NAB"];
if (folder === undefined) {
  print({ skipped: "no checkout of https://github.com/numenta/NAB was named" });
} else {
  const files = readNab(folder);
  prove(folder, files);
  judge(files);
}

function prove(checkout: string, files: readonly NabFile[]): void {
  const published = JSON.parse(readFileSync(join(checkout, "results/final_results.json"), "utf8")) as Record<
    string,
    Record<string, number>
  >;
  for (const detector of listDetectors(checkout)) {
    const figures = published[detector];
    if (figures === undefined) continue;
    const scores = readScores(checkout, detector, files);
    const ours = PROFILES.map((profile) => round(sweep(files, scores, profile)[0]));
    const theirs = PUBLISHED.map((name) => round(figures[name] ?? Number.NaN));
    print({ proof: detector, ours, published: theirs, isSame: ours.every((one, index) => one === theirs[index]) });
  }
}

function judge(files: readonly NabFile[]): void {
  const before = process.cpuUsage();
  const scores = files.map(({ times, values }) => {
    const detector = new LevelDetector();
    return values.map((value, index) => detector.add(times[index] ?? 0, value).score);
  });
  const cpuSeconds = process.cpuUsage(before).user / 1e6;
  const rows = scores.reduce((sum, one) => sum + one.length, 0);
  const swept = PROFILES.map((profile) => sweep(files, scores, profile));
  print({
    thresholds: "by sweep, as on the scoreboard",
    ...named(swept.map(([score]) => score)),
    threshold: round(swept[0]?.[1] ?? 0),
  });
  print({
    thresholds: "as shipped",
    ...named(PROFILES.map((profile) => scoreAt(files, scores, profile, SHIPPED))),
    ...countAt(files, scores, SHIPPED),
  });
  // By sweep on one half of the files, judged on the other: nothing of what is judged was looked at for the threshold.
  for (const half of [0, 1]) {
    const isIn = (_: unknown, index: number): boolean => index % 2 === half;
    const isOut = (_: unknown, index: number): boolean => index % 2 !== half;
    const score = PROFILES.map((profile) => {
      const [, threshold] = sweep(files.filter(isOut), scores.filter(isOut), profile);
      return scoreAt(files.filter(isIn), scores.filter(isIn), profile, threshold);
    });
    print({ thresholds: `swept on the other half of the files, half ${half + 1}`, ...named(score) });
    const shipped = PROFILES.map((profile) => scoreAt(files.filter(isIn), scores.filter(isIn), profile, SHIPPED));
    print({ thresholds: `as shipped, half ${half + 1}`, ...named(shipped) });
  }
  print({ rows, cpuSeconds: round(cpuSeconds), valuesPerCpuSecond: Math.round(rows / cpuSeconds) });
}

function named(scores: readonly number[]): object {
  return Object.fromEntries(PROFILES.map(({ name }, index) => [name, round(scores[index] ?? 0)]));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(result: object): void {
  console.log(JSON.stringify({ bench: "nab", ...result }));
}
