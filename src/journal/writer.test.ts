import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { GarrisonError } from "#src/lib/errors.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { NewEntry } from "./chain.ts";
import { formatHead, parseHead } from "./head.ts";
import { readJournal, verifyJournal } from "./verify.ts";
import { JournalWriter } from "./writer.ts";

const GID = 4242;
const FIRST = "journal-000001.jsonl";

function journalOf(t: TestContext): string {
  return join(folderOf(t), "journal");
}

function entry(ref: number | null, text = "x"): NewEntry {
  return { kind: "test.entry", by: "test", ref, data: { text } };
}

function open(folder: string, maxFileBytes?: number): JournalWriter {
  return JournalWriter.open(folder, { gid: GID, ...(maxFileBytes === undefined ? {} : { maxFileBytes }) });
}

/** Appends `count` entries, one a batch, and closes. */
function fill(folder: string, count: number, maxFileBytes?: number): void {
  using writer = open(folder, maxFileBytes);
  for (let n = 0; n < count; n++) writer.append([entry(writer.head.ref + 1)]);
}

async function kindsOf(folder: string): Promise<string[]> {
  return (await readJournal(folder, { last: 1000 })).map(({ kind }) => kind);
}

test("JournalWriter makes a folder and files that only root writes and the mind's group reads", (t) => {
  const folder = journalOf(t);
  fill(folder, 1);
  const access = (path: string) => {
    const { mode, uid, gid } = statSync(path);
    return [(mode & 0o7777).toString(8), uid, gid];
  };
  assert.deepEqual(access(folder), ["750", 0, GID]);
  assert.deepEqual(access(join(folder, FIRST)), ["640", 0, GID]);
  assert.deepEqual(access(join(folder, "head")), ["640", 0, GID]);
});

test("JournalWriter refuses a folder of another user", (t) => {
  const folder = journalOf(t);
  fill(folder, 1);
  chownSync(folder, 1000, 1000);
  assert.throws(() => open(folder), { code: "GARRISON_FOLDER_UNSAFE" });
});

test("JournalWriter.append() gives the head that the next one goes on from", async (t) => {
  const folder = journalOf(t);
  using writer = open(folder);
  assert.deepEqual(writer.head, { seq: 0, hash: "0".repeat(64), ref: 0 });
  const head = writer.append([entry(null), entry(5), entry(null)]);
  assert.equal(head.seq, 3);
  assert.equal(head.ref, 5);
  const report = await verifyJournal(folder);
  assert.deepEqual(report, { entries: 3, head, problems: [], problemsNotListed: 0, unfinishedBytes: 0 });
});

test("JournalWriter.append() passes over a ref that the journal has, also behind a new start", async (t) => {
  const folder = journalOf(t);
  fill(folder, 3);
  using writer = open(folder);
  assert.equal(writer.append([entry(2), entry(3), entry(4), entry(4), entry(null)]).seq, 5);
  assert.deepEqual(
    (await readJournal(folder, { last: 10 })).map(({ ref }) => ref),
    [1, 2, 3, 4, null],
  );
});

test("JournalWriter.append() refuses more entries than a crash may leave behind the head", (t) => {
  using writer = open(journalOf(t));
  assert.throws(() => writer.append(Array.from({ length: 127 }, () => entry(null))), RangeError);
});

test("JournalWriter goes on in the next file, whose first entry follows the last of the file before", async (t) => {
  const folder = journalOf(t);
  fill(folder, 12, 1000);
  const files = readdirSync(folder).filter((name) => name !== "head");
  assert.ok(files.length >= 3, files.join());
  for (const file of files) assert.ok(statSync(join(folder, file)).size < 1500);
  const report = await verifyJournal(folder);
  assert.deepEqual([report.entries, report.problems], [12, []]);
  assert.deepEqual(
    (await readJournal(folder, { last: 7 })).map(({ seq }) => seq),
    [6, 7, 8, 9, 10, 11, 12],
  );
});

for (const [what, torn] of [
  ["half a line", '{"seq":4,"at":"20'],
  ["a line of zeros", "\0".repeat(500)],
  ["a whole line that is no entry", "{}\n"],
] as const) {
  test(`JournalWriter cuts ${what} off that a crash left, and says so`, async (t) => {
    const folder = journalOf(t);
    fill(folder, 3);
    appendFileSync(join(folder, FIRST), torn);
    using writer = open(folder);
    const [note] = await readJournal(folder, { last: 1 });
    assert.equal(note?.kind, "journal.repaired");
    assert.deepEqual(note?.data, { cutBytes: torn.length });
    assert.equal(writer.append([entry(4)]).seq, 5);
    assert.deepEqual((await verifyJournal(folder)).problems, []);
  });
}

test("JournalWriter takes a batch whose head was not written as written", async (t) => {
  const folder = journalOf(t);
  fill(folder, 3);
  const headBefore = readFileSync(join(folder, "head"));
  fill(folder, 1);
  writeFileSync(join(folder, "head"), headBefore);
  using writer = open(folder);
  assert.deepEqual([writer.head.seq, writer.head.ref], [4, 4]);
  assert.equal(parseHead(readFileSync(join(folder, "head"))).seq, 4, "the head is written at once");
  assert.deepEqual(await kindsOf(folder), ["test.entry", "test.entry", "test.entry", "test.entry"]);
});

test("JournalWriter leaves the head at most one batch behind, and a crash then costs nothing", async (t) => {
  const folder = journalOf(t);
  const storedSeq = () => parseHead(readFileSync(join(folder, "head"))).seq;
  using crashed = open(folder);
  const seen = [1, 2, 3].map((ref) => [crashed.append([entry(ref)]).seq, storedSeq()]);
  assert.deepEqual(seen, [
    [1, 0],
    [2, 1],
    [3, 2],
  ]);
  assert.deepEqual((await verifyJournal(folder)).problems, []);
  using writer = open(folder);
  assert.deepEqual(writer.head, crashed.head);
  assert.deepEqual(await kindsOf(folder), ["test.entry", "test.entry", "test.entry"]);
});

test("JournalWriter.settleHead() names the last entry that was written, also when it was cut off meanwhile", async (t) => {
  const folder = journalOf(t);
  {
    using writer = open(folder);
    writer.append([entry(1)]);
    writer.settleHead();
    const sizeBytes = statSync(join(folder, FIRST)).size;
    writer.append([entry(2)]);
    truncateSync(join(folder, FIRST), sizeBytes);
    writer.settleHead();
    assert.equal(parseHead(readFileSync(join(folder, "head"))).seq, 2);
  }
  using writer = open(folder);
  assert.equal(writer.head.ref, 1);
  assert.equal((await kindsOf(folder)).at(-1), "journal.broken");
});

test("JournalWriter takes up a next file that was made before the crash", async (t) => {
  const folder = journalOf(t);
  fill(folder, 3);
  writeFileSync(join(folder, "journal-000002.jsonl"), "");
  fill(folder, 1);
  assert.deepEqual((await verifyJournal(folder)).problems, []);
  assert.ok(statSync(join(folder, "journal-000002.jsonl")).size > 0);
});

test("JournalWriter says journal.broken when the tail was cut, and goes on in a new file", async (t) => {
  const folder = journalOf(t);
  fill(folder, 5);
  const head = parseHead(readFileSync(join(folder, "head")));
  const lines = readFileSync(join(folder, FIRST), "utf8").split("\n");
  writeFileSync(join(folder, FIRST), `${lines.slice(0, 3).join("\n")}\n`);
  using writer = open(folder);
  const [note] = await readJournal(folder, { last: 1 });
  const third = JSON.parse(lines[2]!) as { hash: string };
  assert.equal(note?.kind, "journal.broken");
  assert.deepEqual(note?.data["expected"], { seq: 5, hash: head.hash, file: FIRST });
  assert.deepEqual(note?.data["found"], { seq: 3, hash: third.hash });
  assert.deepEqual([writer.head.seq, writer.head.ref], [4, 3]);
  writer.append([entry(4)]);
  const { problems } = await verifyJournal(folder);
  assert.deepEqual(
    problems.map(({ problem, seq, file }) => [problem, seq, file]),
    [["broken", 4, "journal-000002.jsonl"]],
  );
});

for (const [what, damage] of [
  ["the head is removed", (folder: string) => rmSync(join(folder, "head"))],
  ["the head is scribbled over", (folder: string) => writeFileSync(join(folder, "head"), "?")],
  ["the last file is removed", (folder: string) => rmSync(join(folder, FIRST))],
  ["the last entry is edited", (folder: string) => edit(folder, '"ref":5', '"ref":6')],
  ["an earlier entry is edited", (folder: string) => edit(folder, '"ref":2', '"ref":9')],
  [
    "the last newline is removed",
    (folder: string) => truncateSync(join(folder, FIRST), statSync(join(folder, FIRST)).size - 1),
  ],
] as const) {
  test(`JournalWriter says journal.broken when ${what}, and leaves the evidence as it is`, async (t) => {
    const folder = journalOf(t);
    fill(folder, 5);
    damage(folder);
    const before = readdirSync(folder).includes(FIRST) ? readFileSync(join(folder, FIRST)) : null;
    open(folder)[Symbol.dispose]();
    assert.equal((await readJournal(folder, { last: 1 }))[0]?.kind, "journal.broken");
    if (before !== null) assert.deepEqual(readFileSync(join(folder, FIRST)), before);
    open(folder)[Symbol.dispose]();
    assert.equal((await kindsOf(folder)).filter((kind) => kind === "journal.broken").length, 1, "it is told once");
    assert.ok((await verifyJournal(folder)).problems.some(({ problem }) => problem === "broken"));
  });
}

function edit(folder: string, from: string, to: string): void {
  const text = readFileSync(join(folder, FIRST), "utf8");
  assert.ok(text.includes(from));
  writeFileSync(join(folder, FIRST), text.replace(from, to));
}

test("JournalWriter does not take refs that were cut off for written", async (t) => {
  const folder = journalOf(t);
  fill(folder, 5);
  const text = readFileSync(join(folder, FIRST), "utf8");
  writeFileSync(join(folder, FIRST), text.split("\n").slice(0, 2).join("\n").concat("\n"));
  using writer = open(folder);
  writer.append([entry(3), entry(4), entry(5)]);
  assert.deepEqual(
    (await readJournal(folder, { last: 10 })).map(({ ref }) => ref),
    [1, 2, null, 3, 4, 5],
  );
});

for (const [what, disturb] of [
  ["cut", (folder: string) => truncateSync(join(folder, FIRST), 0)],
  ["removed", (folder: string) => rmSync(join(folder, FIRST))],
  [
    "replaced",
    (folder: string) => {
      const bytes = readFileSync(join(folder, FIRST)).subarray(0, 300);
      writeFileSync(join(folder, "other"), bytes);
      renameSync(join(folder, "other"), join(folder, FIRST));
    },
  ],
  ["removed with its folder", (folder: string) => rmSync(folder, { recursive: true })],
] as const) {
  test(`JournalWriter.append() notices that its file was ${what} while it was open`, async (t) => {
    const folder = journalOf(t);
    using writer = open(folder);
    writer.append([entry(1), entry(2), entry(3)]);
    disturb(folder);
    writer.append([entry(4)]);
    assert.deepEqual((await kindsOf(folder)).slice(-2), ["journal.broken", "test.entry"]);
    assert.deepEqual((await readJournal(folder, { last: 2 }))[0]?.data["expected"] !== undefined, true);
  });
}

test("JournalWriter.append() throws GARRISON_JOURNAL_FULL on a full disk, leaves no part of the batch, and goes on when there is room", async (t) => {
  const mount = mkdtempSync(join(tmpdir(), "garrison-full-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mount]).status, 0);
  t.after(() => {
    assert.equal(spawnSync("umount", [mount]).status, 0);
    rmSync(mount, { recursive: true });
  });
  const folder = join(mount, "journal");
  using writer = open(folder);
  const written = fillUntilFull(writer);
  assert.ok(written > 0);
  const report = await verifyJournal(folder);
  assert.deepEqual([report.problems, report.unfinishedBytes, report.entries], [[], 0, written]);
  assert.deepEqual(report.head, writer.head);
  // A new start on the full disk finds nothing to repair either.
  open(folder)[Symbol.dispose]();
  assert.equal(spawnSync("mount", ["-o", "remount,size=1m", mount]).status, 0);
  assert.equal(writer.append([entry(null, "y".repeat(9000))]).seq, written + 1);
  assert.deepEqual((await verifyJournal(folder)).problems, []);
});

/** @returns how many entries were written before the disk was full */
function fillUntilFull(writer: JournalWriter): number {
  for (let written = 0; written < 100; written++) {
    try {
      writer.append([entry(null, "x".repeat(9000))]);
    } catch (error) {
      assert.ok(error instanceof GarrisonError);
      assert.equal(error.code, "GARRISON_JOURNAL_FULL");
      return written;
    }
  }
  return assert.fail("the disk was never full");
}

test("formatHead() writes what parseHead() reads, and nothing else is a head", () => {
  const head = { seq: 3, hash: "a".repeat(64), ref: 2, file: FIRST };
  assert.deepEqual(parseHead(Buffer.from(formatHead(head))), head);
  for (const bad of [
    "",
    "{}",
    formatHead(head).trim(),
    formatHead({ ...head, file: "../x" }),
    ` ${formatHead(head)}`,
  ]) {
    assert.throws(() => parseHead(Buffer.from(bad)), SyntaxError);
  }
});
