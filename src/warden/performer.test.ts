import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ActionLimits } from "#src/actions/contract.ts";
import { ACTION_KINDS } from "#src/actions/table.ts";
import { parseWatchedPatterns } from "#src/actions/watched-paths.ts";
import { readJournal, verifyJournal } from "#src/journal/verify.ts";
import { JournalWriter } from "#src/journal/writer.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { JsonObject } from "#src/model/json.ts";
import { openLog } from "#src/processes/log.ts";
import { ActionLedger, type LedgerRecord } from "./ledger.ts";
import { type ActionRequest, Performer } from "./performer.ts";
import { WardenJournal } from "./warden-journal.ts";

const DAY_MS = 24 * 3_600_000;

/** A folder with a watched file of mode 0666, a journal and a ledger. */
function makeHost(t: TestContext) {
  const folder = folderOf(t);
  const file = join(folder, "watched");
  writeFileSync(file, "content");
  chmodSync(file, 0o666);
  const plan = {
    pathBase64: Buffer.from(file).toString("base64"),
    inode: String(statSync(file).ino),
    from: { mode: "0666", uid: 0, gid: 0 },
    to: { mode: "0644", uid: 0, gid: 0 },
  };
  const undo = { pathBase64: plan.pathBase64, inode: plan.inode, before: plan.from, after: plan.to };
  return { file, plan, undo, journal: join(folder, "journal"), actions: join(folder, "actions") };
}
type Host = ReturnType<typeof makeHost>;

/** A performer as a newly started warden has it. */
function start(t: TestContext, { file, journal, actions }: Host, now: () => number = Date.now) {
  const writer = JournalWriter.open(journal, { gid: 0 });
  t.after(() => writer[Symbol.dispose]());
  const limits: ActionLimits = {
    watchedFiles: parseWatchedPatterns([{ pattern: file, secret: false }]),
    mindGid: 900,
    groupId: () => undefined,
  };
  const ledger = ActionLedger.open(actions);
  const log: string[] = [];
  const wardenJournal = new WardenJournal(
    writer,
    openLog("test", (line) => log.push(line)),
  );
  const performer = new Performer({ journal: wardenJournal, ledger, kinds: ACTION_KINDS, limits, now });
  return { performer, ledger, log };
}

function requestOf({ plan }: Host, change: Partial<ActionRequest> = {}): ActionRequest {
  return { action: "x1", kind: "restore-file-attributes", plan, by: "admin:root", ...change };
}

function modeOf({ file }: Host): string {
  return (statSync(file).mode & 0o7777).toString(8);
}

async function told({ journal }: Host): Promise<string> {
  return (await readJournal(journal, { last: 100 })).map(({ kind }) => kind).join(" ");
}

test("Performer.perform() writes down what it does before it does it, and how it ended", async (t) => {
  const host = makeHost(t);
  const { performer, ledger } = start(t, host);
  assert.deepEqual(await performer.perform(requestOf(host)), host.undo);
  assert.equal(modeOf(host), "644");
  assert.equal(ledger.read("x1")?.phase, "done");
  const [begin, done] = await readJournal(host.journal, { last: 10 });
  const data = { action: "x1", kind: "restore-file-attributes", plan: host.plan, undo: host.undo };
  assert.deepEqual([begin?.kind, begin?.by, begin?.ref, begin?.data], ["action.begin", "admin:root", null, data]);
  assert.deepEqual([done?.kind, done?.by, done?.data], ["action.done", "admin:root", data]);
});

test("Performer.perform() sent again answers the same and does nothing", async (t) => {
  const host = makeHost(t);
  const { performer } = start(t, host);
  await performer.perform(requestOf(host));
  chmodSync(host.file, 0o600);
  assert.deepEqual(await performer.perform(requestOf(host)), host.undo);
  assert.equal(modeOf(host), "600");
  assert.equal(await told(host), "action.begin action.done");
});

test("Performer.undo() takes the recorded undo, once", async (t) => {
  const host = makeHost(t);
  const { performer, ledger } = start(t, host);
  await performer.perform(requestOf(host));
  await performer.undo("x1", "admin:root");
  assert.equal(modeOf(host), "666");
  assert.equal(ledger.read("x1")?.phase, "undone");
  chmodSync(host.file, 0o600);
  await performer.undo("x1", "admin:root");
  assert.equal(modeOf(host), "600");
  assert.equal(await told(host), "action.begin action.done undo.begin undo.done");
  await assert.rejects(performer.perform(requestOf(host)), /it is undone, a new id is wanted/);
});

test("Performer.undo() fails when the file is no longer as we left it, and can be asked again", async (t) => {
  const host = makeHost(t);
  const { performer, ledger } = start(t, host);
  await performer.perform(requestOf(host));
  chmodSync(host.file, 0o600);
  await assert.rejects(performer.undo("x1", "admin:root"), /it has mode 0600/);
  assert.deepEqual(
    [ledger.read("x1")?.phase, await told(host)],
    ["done", "action.begin action.done undo.begin undo.failed"],
  );
  chmodSync(host.file, 0o644);
  await performer.undo("x1", "admin:root");
  assert.equal(modeOf(host), "666");
});

test("Performer.undo() opens a file again within a day only: an old restore is no way in", async (t) => {
  const host = makeHost(t);
  let now = 1_000_000;
  const { performer } = start(t, host, () => now);
  await performer.perform(requestOf(host));
  now += DAY_MS + 1;
  await assert.rejects(performer.undo("x1", "admin:root"), /chmod 0666, by root himself/);
  assert.equal(modeOf(host), "644");
  assert.equal(await told(host), "action.begin action.done undo.failed");
});

test("Performer refuses what is not in the table, and writes down that it was asked", async (t) => {
  const host = makeHost(t);
  const { performer, ledger } = start(t, host);
  for (const kind of ["", "restore-file-attribute", "constructor", "__proto__", "toString"]) {
    await assert.rejects(performer.perform(requestOf(host, { kind })), /there is no action of this kind/);
  }
  await assert.rejects(performer.perform(requestOf(host, { action: "../x1" })), /the id is not/);
  await assert.rejects(performer.perform(requestOf(host, { plan: {} })), { code: "GARRISON_ACTION_REFUSED" });
  await assert.rejects(performer.undo("x9", "admin:root"), /the ledger has no such action/);
  assert.equal(modeOf(host), "666");
  assert.equal(ledger.read("x1"), undefined);
  assert.equal((await told(host)).replaceAll("action.failed", "a"), "a a a a a a a undo.failed");
});

test("Performer refuses more than thirty requests a minute, but answers one sent again", async (t) => {
  const host = makeHost(t);
  const { performer } = start(t, host);
  await performer.perform(requestOf(host));
  for (let number = 2; number <= 30; number++) {
    await assert.rejects(performer.perform(requestOf(host, { action: "?" })), /the id is not/);
  }
  await assert.rejects(performer.perform(requestOf(host, { action: "x31" })), /30 requests came within a minute/);
  await assert.rejects(performer.undo("x1", "test"), /30 requests came within a minute/);
  assert.deepEqual(await performer.perform(requestOf(host)), host.undo);
  assert.equal(modeOf(host), "644");
});

test("Performer refuses another action under a known id, and one that failed", async (t) => {
  const host = makeHost(t);
  const { performer } = start(t, host);
  const other: JsonObject = { ...host.plan, to: { mode: "0600", uid: 0, gid: 0 } };
  await performer.perform(requestOf(host));
  await assert.rejects(performer.perform(requestOf(host, { plan: other })), /another action of this id/);
  const replaced = `${host.file}.new`;
  writeFileSync(replaced, "");
  renameSync(replaced, host.file);
  await assert.rejects(performer.perform(requestOf(host, { action: "x2" })), /it was replaced/);
  assert.equal(start(t, host).ledger.read("x2"), undefined, "nothing was begun");
});

const PHASES: [LedgerRecord["phase"], string, "perform" | "undo", string, string][] = [
  // phase in the ledger, mode of the file, request, mode behind it, phase behind it
  ["begun", "666", "perform", "644", "done"],
  ["begun", "644", "perform", "644", "done"],
  ["begun", "666", "undo", "666", "undone"],
  ["begun", "644", "undo", "666", "undone"],
  ["done", "644", "perform", "644", "done"],
  ["done", "644", "undo", "666", "undone"],
  ["undoing", "644", "undo", "666", "undone"],
  ["undoing", "666", "undo", "666", "undone"],
  ["undone", "666", "undo", "666", "undone"],
];
for (const [phase, mode, request, modeAfter, phaseAfter] of PHASES) {
  test(`Performer.${request}() behind a crash in phase ${phase} with mode ${mode} ends in ${phaseAfter}`, async (t) => {
    const host = makeHost(t);
    chmodSync(host.file, Number.parseInt(mode, 8));
    const { performer, ledger } = start(t, host);
    const { action, kind, plan, by } = requestOf(host);
    ledger.write({ action, kind, plan, by, atUnixMs: Date.now(), undo: host.undo, phase, failure: null });
    if (request === "perform") assert.deepEqual(await performer.perform(requestOf(host)), host.undo);
    else await performer.undo("x1", "admin:root");
    assert.deepEqual([modeOf(host), ledger.read("x1")?.phase], [modeAfter, phaseAfter]);
    assert.deepEqual((await verifyJournal(host.journal)).problems, []);
  });
}

for (const phase of ["undoing", "undone", "failed"] as const) {
  test(`Performer.perform() refuses an action that is ${phase}`, async (t) => {
    const host = makeHost(t);
    const { performer, ledger } = start(t, host);
    const { action, kind, plan, by } = requestOf(host);
    ledger.write({ action, kind, plan, by, atUnixMs: 1, undo: host.undo, phase, failure: null });
    await assert.rejects(performer.perform(requestOf(host)), { code: "GARRISON_ACTION_REFUSED" });
    assert.equal(modeOf(host), "666");
  });
}

test("Performer.perform() keeps what the crash wrote down as the undo, whatever is there now", async (t) => {
  const host = makeHost(t);
  chmodSync(host.file, 0o644);
  const { performer, ledger } = start(t, host);
  const { action, kind, plan, by } = requestOf(host);
  ledger.write({ action, kind, plan, by, atUnixMs: 1, undo: host.undo, phase: "begun", failure: null });
  assert.deepEqual(await performer.perform(requestOf(host)), host.undo);
});

/** System calls between which something has changed; strace counts each name by itself. */
const CALLS = ["rename", "fdatasync", "chmod"] as const;

/** Runs one request in a process of its own, which is killed before its `nth` system call of a name. @returns whether it was */
function runKilled(
  { file, journal, actions, plan }: Host,
  request: "perform" | "undo",
  call: string,
  nth: number,
): boolean {
  const script = `
    const { JournalWriter } = await import("#src/journal/writer.ts");
    const { ActionLedger } = await import("#src/warden/ledger.ts");
    const { Performer } = await import("#src/warden/performer.ts");
    const { WardenJournal } = await import("#src/warden/warden-journal.ts");
    const { ACTION_KINDS } = await import("#src/actions/table.ts");
    const { parseWatchedPatterns } = await import("#src/actions/watched-paths.ts");
    const { file, journal, actions, plan, request } = JSON.parse(process.argv[1]);
    const log = { error() {}, warn() {}, info() {} };
    const limits = { watchedFiles: parseWatchedPatterns([{ pattern: file, secret: false }]), mindGid: 900, groupId() {} };
    const performer = new Performer({
      journal: new WardenJournal(JournalWriter.open(journal, { gid: 0 }), log),
      ledger: ActionLedger.open(actions), kinds: ACTION_KINDS, limits, now: Date.now,
    });
    if (request === "perform") await performer.perform({ action: "x1", kind: "restore-file-attributes", plan, by: "test" });
    else await performer.undo("x1", "test");`;
  const inject = `inject=${call}:signal=KILL:when=${nth}`;
  const tracer = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
  const node = [
    process.execPath,
    "--input-type=module",
    "-e",
    script,
    JSON.stringify({ file, journal, actions, plan, request }),
  ];
  const { signal, status, stderr } = spawnSync("strace", [...tracer, ...node], { encoding: "utf8" });
  if (signal === null && status !== 0) assert.fail(stderr);
  return signal === "SIGKILL";
}

for (const request of ["perform", "undo"] as const) {
  for (const call of CALLS) {
    test(`Performer.${request}() killed before any ${call} is brought to its end by the next warden`, async (t) => {
      for (let nth = 1; nth < 40; nth++) {
        const host = makeHost(t);
        if (request === "undo") await start(t, host).performer.perform(requestOf(host));
        if (!runKilled(host, request, call, nth)) return assert.ok(nth > 1, "it was never killed");
        await recover(t, host, request, `${call} ${nth}`);
      }
      assert.fail("it never came to its end");
    });
  }
}

async function recover(t: TestContext, host: Host, request: "perform" | "undo", where: string): Promise<void> {
  const { performer, ledger } = start(t, host);
  if (request === "undo") await performer.undo("x1", "test");
  else assert.deepEqual(await performer.perform(requestOf(host)), host.undo, where);
  assert.equal(modeOf(host), request === "undo" ? "666" : "644", where);
  assert.equal(ledger.read("x1")?.phase, request === "undo" ? "undone" : "done", where);
  assert.deepEqual((await verifyJournal(host.journal)).problems, [], where);
  assert.match(
    await told(host),
    request === "undo" ? /undo\.begin.* undo\.done/ : /action\.begin.* action\.done/,
    where,
  );
}

test("Performer does nothing when the journal cannot be written, and tells later how the one under way ended", async (t) => {
  const host = makeHost(t);
  const mount = mkdtempSync(join(tmpdir(), "garrison-full-"));
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=32k", "tmpfs", mount]).status, 0);
  t.after(() => {
    assert.equal(spawnSync("umount", ["-l", mount]).status, 0);
    rmSync(mount, { recursive: true });
  });
  const full = { ...host, journal: join(mount, "journal") };
  const { performer, ledger, log } = start(t, full);
  spawnSync("dd", ["if=/dev/zero", `of=${join(mount, "filler")}`, "bs=4k"]);
  await assert.rejects(performer.perform(requestOf(host)), { code: "GARRISON_JOURNAL_FULL" });
  assert.deepEqual([modeOf(host), ledger.read("x1")], ["666", undefined]);
  await assert.rejects(performer.perform(requestOf(host, { kind: "nothing" })), /no action of this kind/);
  assert.match(log.join(""), /journal not written kind=action.failed/);
  rmSync(join(mount, "filler"));
  await performer.perform(requestOf(host));
  assert.equal(modeOf(host), "644");
  assert.equal(await told(full), "action.failed action.begin action.done");
  assert.equal(readFileSync(join(full.journal, "journal-000001.jsonl"), "utf8").split("\n").length, 4);
});
