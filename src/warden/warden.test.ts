import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { readJournal, verifyJournal } from "#src/journal/verify.ts";
import { enterNamespace } from "#src/linux/temp-namespace.mts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Child } from "#src/processes/child.ts";
import { openLog } from "#src/processes/log.ts";
import type { WardenSettings } from "#src/processes/settings.ts";
import { FrameReader, MAX_FRAME_BYTES } from "#src/wire/frames.ts";
import { type FromWarden, fromWarden } from "#src/wire/warden-messages.ts";
import { runWarden } from "./warden.ts";

const KIND = "restore-file-attributes";
type Answer = Extract<FromWarden, { t: "answer" }>;

/** A warden with its folders, and watched files below `etc`. */
class Host {
  readonly folder: string;
  readonly socket: string;
  readonly etc: string;
  readonly log: string[] = [];
  readonly #stops: (() => void | Promise<void>)[] = [];

  constructor(t: TestContext, settings: Partial<WardenSettings> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "garrison-warden-"));
    this.socket = join(this.folder, "warden.sock");
    this.etc = join(this.folder, "etc");
    mkdirSync(this.etc);
    const child: Child<WardenSettings> = {
      settings: {
        mindUid: 0,
        mindGid: 900,
        journalFolder: this.journal,
        actionsFolder: join(this.folder, "actions"),
        webFolder: join(this.folder, "web"),
        watchedFiles: [
          { pattern: `${this.etc}/**`, secret: false },
          { pattern: `${this.etc}/secret*`, secret: true },
        ],
        blocks: { backend: null, allow: [], proxies: [], hub: [], web: false },
        traffic: null,
        ...settings,
      },
      listenFd: listenUnix(this.socket, 0),
      log: openLog("warden", (line) => void this.log.push(line)),
      onStop: (run) => void this.#stops.push(run),
    };
    void runWarden(child);
    t.after(async () => {
      await this.stop();
      rmSync(this.folder, { recursive: true });
    });
  }

  get journal(): string {
    return join(this.folder, "journal");
  }

  async stop(): Promise<void> {
    for (const run of this.#stops.splice(0)) await run();
  }

  file(name: string, mode: number, uid = 0, gid = 0): string {
    const path = join(this.etc, name);
    writeFileSync(path, "content");
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  }

  async told(): Promise<string> {
    return (await readJournal(this.journal, { last: 1000 })).map(({ kind }) => kind).join(" ");
  }
}

/** What an attacker has who took over the mind: the socket. */
class FakeMind {
  readonly hello: FromWarden;
  readonly #socket: Socket;
  readonly #messages: AsyncIterator<FromWarden>;
  #id = 0;

  private constructor(socket: Socket, messages: AsyncIterator<FromWarden>, hello: FromWarden) {
    this.#socket = socket;
    this.#messages = messages;
    this.hello = hello;
  }

  static async connect(t: TestContext, host: Host): Promise<FakeMind> {
    const socket = connect(host.socket);
    socket.on("error", () => {});
    t.after(() => void socket.destroy());
    const messages = readMessages(socket);
    const { value, done } = await messages.next();
    if (done === true) assert.fail("the link ended before hello");
    return new FakeMind(socket, messages, value);
  }

  async ask(request: JsonObject): Promise<Answer> {
    this.#id++;
    this.sendText(`${JSON.stringify({ id: this.#id, by: "admin:root", ...request })}\n`);
    return this.next();
  }

  async perform(action: string, plan: JsonObject, kind = KIND): Promise<Answer> {
    return this.ask({ t: "perform", action, kind, plan });
  }

  async undo(action: string): Promise<Answer> {
    return this.ask({ t: "undo", action });
  }

  sendText(text: string | Buffer): void {
    this.#socket.write(text);
  }

  async next(): Promise<Answer> {
    let { value } = await this.#messages.next();
    while (value?.t === "firewall") value = (await this.#messages.next()).value;
    assert.equal(value?.t, "answer", "the link ended instead of an answer");
    return value as Answer;
  }

  /** Resolves when the warden has ended the link. @returns what it said before */
  async end(): Promise<FromWarden[]> {
    const said: FromWarden[] = [];
    for (let one = await this.#messages.next(); one.done !== true; one = await this.#messages.next())
      if (one.value.t !== "firewall") said.push(one.value);
    return said;
  }

  close(): void {
    this.#socket.end();
  }
}

async function* readMessages(socket: Socket): AsyncGenerator<FromWarden> {
  const reader = new FrameReader();
  try {
    for await (const chunk of socket) {
      for (const value of reader.push(chunk as Buffer)) yield fromWarden(value, "message");
    }
  } catch (error) {
    assert.match(String(error), /ECONNRESET|EPIPE/);
  }
}

type Text = [mode: string, uid: number, gid: number];

function planFor(path: string, from: Text, to: Text): JsonObject {
  const attributes = ([mode, uid, gid]: Text) => ({ mode, uid, gid });
  const inode = String(statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 1);
  return { pathBase64: Buffer.from(path).toString("base64"), inode, from: attributes(from), to: attributes(to) };
}

function look(path: string): string {
  const { mode, uid, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

// In the host's namespace another Garrison may count traffic: its table would be taken for one that was left behind.
before(() => {
  if (process.getuid?.() === 0) enterNamespace();
});

test("runWarden() says hello first, keeps the mind's entries, and answers in order", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  assert.deepEqual(mind.hello, {
    t: "hello",
    pid: process.pid,
    journal: { seq: 0, hash: "0".repeat(64), ref: 0 },
    lastAction: 0,
  });
  const record = (id: number, ref: number) =>
    `${JSON.stringify({ t: "record", id, entries: [{ ref, kind: "alert", by: "mind", data: { n: ref } }] })}\n`;
  mind.sendText(record(7, 1) + record(8, 2) + record(9, 2));
  const answers = [await mind.next(), await mind.next(), await mind.next()];
  assert.deepEqual(
    answers.map(({ id, ok, journal }) => [id, ok, journal.seq, journal.ref]),
    [
      [7, true, 1, 1],
      [8, true, 2, 2],
      [9, true, 2, 2],
    ],
  );
  assert.deepEqual(
    (await readJournal(host.journal, { last: 9 })).map(({ data }) => data["n"]),
    [1, 2],
  );
});

test("runWarden() restores mode and owner of a watched file, and undoes it (the innocent twin of what follows)", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  const opened = host.file("passwd", 0o666);
  const given = host.file("cron", 0o644, 1000);
  const first = await mind.perform("x1", planFor(opened, ["0666", 0, 0], ["0644", 0, 0]));
  assert.deepEqual([first.ok, first.failure, look(opened)], [true, null, "644 0:0"]);
  assert.deepEqual(first.undo?.["before"], { mode: "0666", uid: 0, gid: 0 });
  assert.ok((await mind.perform("x2", planFor(given, ["0644", 1000, 0], ["0644", 0, 0]))).ok);
  assert.equal(look(given), "644 0:0");
  const undone = await mind.undo("x1");
  assert.deepEqual([undone.ok, undone.undo, look(opened)], [true, null, "666 0:0"]);
  assert.equal(await host.told(), "action.begin action.done action.begin action.done undo.begin undo.done");
  const report = await verifyJournal(host.journal);
  assert.deepEqual([report.problems, report.head], [[], undone.journal]);
});

test("runWarden() goes on behind a new start with what the one before wrote down", async (t) => {
  const host = new Host(t);
  const first = await FakeMind.connect(t, host);
  const path = host.file("passwd", 0o666);
  const { journal } = await first.perform("x1", planFor(path, ["0666", 0, 0], ["0644", 0, 0]));
  await host.stop();
  await first.end();
  const settings = { journalFolder: host.journal, actionsFolder: join(host.folder, "actions") };
  const second = await FakeMind.connect(t, new Host(t, settings));
  assert.deepEqual(second.hello.t === "hello" && second.hello.journal, journal);
  assert.ok((await second.undo("x1")).ok);
  assert.equal(look(path), "666 0:0");
});

test("runWarden() takes one mind at a time, and the next one when it has gone", async (t) => {
  const host = new Host(t);
  const first = await FakeMind.connect(t, host);
  await assert.rejects(FakeMind.connect(t, host), /ended before hello/);
  assert.match(host.log.join(""), /there is a mind already/);
  first.close();
  await first.end();
  assert.equal((await FakeMind.connect(t, host)).hello.t, "hello");
});

test("runWarden() talks to nobody but the mind", async (t) => {
  const host = new Host(t, { mindUid: 4242 });
  chmodSync(host.folder, 0o755);
  chmodSync(host.socket, 0o666);
  const script = "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);print(len(s.recv(999)))";
  const bytesFor = async (uid: number): Promise<number> => {
    const python = spawn("/usr/bin/python3", ["-c", script, host.socket], { uid, gid: uid, cwd: "/" });
    const [said] = await once(python.stdout, "data");
    await once(python, "close");
    return Number(said);
  };
  assert.equal(await bytesFor(1000), 0);
  assert.match(host.log.join(""), /the other end is not the mind/);
  assert.ok((await bytesFor(4242)) > 50);
});

const MALFORMED: Readonly<Record<string, string | Buffer>> = {
  "no JSON": "perform\n",
  "bytes that are no text": Buffer.from([0xff, 0xfe, 0x0a]),
  "an empty line": "\n",
  "a list": "[]\n",
  "an unknown message": '{"t":"run","id":1,"command":"id"}\n',
  "a message of its own": '{"t":"answer","id":1,"ok":true}\n',
  "a message named as a part of every object": '{"t":"constructor"}\n',
  "a key too many": '{"t":"undo","id":1,"action":"x1","by":"x","force":true}\n',
  "a key too few": '{"t":"undo","id":1,"action":"x1"}\n',
  "an undo that brings its own data": '{"t":"undo","id":1,"action":"x1","by":"x","undo":{}}\n',
  "an id that is no number": '{"t":"undo","id":"1","action":"x1","by":"x"}\n',
  "an id that is too long": `{"t":"undo","id":1,"action":"${"1".repeat(33)}","by":"x"}\n`,
  "a plan that is a list": `{"t":"perform","id":1,"action":"x1","kind":"${KIND}","plan":[],"by":"x"}\n`,
  "a plan that is too deep": `{"t":"perform","id":1,"action":"x1","kind":"${KIND}","plan":${'{"a":'.repeat(9)}1${"}".repeat(9)},"by":"x"}\n`,
  "a plan with __proto__": `{"t":"perform","id":1,"action":"x1","kind":"${KIND}","plan":{"__proto__":{}},"by":"x"}\n`,
  "too many entries": `{"t":"record","id":1,"entries":[${Array(101).fill('{"ref":1,"kind":"a","by":"b","data":{}}').join()}]}\n`,
  "an entry without a ref": '{"t":"record","id":1,"entries":[{"ref":null,"kind":"a","by":"b","data":{}}]}\n',
  "a frame that is too long": Buffer.alloc(MAX_FRAME_BYTES + 2, 0x20),
};
for (const [what, bytes] of Object.entries(MALFORMED)) {
  test(`runWarden() ends the link at ${what}, answers nothing and does nothing`, async (t) => {
    const host = new Host(t);
    const mind = await FakeMind.connect(t, host);
    mind.sendText(bytes);
    assert.deepEqual(await mind.end(), []);
    assert.match(host.log.join(""), /link to the mind ended/);
    assert.equal(await host.told(), "");
    assert.equal((await FakeMind.connect(t, host)).hello.t, "hello");
  });
}

test("runWarden() drops what it was asked in front of something malformed", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  const path = host.file("passwd", 0o666);
  const plan = planFor(path, ["0666", 0, 0], ["0644", 0, 0]);
  const request = { t: "perform", id: 1, action: "x1", kind: KIND, plan, by: "x" };
  mind.sendText(`${JSON.stringify(request)}\n{}\n`);
  assert.deepEqual(await mind.end(), []);
  assert.deepEqual([look(path), await host.told()], ["666 0:0", ""]);
});

test("runWarden() ends the link of a mind that asks more than it can wait for", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  mind.sendText('{"t":"undo","id":1,"action":"x1","by":"x"}\n'.repeat(1000));
  await mind.end();
  assert.match(host.log.join(""), /Cannot take request/);
});

test("runWarden() refuses more than thirty actions a minute, and goes on", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  for (let number = 1; number <= 30; number++) {
    assert.match((await mind.undo(`x${number}`)).failure ?? "", /the ledger has no such action/);
  }
  const path = host.file("passwd", 0o666);
  const refused = await mind.perform("x31", planFor(path, ["0666", 0, 0], ["0644", 0, 0]));
  assert.match(refused.failure ?? "", /30 requests came within a minute/);
  assert.equal(look(path), "666 0:0");
  assert.ok((await mind.ask({ t: "record", entries: [], by: undefined as never })).ok);
});

test("runWarden() lets the mind record nothing in the warden's name", async (t) => {
  const host = new Host(t);
  const mind = await FakeMind.connect(t, host);
  for (const kind of [
    "action.begin",
    "action.done",
    "action.failed",
    "undo.begin",
    "undo.done",
    "undo.failed",
    "journal.broken",
    "blocks.begin",
  ]) {
    const entries = [
      { ref: 1, kind: "alert", by: "mind", data: {} },
      { ref: 2, kind, by: "mind", data: {} },
    ];
    const answer = await mind.ask({ t: "record", entries, by: undefined as never });
    assert.deepEqual([answer.ok, /only the warden says this/.test(answer.failure ?? "")], [false, true], kind);
  }
  assert.equal(await host.told(), "");
});

/** What a compromised mind would try. Each prepares its target and gives plan and what must stay as it is. */
const ATTACKS: Readonly<Record<string, (host: Host) => { plan: JsonObject; victim: string }>> = {
  "setuid on a program": (host) => {
    const victim = host.file("bash", 0o755);
    return { victim, plan: planFor(victim, ["0755", 0, 0], ["4755", 0, 0]) };
  },
  "setuid on a program, saying that it has it": (host) => {
    const victim = host.file("bash", 0o755);
    return { victim, plan: planFor(victim, ["4755", 0, 0], ["4755", 0, 0]) };
  },
  "root for a user's setuid program": (host) => {
    const victim = host.file("mine", 0o4755, 1000, 1000);
    return { victim, plan: planFor(victim, ["4755", 1000, 1000], ["4755", 0, 0]) };
  },
  "write for everyone": (host) => {
    const victim = host.file("passwd", 0o644);
    return { victim, plan: planFor(victim, ["0644", 0, 0], ["0666", 0, 0]) };
  },
  "write for everyone, saying that they have it": (host) => {
    const victim = host.file("passwd", 0o644);
    return { victim, plan: planFor(victim, ["0666", 0, 0], ["0666", 0, 0]) };
  },
  "a file of root for a user": (host) => {
    const victim = host.file("passwd", 0o644);
    return { victim, plan: planFor(victim, ["0644", 0, 0], ["0644", 1000, 0]) };
  },
  "a file of root for its own group": (host) => {
    const victim = host.file("passwd", 0o640);
    return { victim, plan: planFor(victim, ["0640", 0, 0], ["0640", 0, 900]) };
  },
  "a secret that everyone reads": (host) => {
    const victim = host.file("secret", 0o600);
    return { victim, plan: planFor(victim, ["0600", 0, 0], ["0604", 0, 0]) };
  },
  "a secret that a group reads": (host) => {
    const victim = host.file("secret", 0o600);
    return { victim, plan: planFor(victim, ["0600", 0, 0], ["0640", 0, 4]) };
  },
  "a file that is not watched": (host) => {
    const victim = join(host.folder, "elsewhere");
    writeFileSync(victim, "");
    chmodSync(victim, 0o666);
    return { victim, plan: planFor(victim, ["0666", 0, 0], ["0644", 0, 0]) };
  },
  "a file that is not watched, by way of ..": (host) => {
    const victim = join(host.folder, "elsewhere");
    writeFileSync(victim, "");
    chmodSync(victim, 0o666);
    return { victim, plan: planFor(`${host.etc}/../elsewhere`, ["0666", 0, 0], ["0644", 0, 0]) };
  },
  "a file behind a symbolic link": (host) => {
    const victim = join(host.folder, "elsewhere");
    writeFileSync(victim, "");
    chmodSync(victim, 0o666);
    symlinkSync(victim, join(host.etc, "link"));
    return { victim, plan: planFor(join(host.etc, "link"), ["0666", 0, 0], ["0644", 0, 0]) };
  },
  "a file in a folder behind a symbolic link": (host) => {
    mkdirSync(join(host.folder, "real"));
    const victim = join(host.folder, "real/file");
    writeFileSync(victim, "");
    chmodSync(victim, 0o666);
    symlinkSync("../real", join(host.etc, "folder"));
    return { victim, plan: planFor(join(host.etc, "folder/file"), ["0666", 0, 0], ["0644", 0, 0]) };
  },
  "a hard link to a file that is not watched": (host) => {
    const victim = join(host.folder, "elsewhere");
    writeFileSync(victim, "");
    chmodSync(victim, 0o644);
    mkdirSync(join(host.etc, "shared"));
    chmodSync(join(host.etc, "shared"), 0o1777);
    chownSync(victim, 1000, 1000);
    linkSync(victim, join(host.etc, "shared/link"));
    return { victim, plan: planFor(join(host.etc, "shared/link"), ["0644", 1000, 1000], ["0600", 1000, 1000]) };
  },
  "a file of a user in his own folder for root": (host) => {
    mkdirSync(join(host.etc, "home"));
    chownSync(join(host.etc, "home"), 1000, 1000);
    const victim = host.file("home/script", 0o755, 1000, 1000);
    return { victim, plan: planFor(victim, ["0755", 1000, 1000], ["0755", 0, 0]) };
  },
  "a file that took the place of another": (host) => {
    const victim = host.file("new", 0o666);
    const plan = planFor(host.file("passwd", 0o666), ["0666", 0, 0], ["0644", 0, 0]);
    renameSync(victim, join(host.etc, "passwd"));
    return { victim: join(host.etc, "passwd"), plan };
  },
};
for (const [what, prepare] of Object.entries(ATTACKS)) {
  test(`runWarden() gives a compromised mind nothing: ${what}`, async (t) => {
    const host = new Host(t);
    const mind = await FakeMind.connect(t, host);
    const { plan, victim } = prepare(host);
    const before = [look(victim), statSync(victim).ctimeMs];
    const answer = await mind.perform("x1", plan);
    assert.deepEqual([answer.ok, answer.undo], [false, null]);
    assert.deepEqual([look(victim), statSync(victim).ctimeMs], before);
    assert.deepEqual(readdirSync(join(host.folder, "actions")), ["blocks"]);
    assert.equal(await host.told(), "action.failed");
    assert.equal((await mind.undo("x1")).ok, false);
    assert.deepEqual([look(victim), statSync(victim).ctimeMs], before);
  });
}
