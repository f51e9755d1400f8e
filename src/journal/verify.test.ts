import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import { formatEntry, hashEntry, type JournalEntry, makeEntry } from "./chain.ts";
import { readJournal, verifyJournal } from "./verify.ts";
import { JournalWriter } from "./writer.ts";

const LAST = 30;
let pristine = "";

/** Thirty entries in three files of ten. */
before(() => {
  pristine = mkdtempSync(join(tmpdir(), "garrison-verify-"));
  const now = () => new Date("2026-01-02T03:04:05.678Z");
  using writer = JournalWriter.open(pristine, { gid: 0, maxFileBytes: 2400, now });
  for (let n = 1; n <= LAST; n++) {
    writer.append([{ kind: "test", by: "test", ref: n, data: { number: 1000 + n, name: "ä" } }]);
  }
  assert.deepEqual(linesPerFile(pristine), [10, 10, 10]);
});
after(() => rmSync(pristine, { recursive: true }));

function linesPerFile(folder: string): number[] {
  const files = readdirSync(folder)
    .filter((name) => name !== "head")
    .sort();
  return files.map((file) => readFileSync(join(folder, file), "utf8").split("\n").length - 1);
}

/** A copy of the journal with the lines of one file changed. */
function tamper(t: TestContext, number: number, change: (lines: string[]) => string[]): string {
  const folder = copy(t);
  const path = join(folder, `journal-00000${number}.jsonl`);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  writeFileSync(
    path,
    change(lines)
      .map((line) => `${line}\n`)
      .join(""),
  );
  return folder;
}

function copy(t: TestContext): string {
  const folder = folderOf(t);
  cpSync(pristine, folder, { recursive: true });
  return folder;
}

async function problemsOf(folder: string) {
  const { problems } = await verifyJournal(folder);
  return problems.map(({ problem, seq, file, line }) => `${problem} ${seq} ${file}:${line}`);
}

const F1 = "journal-000001.jsonl";
const F2 = "journal-000002.jsonl";
const F3 = "journal-000003.jsonl";

test("verifyJournal() finds nothing in a journal that nobody touched", async () => {
  const report = await verifyJournal(pristine);
  assert.deepEqual(
    [report.entries, report.problems, report.problemsNotListed, report.unfinishedBytes],
    [LAST, [], 0, 0],
  );
  assert.deepEqual([report.head.seq, report.head.ref], [LAST, LAST]);
});

test("verifyJournal() gives an empty report where there is no journal", async () => {
  const report = await verifyJournal(join(pristine, "nothing"));
  assert.deepEqual([report.entries, report.problems], [0, []]);
});

for (const seq of [1, 5, 10, 11, 15, 20]) {
  test(`verifyJournal() names entry ${seq} as edited`, async (t) => {
    const number = Math.ceil(seq / 10);
    const folder = tamper(t, number, (lines) => lines.map((line) => line.replace(`:${1000 + seq}`, ":9999")));
    assert.deepEqual(await problemsOf(folder), [`edited ${seq} journal-00000${number}.jsonl:${((seq - 1) % 10) + 1}`]);
  });
}

test("verifyJournal() names the last entry as edited", async (t) => {
  const folder = tamper(t, 3, (lines) => lines.map((line) => line.replace(":1030", ":9999")));
  assert.deepEqual(await problemsOf(folder), [`edited 30 ${F3}:10`]);
});

for (const seq of [5, 30]) {
  test(`verifyJournal() names entry ${seq} as edited even when its own hash was made anew`, async (t) => {
    const number = Math.ceil(seq / 10);
    const folder = tamper(t, number, (lines) =>
      lines.map((line) => (line.includes(`:${1000 + seq}`) ? rehash(line, { by: "someone else" }) : line)),
    );
    assert.deepEqual(await problemsOf(folder), [`edited ${seq} journal-00000${number}.jsonl:${((seq - 1) % 10) + 1}`]);
  });
}

function rehash(line: string, change: Partial<JournalEntry>): string {
  const entry = { ...(JSON.parse(line) as JournalEntry), ...change };
  return formatEntry({ ...entry, hash: hashEntry(entry) });
}

test("verifyJournal() names every edited entry when there are several", async (t) => {
  const folder = tamper(t, 2, (lines) => lines.map((line) => line.replace(/:101[2468],/, ":9999,")));
  assert.deepEqual(
    await problemsOf(folder),
    [12, 14, 16, 18].map((seq) => `edited ${seq} ${F2}:${seq - 10}`),
  );
});

test("verifyJournal() names entries that were cut out of the middle", async (t) => {
  const folder = tamper(t, 2, (lines) => [...lines.slice(0, 3), ...lines.slice(5)]);
  assert.deepEqual(await problemsOf(folder), [`cut 14 ${F2}:4`]);
  assert.match((await verifyJournal(folder)).problems[0]?.detail ?? "", /14 to 15/);
});

test("verifyJournal() names entries that were cut at the seam of two files", async (t) => {
  assert.deepEqual(await problemsOf(tamper(t, 1, (lines) => lines.slice(0, -1))), [`cut 10 ${F2}:1`]);
  assert.deepEqual(await problemsOf(tamper(t, 1, (lines) => lines.slice(1))), [`cut 1 ${F1}:1`]);
});

test("verifyJournal() names a cut before the last entry", async (t) => {
  assert.deepEqual(await problemsOf(tamper(t, 3, (lines) => lines.toSpliced(8, 1))), [`cut 29 ${F3}:9`]);
});

test("verifyJournal() names a tail that was cut", async (t) => {
  assert.deepEqual(await problemsOf(tamper(t, 3, (lines) => lines.slice(0, 7))), [`tail-cut 28 ${F3}:7`]);
  assert.deepEqual(await problemsOf(tamper(t, 3, () => [])), [`tail-cut 21 ${F2}:10`]);
});

test("verifyJournal() names entries that changed places", async (t) => {
  const swapped = tamper(t, 2, (lines) => lines.with(4, lines[5]!).with(5, lines[4]!));
  assert.deepEqual(await problemsOf(swapped), [`reordered 16 ${F2}:5`]);
  const moved = tamper(t, 2, (lines) => [
    ...lines.slice(0, 2),
    ...lines.slice(4, 8),
    lines[2]!,
    lines[3]!,
    ...lines.slice(8),
  ]);
  assert.deepEqual(await problemsOf(moved), [`reordered 13 ${F2}:7`, `reordered 14 ${F2}:8`]);
  const lastTwo = tamper(t, 3, (lines) => lines.with(8, lines[9]!).with(9, lines[8]!));
  assert.deepEqual(await problemsOf(lastTwo), [`reordered 30 ${F3}:9`]);
});

test("verifyJournal() names entries that are there twice", async (t) => {
  assert.deepEqual(await problemsOf(tamper(t, 2, (lines) => lines.toSpliced(5, 0, lines[4]!))), [
    `duplicated 15 ${F2}:6`,
  ]);
  assert.deepEqual(await problemsOf(tamper(t, 2, (lines) => [...lines, lines[0]!])), [`duplicated 11 ${F2}:11`]);
  assert.deepEqual(await problemsOf(tamper(t, 3, (lines) => [...lines, lines[9]!])), [`duplicated 30 ${F3}:11`]);
});

test("verifyJournal() names lines that were put in", async (t) => {
  const forged = (after: string, seq?: number) => {
    const end = JSON.parse(after) as JournalEntry;
    const entry = makeEntry({ kind: "action.done", by: "admin:root", ref: null, data: {} }, end, new Date(0));
    return seq === undefined ? formatEntry(entry) : rehash(formatEntry(entry), { seq });
  };
  const linked = tamper(t, 2, (lines) => lines.toSpliced(5, 0, forged(lines[4]!)));
  assert.deepEqual(await problemsOf(linked), [`inserted 16 ${F2}:6`]);
  const behind = tamper(t, 2, (lines) => lines.toSpliced(6, 0, forged(lines[4]!)));
  assert.deepEqual(await problemsOf(behind), [`inserted 16 ${F2}:7`]);
  const ahead = tamper(t, 2, (lines) => lines.toSpliced(5, 0, forged(lines[4]!, 500)));
  assert.deepEqual(await problemsOf(ahead), [`inserted 500 ${F2}:6`]);
  const last = tamper(t, 3, (lines) => [...lines, forged(lines[4]!, 31)]);
  assert.deepEqual(await problemsOf(last), [`inserted 31 ${F3}:11`]);
  const rubbish = tamper(t, 2, (lines) => lines.toSpliced(5, 0, "rubbish", ""));
  assert.deepEqual(await problemsOf(rubbish), [`inserted null ${F2}:6`, `inserted null ${F2}:7`]);
  const endless = tamper(t, 2, (lines) => lines.toSpliced(5, 0, "x".repeat(300_000)));
  assert.deepEqual(await problemsOf(endless), [`inserted null ${F2}:6`]);
});

test("verifyJournal() names a file that is missing", async (t) => {
  for (const [file, seq] of [
    [F1, 1],
    [F2, 11],
    [F3, 21],
  ] as const) {
    const folder = copy(t);
    rmSync(join(folder, file));
    assert.deepEqual(await problemsOf(folder), [`file-missing ${seq} ${file}:0`]);
  }
});

test("verifyJournal() names a head that is missing or was edited", async (t) => {
  const folder = copy(t);
  const head = readFileSync(join(folder, "head"), "utf8");
  for (const [from, to] of [
    ['"ref":30', '"ref":31'],
    ['"seq":30', '"seq":20'],
    ['"seq":30', '"seq":31'],
    ["000003", "000002"],
    ["{", " {"],
  ] as const) {
    writeFileSync(join(folder, "head"), head.replace(from, to));
    assert.match((await problemsOf(folder)).join(), /^head-edited (?:\d+|null) head:0$/, to);
  }
  rmSync(join(folder, "head"));
  assert.deepEqual(await problemsOf(folder), ["head-missing null head:0"]);
});

test("verifyJournal() does not take a write under way for a problem", async (t) => {
  const folder = copy(t);
  const path = join(folder, F3);
  const whole = readFileSync(path, "utf8");
  const end = JSON.parse(whole.trimEnd().split("\n").at(-1)!) as JournalEntry;
  const next = makeEntry({ kind: "test", by: "test", ref: null, data: {} }, end, new Date(0));
  writeFileSync(path, `${whole}${formatEntry(next)}\n{"seq":32`);
  const report = await verifyJournal(folder);
  assert.deepEqual([report.problems, report.unfinishedBytes, report.entries], [[], 9, 31]);
});

test("verifyJournal() names a head that more entries are behind than one batch has", async (t) => {
  const folder = folderOf(t);
  using writer = JournalWriter.open(folder, { gid: 0 });
  const batch = Array.from({ length: 100 }, () => ({ kind: "test", by: "test", ref: null, data: {} }));
  writer.append(batch);
  writer.settleHead();
  const head = readFileSync(join(folder, "head"));
  writer.append(batch);
  writer.append(batch);
  writeFileSync(join(folder, "head"), head);
  assert.deepEqual(await problemsOf(folder), ["head-behind 100 head:0"]);
});

test("verifyJournal() finds any change of a single byte, in any file", async (t) => {
  const folder = copy(t);
  const files = [F1, F2, F3, "head"].map((name) => ({
    path: join(folder, name),
    bytes: readFileSync(join(folder, name)),
  }));
  const places = fc.record({ file: fc.nat(3), at: fc.nat(), to: fc.nat(255) });
  const check = async ({ file, at, to }: { file: number; at: number; to: number }) => {
    const { path, bytes } = files[file]!;
    const changed = Buffer.from(bytes);
    changed[at % bytes.length] = to;
    if (changed.equals(bytes)) return;
    writeFileSync(path, changed);
    const { problems } = await verifyJournal(folder);
    writeFileSync(path, bytes);
    assert.ok(problems.length > 0, `byte ${at % bytes.length} of ${path}`);
  };
  await fc.assert(fc.asyncProperty(places, check), { numRuns: 200 });
  for (let at = 0; at < files[3]!.bytes.length; at++) await check({ file: 3, at, to: 0x39 });
  for (let at = 0; at < 120; at++) await check({ file: 2, at: files[2]!.bytes.length - 1 - at, to: 0x30 });
});

test("verifyJournal() finds any removal of lines", async (t) => {
  const folder = copy(t);
  const files = [F1, F2, F3].map((name) => readFileSync(join(folder, name), "utf8").split(/(?<=\n)/));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(LAST - 1), { minLength: 1 }), async (gone) => {
      for (const [index, lines] of files.entries()) {
        const kept = lines.filter((_, line) => !gone.includes(index * 10 + line));
        writeFileSync(join(folder, [F1, F2, F3][index]!), kept.join(""));
      }
      const { problems, entries } = await verifyJournal(folder);
      assert.ok(problems.length > 0);
      assert.equal(entries, LAST - gone.length);
    }),
    { numRuns: 60 },
  );
});

test("readJournal() gives the last entries, oldest first, across files and without what is no entry", async (t) => {
  const seqs = async (folder: string, last: number) => (await readJournal(folder, { last })).map(({ seq }) => seq);
  assert.deepEqual(await seqs(pristine, 3), [28, 29, 30]);
  assert.deepEqual(
    await seqs(pristine, 12),
    Array.from({ length: 12 }, (_, index) => 19 + index),
  );
  assert.equal((await seqs(pristine, 1000)).length, LAST);
  const folder = tamper(t, 3, (lines) => [...lines, "rubbish"]);
  assert.deepEqual(await seqs(folder, 1), [30]);
  assert.deepEqual(await seqs(join(pristine, "nothing"), 5), []);
  await assert.rejects(readJournal(pristine, { last: 0 }), RangeError);
});
