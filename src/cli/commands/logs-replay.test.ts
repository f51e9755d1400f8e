import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { assertConfined, type Finished, finish, openFolderOf, readerOf, untilGone } from "./reader-host.mts";

const HEAD = "Nov 22 12:41:05 web1 sshd[180]: ";
const FAILED = `${HEAD}Failed password for alice from 198.51.100.23 port 44347 ssh2\n`;
const OTHER = `${HEAD}Server listening on 0.0.0.0 port 22.\n`;

function start(folder: string, words: readonly string[], options: object = {}, kind = "json"): ChildProcess {
  const script = join(import.meta.dirname, "replay-process.mts");
  const parameters = [
    "--disable-warning=ExperimentalWarning",
    script,
    kind,
    join(folder, "state"),
    JSON.stringify(options),
  ];
  return spawn(process.execPath, [...parameters, ...words], {
    cwd: folder,
    env: { ...process.env, TZ: "Europe/Zurich" },
  });
}

/** Replays files of these names and contents. */
async function replayFiles(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
  { options = {}, kind = "json" }: { options?: object; kind?: string } = {},
): Promise<Finished> {
  const folder = openFolderOf(t);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, "latin1");
  return finish(start(folder, Object.keys(files), options, kind));
}

suite("garrison logs replay", () => {
  test("replay() tells each offending line with its place, in the time of the log, and exits with 1", async (t) => {
    const { code, items, stderr } = await replayFiles(t, { "auth.log": `${OTHER}${FAILED}${OTHER}` });
    assert.equal(stderr, "");
    const { at, ...rest } = items[0] as { at: string };
    assert.deepEqual(rest, {
      file: "auth.log",
      line: 2,
      offset: OTHER.length,
      rule: "sshd.failed",
      address: "198.51.100.23",
      user: "alice",
    });
    assert.match(at, /^\d{4}-11-22T11:41:05\.000Z$/);
    assert.equal(code, 1);
  });

  test("replay() exits with 0 when nothing was found, also of an empty file and of bytes that are no text", async (t) => {
    const rubbish = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256));
    const { code, items } = await replayFiles(t, { "auth.log": OTHER, empty: "", rubbish, nuls: "\0".repeat(100_000) });
    assert.equal(code, 0);
    assert.equal(items.length, 1);
  });

  test("replay() says what would have been blocked, and how much of the attack that would have spared", async (t) => {
    const lines = Array.from({ length: 40 }, (_, second) =>
      FAILED.replace("12:41:05", `12:41:${String(second + 10)}`).replace("alice", "root"),
    );
    const { items } = await replayFiles(t, { "auth.log": lines.join("") });
    const { summary } = items.at(-1) as { summary: Record<string, unknown> };
    const [first, ...others] = summary["wouldBlock"] as Record<string, unknown>[];
    assert.equal(others.length, 0);
    assert.equal(first?.["network"], "198.51.100.23/32");
    assert.deepEqual(first?.["rules"], ["sshd.failed"]);
    assert.equal(summary["hits"], 40);
    assert.equal(summary["blocks"], 1);
    assert.ok(Number(summary["prevented"]) > 10, `${summary["prevented"]}`);
    const { stdout } = await replayFiles(t, { "auth.log": lines.join("") }, { kind: "text" });
    assert.match(stdout, /^auth\.log:1 {2}\d{4}-11-22 12:41:10 {2}sshd\.failed {2}198\.51\.100\.23 {2}root\n/);
    assert.match(
      stdout,
      /\n40 lines, 40 of them offend, from 1 addresses\nwould have been blocked: 1 networks, 1 times; /,
    );
  });

  test("replay() reads gzip by what is in the file, several members too, and takes - for standard input", async (t) => {
    const zipped = Buffer.concat([gzipSync(FAILED), gzipSync(OTHER + FAILED)]);
    const { items } = await replayFiles(t, { "auth.log": zipped });
    assert.deepEqual(
      items.slice(0, -1).map(({ line, offset }) => [line, offset]),
      [
        [1, 0],
        [3, FAILED.length + OTHER.length],
      ],
    );
    for (const input of [zipped, OTHER + FAILED]) {
      const child = start(openFolderOf(t), ["-"]);
      child.stdin?.end(input);
      const { code, items: piped } = await finish(child);
      assert.equal(code, 1);
      assert.equal(piped[0]?.["file"], "-");
    }
  });

  test("replay() gives what can be read of a file that was cut off, says where, and exits with 3", async (t) => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      FAILED.replace("44347", String(10_000 + ((index * 7919) % 50_000))),
    );
    const whole = gzipSync(many.join(""));
    const { code, items, stderr } = await replayFiles(t, { "cut.gz": whole.subarray(0, whole.length / 2) });
    assert.equal(code, 3);
    assert.ok(items.length > 100 && items.length < 3000, `${items.length}`);
    assert.match(
      stderr,
      /^garrison: Cannot read "cut\.gz" to its end: it is cut off at byte \d+ of the zipped file, behind \d+ bytes of text\n$/,
    );
    for (const { address } of items.slice(0, -1)) assert.equal(address, "198.51.100.23");
  });

  test("replay() goes on with the others when a file is not there, is no regular file, or is packed otherwise", async (t) => {
    const folder = openFolderOf(t);
    writeFileSync(join(folder, "auth.log"), FAILED);
    writeFileSync(join(folder, "auth.xz"), Buffer.from("fd377a585a000004", "hex"));
    mkdirSync(join(folder, "folder"));
    const { code, items, stderr } = await finish(start(folder, ["gone", "folder", "/dev/null", "auth.xz", "auth.log"]));
    assert.equal(code, 3);
    assert.equal(items[0]?.["file"], "auth.log");
    for (const name of ["gone", "folder", "/dev/null", "auth.xz"])
      assert.match(stderr, new RegExp(`Cannot read "${name}"`));
  });

  test("replay() runs one rule or one service, and names the nearest for one that is not there", async (t) => {
    const invalid = `${HEAD}Invalid user oracle from 198.51.100.24 port 1\n`;
    const files = { "auth.log": FAILED + invalid };
    const one = await replayFiles(t, files, { options: { rule: "sshd.invalid-user" } });
    assert.deepEqual(
      one.items.slice(0, -1).map(({ address }) => address),
      ["198.51.100.24"],
    );
    const service = await replayFiles(t, files, { options: { rule: "sshd" } });
    assert.equal(service.items.length, 3);
    const wrong = await replayFiles(t, files, { options: { rule: "sshd.faild" } });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /there is none, did you mean "sshd\.failed"/);
    const source = await replayFiles(t, files, { options: { source: "nowhere" } });
    assert.deepEqual([source.code, /with the source "nowhere"/.test(source.stderr)], [2, true]);
    const both = await replayFiles(t, files, { options: { rule: "sshd", filter: "sshd" } });
    assert.equal(both.code, 2);
  });

  /** An entry of a serial audit log: `rule` stopped a request of `address`. */
  const audited = (address: string, id = "0079b05c"): string =>
    [
      `--${id}-A--`,
      `[22/Nov/2026:12:41:50.770394 +0000] awLjDsRtYDuhEiTeT7ZJWAAAAAE ${address} 37740 203.0.113.9 80`,
      `--${id}-B--`,
      "GET /a.php?x=1 HTTP/1.1",
      "Host: alice.example",
      "",
      `--${id}-H--`,
      'Message: Access denied with code 403 (phase 2). String match "x" at ARGS:a. [file "f"] [line "14"] [id "1234001"] [severity "CRITICAL"]',
      "Action: Intercepted (phase 2)",
      "",
      `--${id}-Z--`,
      "",
    ].join("\n");
  const JSON_ENTRY = `${JSON.stringify({
    transaction: {
      time: "22/Nov/2026:12:41:50.770394 +0000",
      transaction_id: "awLjDsRtYDuhEiTeT7ZJWAAAAAE",
      remote_address: "198.51.100.31",
    },
    request: { request_line: "GET /a.php HTTP/1.1", headers: { Host: "alice.example" } },
    response: { status: 200 },
    audit_data: {
      messages: ['Warning. Pattern match "x" at ARGS:a. [file "f"] [line "14"] [id "1234001"] [severity "CRITICAL"]'],
      action: { intercepted: false },
    },
  })}\n`;
  const INDEX_LINE =
    'alice.example 198.51.100.32 - - [22/Nov/2026:12:41:50.770394 +0000] "GET /a.php HTTP/1.1" 403 318 "-" "-" awLjDsRtYDuhEiTeT7ZJWAAAAAE "-" /20261122/20261122-1241/20261122-124155-awLjDsRtYDuhEiTeT7ZJWAAAAAE 0 12316 md5:88e5dba0ee1ede01b8ca93706fe1dcba \n';
  const hitsOf = ({ items }: Finished) =>
    items.flatMap(({ file, rule, address }) =>
      rule === undefined || file === undefined ? [] : [[file, rule, address]],
    );

  test("replay() answers audit logs of ModSecurity, serial and JSON, and says who would have been blocked", async (t) => {
    const serial = audited("198.51.100.30").repeat(5);
    const result = await replayFiles(t, { "modsec_audit.log": serial, "audit.json": JSON_ENTRY, "auth.log": FAILED });
    assert.deepEqual(hitsOf(result), [
      ...Array.from({ length: 5 }, () => ["modsec_audit.log", "modsecurity.intercepted", "198.51.100.30"]),
      ["audit.json", "modsecurity.detected", "198.51.100.31"],
      ["auth.log", "sshd.failed", "198.51.100.23"],
    ]);
    const { summary } = result.items.at(-1) as {
      summary: { wouldBlock: { network: string }[]; rules: { name: string }[] };
    };
    assert.deepEqual(
      summary.wouldBlock.map(({ network }) => network),
      ["198.51.100.30/32"],
    );
    const names = summary.rules.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });

  test("replay() puts no entry together of two audit logs", async (t) => {
    const lines = audited("198.51.100.30").split("\n");
    const files = { "a.log": lines.slice(0, 6).join("\n"), "b.log": lines.slice(6).join("\n") };
    assert.deepEqual(hitsOf(await replayFiles(t, files)), []);
  });

  test("replay() takes the source modsecurity, an index of it too, and one of its rules", async (t) => {
    const files = { "index.log": INDEX_LINE, "audit.json": JSON_ENTRY, "serial.log": audited("198.51.100.30") };
    const hits = async (options: object) => hitsOf(await replayFiles(t, files, { options })).map(([, rule]) => rule);
    const source = "modsecurity";
    assert.deepEqual(await hits({ source }), [
      "modsecurity.refused",
      "modsecurity.detected",
      "modsecurity.intercepted",
    ]);
    assert.deepEqual(await hits({ source, rule: "modsecurity.refused" }), ["modsecurity.refused"]);
    assert.deepEqual(await hits({ rule: "modsecurity.serial" }), ["modsecurity.intercepted"]);
    assert.deepEqual(await hits({ rule: "sshd" }), []);
    const wrong = await replayFiles(t, files, { options: { rule: "modsecurity.intercept" } });
    assert.match(wrong.stderr, /did you mean "modsecurity\.intercepted"/);
  });

  test("replay() shows what attackers chose so that a terminal takes no orders from it", async (t) => {
    const evil = FAILED.replace("alice", "\x1b[2J\x9b\xc2\x9b\xe2\x80\xae");
    for (const kind of ["json", "text"]) {
      const { stdout } = await replayFiles(t, { "auth.log": evil }, { kind });
      assert.match(stdout, /198\.51\.100\.23/);
      assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    }
  });

  test("the reader of replay() has no privileges, and ends with the command", async (t) => {
    const child = start(openFolderOf(t), ["-"]);
    child.stdin?.write(FAILED.repeat(2000));
    const reader = await readerOf(child, "garrison-replay");
    assertConfined(reader);
    child.kill("SIGKILL");
    await once(child, "close");
    await untilGone(reader);
  });
});
