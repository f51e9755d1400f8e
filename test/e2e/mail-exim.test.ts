/** The queue of a real Exim, filled by real SMTP and by its sendmail mode: what is counted must be what Exim counts. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { enterPrivateMounts } from "#src/linux/privileges.ts";
import { enterNamespace } from "#src/linux/temp-namespace.mts";
import { mailQueueOf, type QueueJson } from "./mail-queue-command.ts";

const PORT = 2525;
const folder = mkdtempSync("/tmp/garrison-exim-");
/** A user of every Debian, as whom a script runs. */
const ACCOUNT = "www-data";
const CONFIG = "/etc/exim4/exim4.conf";

/** `queue_only`: all stays in the queue until it is run. @returns the spool */
function configure(name: string, { isSplit = true } = {}): string {
  const spool = join(folder, name);
  mkdirSync(spool);
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, "Debian-exim"]).toString()));
  chownSync(spool, uid ?? 0, gid ?? 0);
  writeFileSync(
    CONFIG,
    `primary_hostname = web1.example.net
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/exim.pid
${isSplit ? "split_spool_directory" : ""}
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${PORT}
queue_only
bounce_return_body = false
keep_environment =
acl_smtp_rcpt = recipient
acl_smtp_data = accept
timeout_frozen_after = 0s
ignore_bounce_errors_after = 7d
begin acl
accept:
  accept
recipient:
  accept local_parts = slow
         queue = slow
         set acl_m_trap = x\\n-frozen 1\\n-host_address [192.0.2.9]:9
  accept local_parts = freeze
         control = freeze
  accept
begin routers
refused:
  driver = redirect
  domains = refused.example
  allow_fail
  data = :fail: nobody here
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
`,
    { mode: 0o644 },
  );
  return spool;
}

function exim(...words: string[]): string {
  return execFileSync("exim4", words, { stdio: ["ignore", "pipe", "pipe"] }).toString();
}

/** Hands a message over. @param user whose process does */
function sendmail(user: string, words: readonly string[], text: string): void {
  const become = ["--reuid", user, "--regid", user, "--clear-groups", "exim4"];
  execFileSync("setpriv", [...become, ...words], { input: text, stdio: ["pipe", "pipe", "pipe"] });
}

/** Says SMTP, and checks each answer. */
async function smtp(lines: readonly (readonly [say: string, expect: RegExp])[]): Promise<void> {
  const socket = connect(PORT, "127.0.0.1");
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  await expectAnswer(answers, /^220 /);
  for (const [say, expect] of lines) {
    socket.write(`${say}\r\n`);
    await expectAnswer(answers, expect);
  }
  await quit(socket);
}

async function expectAnswer(answers: AsyncIterator<string>, expect: RegExp): Promise<void> {
  for (;;) {
    const { value } = await answers.next();
    assert.match(String(value), /^\d{3}/);
    if (String(value)[3] === "-") continue;
    assert.match(String(value), expect);
    return;
  }
}

async function quit(socket: Socket): Promise<void> {
  socket.end("QUIT\r\n");
  await once(socket, "close");
}

async function startDaemon(): Promise<() => Promise<void>> {
  const daemon = spawn("exim4", ["-bdf"], { stdio: "ignore" });
  const greets = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(PORT, "127.0.0.1");
      socket.once("data", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  while (!(await greets())) assert.equal(daemon.exitCode, null, "Exim has ended");
  return async () => {
    daemon.kill("SIGTERM");
    await once(daemon, "exit");
  };
}

const MESSAGE =
  "From: alice@web1.example.net\nTo: r@example.org\nSubject: hello\nX-PHP-Originating-Script: 2001:mailer.php\n\nhello\n";
const AUTHENTICATE = Buffer.from("\0info@alice.example\0secret").toString("base64");

before(() => {
  enterNamespace();
  enterPrivateMounts();
  // What programs of this test take for Exim's configuration.
  execFileSync("mount", ["-n", "-t", "tmpfs", "-o", "mode=755", "garrison", dirname(CONFIG)]);
  chmodSync(folder, 0o755);
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const isSplit of [true, false]) {
  suite(`a real queue of Exim, ${isSplit ? "split" : "not split"}`, () => {
    let spool: string;
    let found: QueueJson;

    before(async () => {
      spool = configure(isSplit ? "split" : "plain", { isSplit });
      const stop = await startDaemon();
      const from = "MAIL FROM:<info@alice.example>";
      const send = [
        ["DATA", /^354/],
        ["Subject: hi\r\nX-PHP-Script: bob.example/x.php for 192.0.2.1\r\n\r\nhello\r\n.", /^250/],
      ] as const;
      await smtp([
        ["EHLO client", /^250/],
        [`AUTH PLAIN ${AUTHENTICATE}`, /^235/],
        [from, /^250/],
        ["RCPT TO:<v1@grey.example>", /^250/],
        ["RCPT TO:<v2@grey.example>", /^250/],
        ...send,
      ]);
      await smtp([
        ["EHLO client", /^250/],
        ["MAIL FROM:<spam@evil.example>", /^250/],
        ["RCPT TO:<freeze@web1.example.net>", /^250/],
        ...send,
      ]);
      await smtp([
        ["EHLO client", /^250/],
        ["MAIL FROM:<>", /^250/],
        ["RCPT TO:<someone@web1.example.net>", /^250/],
        ...send,
      ]);
      await smtp([
        ["EHLO client", /^250/],
        ["MAIL FROM:<bob@web1.example.net>", /^250/],
        ["RCPT TO:<slow@web1.example.net>", /^250/],
        ...send,
      ]);
      await stop();
      for (let index = 0; index < 5; index++) sendmail(ACCOUNT, ["-t", "-i"], MESSAGE);
      sendmail("root", ["-i", "-f", "root@web1.example.net", "a@grey.example", "b@grey.example"], MESSAGE);
      sendmail(
        "root",
        ["-bs"],
        `EHLO x\r\nMAIL FROM:<list@web1.example.net>\r\nRCPT TO:<r@grey.example>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n`,
      );
      found = await mailQueueOf(spool);
    });

    test("mail queue counts what exim -bpc counts, and the messages of a named queue", () => {
      const [whole] = found.summary.spools;
      const queues = Object.fromEntries((whole?.queues ?? []).map(({ queue, messages }) => [queue, messages]));
      assert.equal(queues[""], Number(exim("-bpc")));
      assert.equal(queues["slow"], exim("-qGslow", "-bp").match(/^ *\d+[mhd] /gm)?.length ?? 0);
      assert.deepEqual(queues, { "": 10, slow: 1 });
      assert.equal(whole?.messages, 11);
      assert.deepEqual(whole?.blind, []);
    });

    test("mail queue tells as many frozen messages and bounces as exim -bp", () => {
      const [whole] = found.summary.spools;
      const list = exim("-bp");
      assert.equal(whole?.frozen, list.match(/\*\*\* frozen \*\*\*/g)?.length);
      assert.equal(whole?.bounces, list.match(/ <>(?: |$)/gm)?.length);
      assert.deepEqual([whole?.frozen, whole?.bounces, found.summary.malformed], [1, 1, 0]);
    });

    test("mail queue tells who: account, mailbox and client, and no script that an SMTP client names", () => {
      const who = Object.fromEntries(found.groups.map(({ type, key, messages }) => [`${type} ${key}`, messages]));
      assert.deepEqual(who, {
        "account www-data": 5,
        "account root": 2,
        "mailbox info@alice.example": 1,
        "client 127.0.0.1": 3,
      });
      const [account] = found.groups;
      assert.deepEqual([account?.uid, account?.scripts], [33, [{ key: "2001:mailer.php", messages: 5 }]]);
      const mailbox = found.groups.find(({ type }) => type === "mailbox");
      assert.deepEqual([mailbox?.recipients, mailbox?.clients[0]?.key, mailbox?.scripts], [2, "127.0.0.1", []]);
    });

    test("mail queue takes no option from the value of an ACL variable", () => {
      const trapped = readdirSync(join(spool, "slow/input"), { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith("-H"),
      );
      const text = exim("-qGslow", "-Mvh", trapped[0]?.replace(/^.*\//, "").slice(0, -2) ?? "");
      assert.match(text, /^-frozen 1$/m, "the trap is set");
      assert.equal(found.summary.spools[0]?.queues.find(({ queue }) => queue === "slow")?.frozen, 0);
    });

    test("mail queue tells a bounce of Exim's own as nobody's, and what root has frozen", async () => {
      sendmail("root", ["-i", "-f", "alice@web1.example.net", "nobody@refused.example"], MESSAGE);
      exim("-qf");
      const waiting = exim("-bpr")
        .split("\n")
        .find((line) => /[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-.. <[^>]*>$/.test(line));
      exim("-Mf", /\S+-\S+-\S+/.exec(waiting ?? "")?.[0] ?? "none");
      const { summary, groups } = await mailQueueOf(spool);
      const list = exim("-bp");
      assert.equal(summary.spools[0]?.queues[0]?.messages, Number(exim("-bpc")));
      assert.equal(summary.spools[0]?.frozen, list.match(/\*\*\* frozen \*\*\*/g)?.length);
      assert.equal(summary.spools[0]?.bounces, list.match(/ <>(?: |$)/gm)?.length);
      assert.ok(groups.some(({ type }) => type === "own"));
    });
  });
}
