/** Real journals: written by systemd-journal-remote, read back by journalctl. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { until } from "#src/mind/fake-peer.mts";
import { FakeMind, FakeSentry, FakeStore } from "./fake-mind.mts";

const BOOT = "0123456789abcdef0123456789abcdef";
const FIRST_AT_MICROS = 1_795_351_259_508_134;

/** A journal of our own. */
class Journal {
  readonly folder: string;
  #count = 0;

  constructor(folder: string) {
    this.folder = join(folder, "journal");
    mkdirSync(this.folder);
  }

  /** Appends entries, as journald would write them. */
  append(...messages: readonly string[]): void {
    const input = Buffer.concat(messages.map((message) => this.#entry(Buffer.from(message, "latin1"))));
    const { status, stderr } = spawnSync(
      "/lib/systemd/systemd-journal-remote",
      ["-o", join(this.folder, "a.journal"), "-"],
      { input, encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
  }

  #entry(message: Buffer): Buffer {
    const number = ++this.#count;
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(message.length));
    const head = [
      `__REALTIME_TIMESTAMP=${FIRST_AT_MICROS + number * 1000}`,
      `__MONOTONIC_TIMESTAMP=${1_000_000 + number * 1000}`,
      `_BOOT_ID=${BOOT}`,
      "_UID=0",
      "_COMM=sshd",
      "_EXE=/usr/sbin/sshd",
      "_SYSTEMD_UNIT=ssh.service",
      `SYSLOG_IDENTIFIER=${number % 2 === 0 ? "sshd" : "sshd-session"}`,
      "MESSAGE",
    ];
    return Buffer.concat([Buffer.from(`${head.join("\n")}\n`), size, message, Buffer.from("\n\n")]);
  }
}

interface Bench {
  readonly journal: Journal;
  readonly socket: string;
  readonly options: unknown;
  readonly store: FakeStore;
}

function makeBench(t: TestContext, paths: readonly string[] = []): Bench {
  const folder = folderOf(t);
  const journal = new Journal(folder);
  const sources = [{ name: "journal", kind: "journal", paths }];
  return {
    journal,
    socket: join(folder, "logs.sock"),
    options: { sources, journalFolder: journal.folder },
    store: new FakeStore(),
  };
}

const messages = ({ entries }: FakeStore): string[] => entries.map(({ message }) => message);

test("the sensor sends the journal behind what was in it at the first start, with its trusted fields", async (t) => {
  const { journal, socket, options, store } = makeBench(t, ["_SYSTEMD_UNIT=ssh.service"]);
  journal.append("history");
  await using _sentry = new FakeSentry(socket, options);
  using mind = new FakeMind(socket, store);
  await until(() => mind.log.includes("journal journal behind a cursor"));
  const forged = "Failed password for x\n_UID=1000\nMESSAGE=Accepted\n\n__CURSOR=s=1";
  journal.append("one", forged);
  await until(() => store.entries.length === 2);
  assert.deepEqual(messages(store), ["one", forged]);
  const [, second] = store.entries;
  assert.deepEqual(second?.trusted, {
    _UID: "0",
    _COMM: "sshd",
    _EXE: "/usr/sbin/sshd",
    _SYSTEMD_UNIT: "ssh.service",
  });
  assert.equal(second?.program, "sshd-session");
  assert.equal(second?.atUnixMs, Math.floor(FIRST_AT_MICROS / 1000) + 3);
});

test("the sensor goes on behind the last stored entry, whoever was killed meanwhile", async (t) => {
  const { journal, socket, options, store } = makeBench(t);
  journal.append("history");
  {
    await using _sentry = new FakeSentry(socket, options);
    using mind = new FakeMind(socket, store);
    await until(() => mind.log.includes("journal journal behind a cursor"));
    journal.append("one");
    await until(() => store.entries.length === 1);
    mind.isPaused = true;
    journal.append("two");
    await until(() => mind.client.untakenBytes > 0);
  }
  journal.append("three");
  await using _sentry = new FakeSentry(socket, options);
  using _mind = new FakeMind(socket, store);
  await until(() => store.entries.length === 3);
  assert.deepEqual(messages(store), ["one", "two", "three"]);
});

test("the sensor starts journalctl again when it ended, behind what the mind has stored", async (t) => {
  const { journal, socket, options, store } = makeBench(t);
  journal.append("history");
  await using sentry = new FakeSentry(socket, options);
  using mind = new FakeMind(socket, store);
  await until(() => mind.log.includes("journal journal behind a cursor"));
  journal.append("one");
  await until(() => store.entries.length === 1);
  const { stdout } = spawnSync("pgrep", ["-f", `journalctl.*--directory=${journal.folder}`], { encoding: "utf8" });
  process.kill(Number(stdout.trim()));
  await until(() => mind.log.filter((line) => line === "journal journal behind a cursor").length === 2);
  journal.append("two");
  await until(() => store.entries.length === 2);
  assert.deepEqual(messages(store), ["one", "two"]);
  assert.equal(sentry.count("restarts of journalctl"), 1);
});

test("the sensor says that there is no journal, and reads it from its start when it comes", async (t) => {
  const { journal, socket, options, store } = makeBench(t);
  await using sentry = new FakeSentry(socket, options);
  using mind = new FakeMind(socket, store);
  await until(() => sentry.runner.status().blindTo.some((text) => text.startsWith("journal: ")));
  assert.ok(!mind.log.some((line) => line.startsWith("journal ")), "a journal was announced that is not there");
  journal.append("one");
  await until(() => mind.log.includes("journal journal from its start"));
  await until(() => store.entries.length === 1);
  assert.deepEqual(messages(store), ["one"]);
});
