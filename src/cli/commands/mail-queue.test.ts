import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { assertConfined, type Finished, finish, openFolderOf, readerOf, untilGone } from "./reader-host.mts";

const COMMAND = join(import.meta.dirname, "../../../bin/garrison.ts");

function start(folder: string, words: readonly string[], wrapper: readonly string[] = []): ChildProcess {
  const flags = ["--disable-warning=ExperimentalWarning", COMMAND, "--state", join(folder, "state")];
  const [program = "", ...rest] = [...wrapper, process.execPath, ...flags, "mail", "queue", ...words];
  return spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
}

// Root who may not read what is not his: another user might not reach the code of a clone below a closed home.
const WITHOUT_OVERRIDE = [
  "setpriv",
  "--bounding-set=-dac_override,-dac_read_search",
  "--inh-caps=-dac_override,-dac_read_search",
];

/** Runs `mail queue`. */
function run(folder: string, ...words: string[]): Promise<Finished> {
  return finish(start(folder, words));
}

function headerOf(id: string, login = "alice", sender = `${login}@web1.example.net`): string {
  return `${id}-H\n${login} 2001 2001\n<${sender}>\n1795351295 0\n-local\nXX\n1\nr@x.example\n\n031  X-PHP-Script: a.example/x.php\n`;
}

/** A spool of Exim below the folder, with messages of these accounts. */
function spoolOf(folder: string, ...logins: string[]): string {
  const input = join(folder, "spool/input");
  mkdirSync(input, { recursive: true });
  for (const [index, login] of logins.entries()) {
    const id = `1xV6sx-00000${index}-0p`;
    writeFileSync(join(input, `${id}-H`), headerOf(id, login));
  }
  return join(folder, "spool");
}

suite("garrison mail queue", () => {
  test("mailQueue() prints groups, the largest first, and a summary behind them", async (t) => {
    const folder = openFolderOf(t);
    const { code, stdout, stderr } = await run(folder, "--json", "--spool", spoolOf(folder, "bob", "alice", "alice"));
    assert.deepEqual([code, stderr], [0, ""]);
    const [first, second, last, ...others] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [first.by, first.type, first.key, first.uid, first.messages],
      ["account", "account", "alice", 2001, 2],
    );
    assert.deepEqual(first.scripts, [{ key: "a.example/x.php", messages: 2 }]);
    assert.equal(second.key, "bob");
    const { spools, malformed, groups } = last.summary;
    assert.deepEqual([spools[0].mta, spools[0].messages, malformed, groups, others.length], ["exim", 3, 0, 2, 0]);
    assert.equal(spools[0].oldestAt, "2026-11-22T12:41:35.000Z");
  });

  test("mailQueue() prints for people what waits and whose it is", async (t) => {
    const folder = openFolderOf(t);
    const spool = spoolOf(folder, "bob", "alice", "alice");
    const { code, stdout } = await run(folder, "--spool", spool, "--by", "script");
    assert.equal(code, 0);
    assert.match(stdout, /^exim \S+\/spool: 3 messages, oldest .*, \d came within the hour\n\nby script +messages/);
    assert.match(stdout, /\na\.example\/x\.php +3 +0 +0 +3 /);
  });

  test("mailQueue() of an empty spool, and of a host without any, is done", async (t) => {
    const folder = openFolderOf(t);
    const { code, stdout } = await run(folder, "--spool", spoolOf(folder));
    assert.deepEqual([code, stdout.replace(/\S+\/spool/, "SPOOL")], [0, "exim SPOOL: 0 messages\n"]);
    const none = await run(folder, "--root", folder);
    assert.deepEqual([none.code, none.stdout], [0, "no mail queue: neither Exim nor Postfix has a spool here\n"]);
  });

  test("mailQueue() exits with 3 for a folder that is no spool, and with 2 for wrong use", async (t) => {
    const folder = openFolderOf(t);
    const wrong = await run(folder, "--spool", folder);
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /^garrison: Cannot read ".*": it is no mail spool, /);
    assert.equal((await run(folder, "--spool", join(folder, "nothing"))).code, 3);
    assert.equal((await run(folder, "--by", "weather")).code, 2);
  });

  test("mailQueue() tells what it could read, why not all, and exits with 3: a queue that it cannot read is not empty", async (t) => {
    const folder = openFolderOf(t);
    const spool = spoolOf(folder, "alice");
    const [closed, message] = [join(spool, "input/x"), join(spool, "input/1xV6sx-000009-0p-H")];
    mkdirSync(closed, { mode: 0o700 });
    writeFileSync(message, "closed", { mode: 0o600 });
    for (const path of [closed, message]) chownSync(path, 65_534, 65_534);
    const { code, stdout, stderr } = await finish(start(folder, ["--json", "--spool", spool], WITHOUT_OVERRIDE));
    assert.equal(code, 3, stderr);
    const [group, last] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([group.key, last.summary.spools[0].messages], ["alice", null]);
    const reasons = last.summary.spools[0].blind.map(({ reason }: { reason: string }) => reason);
    assert.deepEqual(reasons, ["may not be read by this user", "may not be read by this user"]);
    assert.match(stderr, /Cannot read ".*\/input\/x": may not be read by this user/);
    const text = await finish(start(folder, ["--spool", spool], WITHOUT_OVERRIDE));
    assert.match(text.stdout, /: at least 2 messages/);
  });

  test("mailQueue() shows what a sender chose so that a terminal takes no orders from it", async (t) => {
    const folder = openFolderOf(t);
    const spool = spoolOf(folder, "alice\x1b]0;owned\x07");
    writeFileSync(join(spool, "input/1xV6sy-000000-0p-H"), headerOf("1xV6sy-000000-0p", "bob", "\x1b[2J\u202e@x"));
    for (const words of [["--json"], []]) {
      const { code, stdout } = await run(folder, "--spool", spool, "--by", "sender", ...words);
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    }
  });

  test("mailQueue() counts files that are no message apart, and ends whatever stands in them", async (t) => {
    const folder = openFolderOf(t);
    const spool = spoolOf(folder, "alice");
    for (const [index, content] of ["", "\0".repeat(100_000), `${"-".repeat(40_000)}`, "x\n".repeat(50_000)].entries())
      writeFileSync(join(spool, `input/1xV6sy-00000${index}-0p-H`), content);
    execFileSync("mkfifo", [join(spool, "input/1xV6sy-000009-0p-H")]);
    const { code, stdout } = await run(folder, "--json", "--spool", spool);
    const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    assert.deepEqual([code, last.summary.malformed, last.summary.spools[0].messages], [0, 4, 5]);
  });

  test("the reader of mailQueue() has no privileges, opens no file of the spool, and ends with the command", async (t) => {
    const folder = openFolderOf(t);
    const spool = spoolOf(folder, ...Array.from({ length: 9 }, () => "alice"));
    // Larger than any pipe, so that the command waits for its reader, which is stopped.
    const filler = headerOf("1xV6sx-000000-0p") + "x".repeat(16_000);
    for (let index = 0; index < 600; index++)
      writeFileSync(join(spool, `input/1xV6sx-00${String(index).padStart(4, "0")}-0z-H`), filler);
    const child = start(folder, ["--spool", spool]);
    const done = finish(child);
    const reader = await readerOf(child, "garrison-mail-queue");
    process.kill(reader, "SIGSTOP");
    assertConfined(reader);
    process.kill(child.pid ?? 0, "SIGKILL");
    await done;
    process.kill(reader, "SIGCONT");
    await untilGone(reader);
  });
});
