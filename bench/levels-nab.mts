/**
 * The scoring of the Numenta Anomaly Benchmark, written anew from its paper and proved by the score files that it publishes.
 * @see https://github.com/numenta/NAB (commit ea702d75): config/profiles.json, labels/combined_windows.json
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Rows at the start that are not scored: 15 %, at most of 5,000 rows. */
const PROBATION_PART = 0.15;
const PROBATION_ROWS = 750;

/** Weights of a profile. */
export interface Profile {
  readonly name: string;
  readonly missed: number;
  readonly falseAlarm: number;
}

/** config/profiles.json */
export const PROFILES: readonly Profile[] = [
  { name: "standard", missed: 1, falseAlarm: 0.11 },
  { name: "low-FP", missed: 1, falseAlarm: 0.22 },
  { name: "low-FN", missed: 2, falseAlarm: 0.11 },
];

/** One of the 58 files. */
export interface NabFile {
  readonly name: string;
  /** Timestamps as they stand in the file, read as UTC. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** First and last row of each window in which something is wrong. */
  readonly windows: readonly (readonly [number, number])[];
}

/** What a row gains when it is at or above the threshold. */
interface Row {
  readonly score: number;
  /** Index of its window in the whole corpus, or -1. */
  readonly window: number;
  readonly gain: number;
}

/** Reads the data and the labels of a checkout. */
export function readNab(folder: string): NabFile[] {
  const labels = JSON.parse(readFileSync(join(folder, "labels/combined_windows.json"), "utf8")) as Record<
    string,
    [string, string][]
  >;
  return Object.entries(labels).map(([name, spans]) => {
    const rows = readCsv(join(folder, "data", name));
    const times = Float64Array.from(rows, ([time]) => parseTime(time ?? ""));
    const indexOf = (text: string): number => times.indexOf(parseTime(text));
    return {
      name,
      times,
      values: Float64Array.from(rows, ([, value]) => Number(value)),
      windows: spans.map(([from, to]) => [indexOf(from), indexOf(to)] as const),
    };
  });
}

/** The scores that a detector has published, in the order of the files. */
export function readScores(folder: string, detector: string, files: readonly NabFile[]): Float64Array[] {
  return files.map(({ name }) => {
    const [part, file] = name.split("/");
    const path = join(folder, "results", detector, part ?? "", `${detector}_${file}`);
    return Float64Array.from(readCsv(path), (row) => Number(row[2]));
  });
}

/** Names of detectors whose scores a checkout has. */
export function listDetectors(folder: string): string[] {
  return globSync("*", { cwd: join(folder, "results") })
    .filter((name) => existsSync(join(folder, "results", name, "realTweets")))
    .sort();
}

/** How many rows at the start are not scored. */
export function probationOf(rows: number): number {
  return Math.min(Math.floor(PROBATION_PART * rows), PROBATION_ROWS);
}

/** The best score of a profile over all thresholds, and the threshold. Scores at or above it are detections. */
export function sweep(files: readonly NabFile[], scores: readonly Float64Array[], profile: Profile): [number, number] {
  const { rows, windows } = gainsOf(files, scores, profile);
  rows.sort((one, other) => other.score - one.score);
  const found = new Float64Array(windows).fill(-profile.missed);
  let total = -profile.missed * windows;
  let best: [number, number] = [total, Number.POSITIVE_INFINITY];
  rows.forEach(({ score, window, gain }, index) => {
    total += take(found, window, gain, profile);
    if (rows[index + 1]?.score !== score && total > best[0]) best = [total, score];
  });
  return [normalise(best[0], windows, profile), best[1]];
}

/** The score of a profile at one threshold. */
export function scoreAt(
  files: readonly NabFile[],
  scores: readonly Float64Array[],
  profile: Profile,
  threshold: number,
): number {
  const { rows, windows } = gainsOf(files, scores, profile);
  const found = new Float64Array(windows).fill(-profile.missed);
  let total = -profile.missed * windows;
  for (const { score, window, gain } of rows) if (score >= threshold) total += take(found, window, gain, profile);
  return normalise(total, windows, profile);
}

/** Windows hit, and detections outside of all windows, at one threshold. */
export function countAt(files: readonly NabFile[], scores: readonly Float64Array[], threshold: number): Counts {
  const { rows, windows } = gainsOf(files, scores, PROFILES[0] as Profile);
  const hit = new Set<number>();
  let falseAlarms = 0;
  for (const { score, window } of rows) {
    if (score < threshold) continue;
    if (window >= 0) hit.add(window);
    else falseAlarms++;
  }
  return { windows, found: hit.size, falseAlarms };
}

/** What {@link countAt} gives. */
export interface Counts {
  readonly windows: number;
  readonly found: number;
  readonly falseAlarms: number;
}

/** Inside a window only the best row counts, which is the earliest. */
function take(found: Float64Array, window: number, gain: number, { falseAlarm }: Profile): number {
  if (window < 0) return gain * falseAlarm;
  const before = found[window] ?? 0;
  if (gain <= before) return 0;
  found[window] = gain;
  return gain - before;
}

function normalise(total: number, windows: number, { missed }: Profile): number {
  const nothing = -missed * windows;
  return (100 * (total - nothing)) / (windows - nothing);
}

function gainsOf(files: readonly NabFile[], scores: readonly Float64Array[], _: Profile) {
  const rows: Row[] = [];
  let windows = 0;
  files.forEach((file, fileIndex) => {
    const first = windows;
    windows += file.windows.length;
    const own = scores[fileIndex] as Float64Array;
    if (own.length !== file.values.length)
      throw new RangeError(`Cannot score "${file.name}": ${own.length} scores for ${file.values.length} rows`);
    let next = 0;
    for (let index = 0; index < own.length; index++) {
      while (next < file.windows.length && index > (file.windows[next]?.[1] ?? 0)) next++;
      if (index < probationOf(own.length)) continue;
      const here = file.windows[next];
      const isInside = here !== undefined && index >= here[0];
      const gain = isInside ? insideGain(here, index) : outsideGain(file.windows[next - 1], index);
      rows.push({ score: own[index] ?? 0, window: isInside ? first + next : -1, gain });
    }
  });
  return { rows, windows };
}

function insideGain([from, to]: readonly [number, number], index: number): number {
  return sigmoid(-(to - index + 1) / (to - from + 1)) / sigmoid(-1);
}

/** Just behind a window costs less than far from all. */
function outsideGain(before: readonly [number, number] | undefined, index: number): number {
  if (before === undefined) return -1;
  return sigmoid((index - before[1]) / (before[1] - before[0]));
}

function sigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

function readCsv(path: string): string[][] {
  const [, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  return lines.map((line) => line.split(","));
}

function parseTime(text: string): number {
  return Date.parse(`${text.slice(0, 19).replace(" ", "T")}Z`);
}
