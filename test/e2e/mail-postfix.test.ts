/** The queue of a real Postfix, filled by real SMTP and by its sendmail: what is counted must be what postqueue lists. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { mailQueueOf, type QueueJson } from "./mail-queue-command.ts";

const folder = mkdtempSync("/tmp/garrison-postfix-");
// To install Postfix would remove Exim, which other tests need: tools/test.mjs unpacks it only.
const unpacked = join(import.meta.dirname, "../../node_modules/.debian");

before(() => chmodSync(folder, 0o755));

after(() => rmSync(folder, { recursive: true, force: true }));

/** A shell in the namespaces of a Postfix that runs. */
class Postfix implements AsyncDisposable {
  readonly spool: string;
  readonly #shell: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(name: string, isLong: boolean) {
    const work = join(folder, name);
    mkdirSync(work);
    this.spool = join(work, "spool");
    const script = join(import.meta.dirname, "mail-postfix-tree.sh");
    const words = [
      "-m",
      "-n",
      "-p",
      "-f",
      "--mount-proc",
      "--kill-child",
      "sh",
      script,
      unpacked,
      work,
      isLong ? "yes" : "no",
    ];
    this.#shell = spawn("unshare", words, { stdio: ["pipe", "pipe", "ignore"] });
    this.#answers = createInterface({ input: this.#shell.stdout! })[Symbol.asyncIterator]();
  }

  /** Runs a command to its end. @returns its lines */
  async run(command: string): Promise<string[]> {
    this.#shell.stdin!.write(`${command}\necho "::end $?"\n`);
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#answers.next();
      assert.ok(!done, `Postfix has ended at: ${command}\n${lines.join("\n")}`);
      if (value === "::end 0") return lines;
      lines.push(value);
    }
  }

  async list(): Promise<readonly { readonly queue_name: string; readonly sender: string }[]> {
    return (await this.run("postqueue -j")).map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin!.end();
    this.#shell.kill("SIGKILL");
    await once(this.#shell, "exit");
  }
}

const SEND_AS_ALICE = `printf 'From: alice@web1.example.net\\nTo: r@example.org, s@example.org\\nSubject: x\\nX-PHP-Originating-Script: 64003:mailer.php\\n\\nhi\\n' |
  setpriv --reuid alice --regid alice --clear-groups sendmail -t -i`;

for (const isLong of [false, true]) {
  suite(`a real queue of Postfix with ${isLong ? "long" : "short"} ids`, () => {
    let postfix: Postfix;
    let found: QueueJson;

    before(async () => {
      postfix = new Postfix(isLong ? "long" : "short", isLong);
      await postfix.run(
        "until smtp-source -f bob@example.com -t x@example.org 127.0.0.1:2526 2> /dev/null; do :; done",
      );
      await postfix.run("smtp-source -m 6 -f bob@example.com -t x@example.org 127.0.0.1:2526");
      await postfix.run("smtp-source -m 2 -f '' -t y@example.org 127.0.0.1:2526");
      await postfix.run("smtp-source -m 3 -f bob@example.com -t hold@example.org 127.0.0.1:2526");
      for (let index = 0; index < 4; index++) await postfix.run(SEND_AS_ALICE);
      // Nobody answers at the relay: all but what is on hold is deferred in the end.
      while ((await postfix.list()).filter(({ queue_name }) => queue_name === "deferred").length < 13);
      found = await mailQueueOf(postfix.spool);
    });

    after(async () => await postfix[Symbol.asyncDispose]());

    test("mail queue counts in each queue what postqueue lists", async () => {
      const list = await postfix.list();
      const [whole] = found.summary.spools;
      for (const { queue, messages } of whole?.queues ?? [])
        assert.equal(messages, list.filter(({ queue_name }) => queue_name === queue).length, queue);
      assert.deepEqual([whole?.messages, whole?.frozen, whole?.mta], [16, 3, "postfix"]);
      assert.equal(whole?.bounces, list.filter(({ sender }) => sender === "MAILER-DAEMON").length);
      assert.ok((whole?.oldestSeconds ?? -1) >= 0);
      assert.equal(found.summary.malformed, 0);
    });

    test("mail queue tells who: the account of this host with its script, and clients", () => {
      const who = Object.fromEntries(found.groups.map(({ type, key, messages }) => [`${type} ${key}`, messages]));
      assert.deepEqual(who, { "client 127.0.0.1": 12, "account uid 64003": 4 });
      const alice = found.groups.find(({ type }) => type === "account");
      assert.deepEqual(
        [alice?.uid, alice?.recipients, alice?.scripts],
        [64_003, 8, [{ key: "64003:mailer.php", messages: 4 }]],
      );
    });

    test("mail queue finds what waits in maildrop, by the owner of the file, while Postfix is stopped", async () => {
      await postfix.run("postfix stop > /dev/null 2>&1");
      await postfix.run(SEND_AS_ALICE);
      const { groups, summary } = await mailQueueOf(postfix.spool);
      const maildrop = summary.spools[0]?.queues.find(({ queue }) => queue === "maildrop");
      assert.equal(maildrop?.messages, 1);
      assert.equal(groups.find(({ type }) => type === "account")?.messages, 5);
    });
  });
}
