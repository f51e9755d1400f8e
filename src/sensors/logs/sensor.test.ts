/** The sensor under its runner, through a real socket, with a small mind at the other end. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { until } from "#src/mind/fake-peer.mts";
import { encodeMessage, MAX_IN_FLIGHT_BYTES } from "#src/wire/log-stream.ts";
import { WITHOUT_ROOT } from "../harness.mts";
import { FakeMind, FakeSentry, FakeStore } from "./fake-mind.mts";

const CUSTOMER = 54_321;
const LONG_MS = 3_600_000;

/** A sentry that follows globs below a folder, and a mind that has been told all there is. */
class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  readonly store = new FakeStore();
  readonly sentry: FakeSentry;
  mind: FakeMind;

  private constructor(folder: string, globs: Readonly<Record<string, readonly string[]>>, options: object) {
    this.folder = folder;
    this.socket = join(folder, "s");
    const sources = Object.entries(globs).map(([name, paths]) => ({
      name,
      kind: "file",
      paths: paths.map((path) => join(folder, path)),
    }));
    this.sentry = new FakeSentry(this.socket, { sources, scanEveryMs: LONG_MS, awayForMs: LONG_MS, ...options });
    this.mind = new FakeMind(this.socket, this.store);
  }

  static async start(folder: string, globs: Readonly<Record<string, readonly string[]>>, options = {}): Promise<Bench> {
    const bench = new Bench(folder, globs, options);
    await until(() => bench.store.known.length > 0);
    return bench;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    appendFileSync(this.path(name), text);
  }

  async lines(...texts: readonly string[]): Promise<void> {
    await until(() => this.store.lines.length >= texts.length);
    assert.deepEqual(this.store.texts(), texts);
  }

  /** Why a path is not read, as the mind is told. */
  async reason(name: string): Promise<string> {
    const find = (): string | undefined =>
      this.mind.states.flatMap(({ unreadable }) => unreadable).find(({ path }) => path === this.path(name))?.reason;
    await until(() => find() !== undefined);
    return find()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mind[Symbol.dispose]();
    await this.sentry[Symbol.asyncDispose]();
  }
}

function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = folderOf(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

test("the sensor begins at the end of what is there at the first start, and at the start of what comes later", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "history\n" }), { a: ["*.log"] });
  bench.write("a.log", "one\ntwo\n");
  await bench.lines("one", "two");
  bench.write("b.log", "new\n");
  await bench.lines("one", "two", "new");
  assert.deepEqual(bench.sentry.refused, []);
});

test("the sensor names missing paths that the admin wrote down, and only counts the shipped ones", async (t) => {
  const folder = folderWith(t, { "a.log": "", "b.log": "" });
  const own = join(folder, "own\u00e9.log");
  await using bench = await Bench.start(
    folder,
    { web: ["a.log", "absent.log", "b*.log"], auth: ["absent-too.log", "own\u00e9.log"] },
    { ownPaths: [own] },
  );
  const sees = (): readonly string[] => bench.sentry.runner.status().sees;
  await until(() => sees().length > 0);
  assert.match(sees()[0]!, /^2 files of 1 sources by inotify on \d+ folders$/);
  assert.deepEqual(sees().slice(1), [
    `not there yet: ${own}`,
    "2 paths of shipped sources are not there yet; garrison logs --all lists them",
  ]);
  bench.write("own\u00e9.log", "");
  bench.write("absent.log", "");
  bench.write("absent-too.log", "");
  await until(() => sees().length === 1);
  assert.match(sees()[0]!, /^5 files of 2 sources /);
});

test("the sensor sees a log in a folder that comes later, and one that a plain path names", async (t) => {
  const folder = folderWith(t, { "vhosts/old/logs/access_log": "" });
  await using bench = await Bench.start(folder, { web: ["vhosts/*/logs/access_log"], auth: ["later/auth.log"] });
  await until(() => bench.mind.states.length > 0);
  assert.deepEqual(bench.mind.states[1]?.missing, [bench.path("later/auth.log")]);
  mkdirSync(bench.path("vhosts/new/logs"), { recursive: true });
  bench.write("vhosts/new/logs/access_log", "GET /\n");
  await bench.lines("GET /");
  mkdirSync(bench.path("later"));
  bench.write("later/auth.log", "Failed\n");
  await bench.lines("GET /", "Failed");
  assert.deepEqual(bench.store.texts("auth"), ["Failed"]);
});

test("the sensor reads a renamed log to its end, also what is written to it later, and then closes it", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "" }), { a: ["*.log"] }, { awayForMs: 1 });
  bench.write("a.log", "one\n");
  renameSync(bench.path("a.log"), bench.path("a.log.1"));
  bench.write("a.log.1", "late\n");
  bench.write("a.log", "two\n");
  await bench.lines("one", "late", "two");
  await until(() => bench.mind.log.includes(`close ${bench.path("a.log")}`));
  await until(() => bench.store.rows.size === 1);
});

test("the sensor says how many bytes are lost for sure when a log is truncated that it has not read", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "history\n" }), { a: ["*.log"] });
  bench.mind.isPaused = true;
  bench.write("a.log", `${"x".repeat(1023)}\n`.repeat(5 * 1024));
  await until(() => bench.mind.client.untakenBytes === MAX_IN_FLIGHT_BYTES);
  truncateSync(bench.path("a.log"));
  bench.write("a.log", "new\n");
  bench.mind.isPaused = false;
  bench.mind.commit();
  await until(() => bench.store.texts().at(-1) === "new");
  assert.equal(bench.store.lines.length, 4 * 1024 + 1);
  assert.deepEqual(bench.store.gaps, [{ bytes: 1024 * 1024, reason: "it was truncated, and no copy of it was found" }]);
});

test("the sensor sends no more than 4 MiB that the mind has not taken, says how far it is behind, and loses nothing", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "" }), { a: ["a.log"], b: ["b.log"] });
  bench.mind.isPaused = true;
  const line = `${"x".repeat(1023)}\n`;
  bench.write("a.log", line.repeat(6 * 1024));
  bench.write("b.log", "quiet\n");
  await until(() => bench.mind.client.untakenBytes === MAX_IN_FLIGHT_BYTES);
  await until(() => (bench.mind.states[0]?.behindBytes ?? 0) > 0);
  assert.ok(bench.sentry.runner.status().blindTo.some((text) => /^the last \d+ bytes of a,/.test(text)));
  bench.mind.isPaused = false;
  bench.mind.commit();
  await until(() => bench.store.lines.length === 6 * 1024 + 1);
  await until(() => bench.mind.states[0]?.behindBytes === 0);
});

test("a flood in one log does not keep another waiting", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "" }), { a: ["a.log"], b: ["b.log"] });
  writeFileSync(bench.path("b.log"), "quiet\n");
  bench.write("a.log", `${"x".repeat(1023)}\n`.repeat(8 * 1024));
  await until(() => bench.store.texts("b").length === 1);
  assert.ok(bench.store.texts("a").length < 8 * 1024, "the quiet log came behind the whole flood");
  await until(() => bench.store.texts("a").length === 8 * 1024);
});

test("a hard-linked domlog is read once, and a log that is moved within the globs goes on", async (t) => {
  const folder = folderWith(t, { "domlogs/a.log": "history\n" });
  mkdirSync(join(folder, "domlogs/user"));
  linkSync(join(folder, "domlogs/a.log"), join(folder, "domlogs/user/a.log"));
  await using bench = await Bench.start(folder, { web: ["domlogs/*.log", "domlogs/*/*.log"] });
  bench.write("domlogs/user/a.log", "one\n");
  await bench.lines("one");
  renameSync(bench.path("domlogs/a.log"), bench.path("domlogs/b.log"));
  bench.write("domlogs/b.log", "two\n");
  await bench.lines("one", "two");
  assert.equal(bench.store.rows.size, 1);
});

test("what rotation made of a log is no log of its own, even when a glob names it", async (t) => {
  const folder = folderWith(t, { "a.log": "", "a.log.1": "old\n", "a.log-20261124": "old\n", "a.log.2.gz": "old\n" });
  await using bench = await Bench.start(folder, { a: ["a.log*"] });
  assert.deepEqual(
    [...bench.store.rows].map(({ position }) => position.path),
    [bench.path("a.log")],
  );
});

test("the sensor follows root's links to logs, and no link of a customer", { skip: WITHOUT_ROOT }, async (t) => {
  const folder = folderWith(t, { "real/a.log": "", "other/secret": "secret\n", "home/x": "" });
  symlinkSync("real", join(folder, "logs"));
  symlinkSync(join(folder, "other/secret"), join(folder, "home/a.log"));
  lchownSync(join(folder, "home/a.log"), CUSTOMER, CUSTOMER);
  await using bench = await Bench.start(folder, { a: ["logs/*.log", "home/*.log"] });
  bench.write("real/a.log", "one\n");
  await bench.lines("one");
  assert.match(await bench.reason("home/a.log"), /is a symbolic link that not only root could have made/);
});

test("the sensor reads no FIFO, no hard link of a customer to a file of another, and no secret", {
  skip: WITHOUT_ROOT,
}, async (t) => {
  const folder = folderWith(t, {
    "home/x": "",
    "roots-own": "secret\n",
    "etc/shadow": "root:$y$\n",
    "etc/key.log": "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    "etc/site.key": "",
    "etc/.ssh/a.log": "",
  });
  spawnSync("mkfifo", [join(folder, "home/fifo.log")]);
  linkSync(join(folder, "roots-own"), join(folder, "home/linked.log"));
  chownSync(join(folder, "home"), CUSTOMER, CUSTOMER);
  await using bench = await Bench.start(folder, { a: ["home/*.log", "etc/*", "etc/.ssh/*"] });
  assert.equal(await bench.reason("home/fifo.log"), "it is no regular file");
  assert.equal(await bench.reason("home/linked.log"), "it has other names and belongs to another than its folder");
  for (const name of ["etc/shadow", "etc/key.log", "etc/site.key", "etc/.ssh/a.log"]) {
    assert.equal(await bench.reason(name), "it may be a secret", name);
  }
  assert.equal(bench.store.rows.size, 0);
});

test("the sensor reads NULs, bytes that are no UTF-8, CRLF and a line without an end as they are", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "" }), { a: ["a.log"] }, { awayForMs: 1 });
  appendFileSync(bench.path("a.log"), Buffer.from("\0\xff\xfe\r\n\nlast", "latin1"));
  rmSync(bench.path("a.log"));
  await bench.lines("\0\xff\xfe\r", "", "last");
});

test("a file that is put back with the same content goes on where it was", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "history\n" }), { a: ["a.log"] });
  bench.write("a.log", "one\n");
  await bench.lines("one");
  bench.mind[Symbol.dispose]();
  await bench.sentry[Symbol.asyncDispose]();
  // As by an editor, or by a backup that was restored: another inode, and perhaps another device.
  writeFileSync(bench.path("copy"), "history\none\ntwo\n");
  renameSync(bench.path("copy"), bench.path("a.log"));
  const sources = [{ name: "a", kind: "file", paths: [bench.path("a.log")] }];
  await using _sentry = new FakeSentry(bench.socket, { sources });
  using _mind = new FakeMind(bench.socket, bench.store);
  await bench.lines("one", "two");
});

test("the position of a log whose folder is not mounted yet is kept until it comes", async (t) => {
  const folder = folderWith(t, { "mnt/a.log": "history\n" });
  const bench = await Bench.start(folder, { a: ["mnt/*.log"] });
  await bench[Symbol.asyncDispose]();
  renameSync(bench.path("mnt"), bench.path("elsewhere"));
  const sources = [{ name: "a", kind: "file", paths: [bench.path("mnt/*.log")] }];
  await using _sentry = new FakeSentry(bench.socket, { sources });
  using mind = new FakeMind(bench.socket, bench.store);
  await until(() => mind.log.includes("settled"));
  bench.write("elsewhere/a.log", "one\n");
  renameSync(bench.path("elsewhere"), bench.path("mnt"));
  await bench.lines("one");
});

test("a position of a path that no glob of ours names opens nothing", async (t) => {
  const folder = folderWith(t, { "a.log": "", "other/secret": "secret\n" });
  await using bench = await Bench.start(folder, { a: ["a.log"] });
  const [row] = bench.store.rows;
  const path = bench.path("other/secret");
  bench.store.rows.add({ ...row!, position: { ...row!.position, path, head: { ...row!.position.head } } });
  bench.mind[Symbol.dispose]();
  bench.mind = new FakeMind(bench.socket, bench.store);
  await until(() => bench.store.rows.size === 1);
  bench.write("a.log", "one\n");
  await bench.lines("one");
});

test("the server takes one mind at a time, and ends a link that says something out of turn", async (t) => {
  await using bench = await Bench.start(folderWith(t, { "a.log": "" }), { a: ["a.log"] });
  const said = async (...messages: Parameters<typeof encodeMessage>[0][]): Promise<void> => {
    const socket = connect(bench.socket).on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    for (const message of messages) socket.write(encodeMessage(message));
    socket.resume();
    await closed;
  };
  const follow = { t: "follow", known: [], journals: [] } as const;
  await said(follow);
  assert.deepEqual(bench.sentry.refused, ["a mind is connected already"]);
  bench.mind[Symbol.dispose]();
  await until(() => bench.sentry.server.roomBytes === 0);
  await said({ t: "taken", bytes: 0, stored: [] });
  await said(follow, follow);
  await said(follow, { t: "taken", bytes: 1, stored: [] });
  assert.deepEqual(bench.sentry.refused.slice(1), [
    'Cannot accept message: "taken" comes out of turn',
    'Cannot accept message: "follow" comes out of turn',
    "Cannot accept message: 1 bytes are taken, 0 are on their way",
  ]);
});
