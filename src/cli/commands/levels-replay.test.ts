import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DAY_MS, HOUR_MS, MINUTE_MS, MONDAY, traffic } from "#src/ordinary/levels/test-series.mts";

const ENTRY = join(import.meta.dirname, "../../../bin/garrison.ts");

/** Three weeks of traffic with a burst on the last Friday at 03:00. */
const BURST_AT = MONDAY + 18 * DAY_MS + 3 * HOUR_MS;
const series = traffic(1);
const ROWS = Array.from({ length: 21 * 288 }, (_, index) => {
  const at = MONDAY + index * 5 * MINUTE_MS;
  const value = series(at) + (at >= BURST_AT && at < BURST_AT + HOUR_MS ? 5000 : 0);
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")},${value.toFixed(1)}`;
});
const CSV = `timestamp,value\n${ROWS.join("\n")}\n`;
const BURST_TIME = "2026-01-23 03:00:00";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function replay(words: readonly string[], input?: string | Buffer): Promise<Result> {
  const parameters = ["--disable-warning=ExperimentalWarning", ENTRY, "levels", "replay", ...words];
  const child = spawn(process.execPath, parameters);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined).end(input);
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

function write(t: TestContext, content: string | Buffer): string {
  const folder = mkdtempSync("/tmp/garrison-levels-");
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "series.csv");
  writeFileSync(path, content);
  return path;
}

const rowsOf = ({ stdout }: Result): Record<string, unknown>[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

suite("garrison levels replay", () => {
  test("replayLevels() gives a line for each row with --json, and exits with 1 when there is an alert", async (t) => {
    const result = await replay([write(t, CSV), "--json"]);
    const rows = rowsOf(result);
    assert.equal(result.stderr, "");
    assert.equal(result.code, 1);
    assert.equal(rows.length, ROWS.length);
    assert.deepEqual(Object.keys(rows[0]!), ["timestamp", "value", "score", "alert", "expectedLow", "expectedHigh"]);
    assert.deepEqual(
      rows.map(({ timestamp, value }) => `${timestamp},${Number(value).toFixed(1)}`),
      ROWS,
    );
    assert.ok(
      rows.every(({ score, alert }) => Number(score) >= 0 && Number(score) <= 1 && alert === Number(score) >= 0.5),
    );
    assert.equal(rows.find(({ timestamp }) => timestamp === BURST_TIME)?.["alert"], true);
  });

  test("replayLevels() tells alerts in words, and what it has seen", async (t) => {
    const { stdout, code } = await replay([write(t, CSV)]);
    assert.equal(code, 1);
    assert.match(
      stdout,
      new RegExp(`^${BURST_TIME}  1\\.00  5,\\d{3}; for a Friday at 03:00 it has [\\d.]+ to [\\d.]+: `, "m"),
    );
    assert.match(stdout, /^[▁▂▃▄▅▆▇█]+ {2}at most 5,\d{3}$/m);
    assert.match(stdout, /^6,048 values, 290 of them to learn, \d alerts?$/m);
  });

  test("replayLevels() takes standard input, gzip, rows without names of columns, and exits with 0 without alerts", async () => {
    const flat = ROWS.map((row) => row.replace(/,.*/, ",7")).join("\r\n");
    for (const input of [flat, gzipSync(flat)]) {
      const result = await replay(["-", "--json"], input);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(rowsOf(result).length, ROWS.length);
    }
  });

  test("replayLevels() names lines that it cannot read and what is wanted, judges the others, and exits with 3", async (t) => {
    const lines = CSV.split("\n");
    lines[5] = "yesterday,1";
    lines[9] = `2026-01-05 00:40:00,\x1b[2J${"9".repeat(100_000)}`;
    lines[12] = `${lines[12]?.split(",")[0]},`;
    const result = await replay([write(t, lines.join("\n")), "--json"]);
    assert.equal(result.code, 3);
    assert.equal(rowsOf(result).length, ROWS.length - 3);
    const [first, second, ...others] = result.stderr.trim().split("\n");
    assert.match(
      first!,
      /^garrison: Cannot read line 6 of ".*series\.csv": its first column is no time, a time and a number are wanted/,
    );
    assert.match(second!, /^garrison: Cannot read line 10 of ".*": it is longer than 1000 characters, /);
    assert.deepEqual(others, []);
  });

  test("replayLevels() counts faulty lines when there are many, and stays small and whole with bytes that are no text", async (t) => {
    const rubbish = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 256));
    const { code, stdout, stderr } = await replay([write(t, rubbish)]);
    assert.equal(code, 3);
    assert.match(stderr, /^garrison: Cannot read \d+ more lines: they were left out$/m);
    assert.ok(stderr.length < 10_000 && stdout.length < 1000);
    assert.doesNotMatch(stderr + stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });

  test("replayLevels() exits with 3 for what is not there, is empty, or is cut off", async (t) => {
    const gone = await replay(["/nonexistent/series.csv"]);
    assert.deepEqual(
      [gone.code, gone.stderr],
      [3, 'garrison: Cannot read "/nonexistent/series.csv": there is no such file\n'],
    );
    const empty = await replay(["-"], "timestamp,value\n");
    assert.equal(empty.code, 3);
    assert.match(empty.stderr, /^garrison: Cannot judge "-": it has no values, /);
    const zipped = gzipSync(CSV);
    const cut = await replay([write(t, zipped.subarray(0, zipped.length / 2)), "--json"]);
    assert.equal(cut.code, 3);
    assert.match(cut.stderr, /^garrison: Cannot read ".*" to its end: it is cut off at byte \d+/);
    assert.ok(rowsOf(cut).length > 500);
  });
});
