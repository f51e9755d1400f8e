import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { checkAlert } from "#src/cli/alert-text.ts";
import { ask, askAll } from "#src/cli/client.ts";
import { checkStatus } from "#src/cli/status-text.ts";
import {
  actor,
  census,
  DAY,
  file,
  HOUR,
  listAlerts,
  listener,
  plainFacts,
  present,
  read,
  secret,
} from "#src/judge/test-host.mts";
import { toRawPath } from "#src/lib/raw-path.ts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import { POLICY } from "#src/logs/decide/test-hits.mts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { Fact } from "#src/model/observation.ts";
import type { MindSettings } from "#src/processes/settings.ts";
import type { ToMind } from "#src/wire/cli-messages.ts";
import { FakePeer, makeRunFolder, until } from "./fake-peer.mts";
import { loadFacts } from "./load-facts.ts";
import { Mind } from "./mind.ts";

const NOW = Date.now();
const ALL = { t: "alerts", state: null, severity: null, kind: null, sinceUnixMs: null, limit: 100 } as const;
const sensorStatus = {
  name: "files",
  state: "watching",
  sees: ["x"],
  blindTo: [],
  restarts: 0,
  failure: null,
  counts: [],
};
const STATUS = { t: "status", ready: "yes", memoryBytes: 1, cpuMs: 2, sensors: [sensorStatus] };
const HELLO = { t: "hello", boot: "b1", pid: 71 };
const head = { seq: 0, hash: "0".repeat(64), ref: 0 };

/** A mind between a fake sentry and a fake warden, and commands that talk to it. */
class Bench implements AsyncDisposable {
  readonly #run = makeRunFolder();
  readonly socket = join(this.#run.folder, "garrison.sock");
  readonly stateFolder = join(this.#run.folder, "state");
  readonly logged: string[] = [];
  sentry!: FakePeer;
  warden!: FakePeer;
  mind!: Mind;
  #seq = 0;

  static async start(given: Partial<MindSettings> = {}): Promise<Bench> {
    const bench = new Bench();
    mkdirSync(bench.stateFolder);
    bench.sentry = await FakePeer.listen(join(bench.#run.folder, "sentry.sock"), [HELLO, STATUS]);
    bench.warden = await FakePeer.listen(join(bench.#run.folder, "warden.sock"), [
      { t: "hello", pid: 72, journal: head, lastAction: 0 },
    ]);
    await bench.startMind(given);
    return bench;
  }

  async startMind(given: Partial<MindSettings> = {}): Promise<void> {
    const settings: MindSettings = {
      host: "web1",
      version: "0.1.0",
      stateFolder: this.stateFolder,
      sentrySocket: join(this.#run.folder, "sentry.sock"),
      wardenSocket: join(this.#run.folder, "warden.sock"),
      logsSocket: join(this.#run.folder, "logs.sock"),
      learnMs: 0,
      acceptForMs: 0,
      sensors: ["listeners", "files", "secrets"],
      canaries: { file: "/canary/f\u00fcr", secret: "/canary/geh\u00e9im" },
      store: { maxBytes: 64 * 1024 * 1024, keepAlertsMs: 90 * DAY },
      notify: null,
      levels: { limits: [] },
      logs: null,
      blocks: { mode: "observe", allow: [], proxies: [], policy: POLICY, lists: [] },
      effectiveConfig: "learn: 24h\n",
      configSource: "defaults",
      isRoot: true,
      ...given,
    };
    const log = (message: string, fields: JsonObject = {}) => this.logged.push(`${message} ${JSON.stringify(fields)}`);
    const child = {
      settings,
      listenFd: listenUnix(this.socket, 0),
      log: { error: log, warn: log, info: log },
      onStop: () => undefined,
    };
    this.mind = new Mind(child, new Map([...(await loadFacts(settings.sensors)), ["plain", plainFacts]]));
    await this.mind.start();
    await until(() => this.mind.isWatching);
  }

  /** Facts from the sentry; comes back when they are acknowledged. */
  async take(...items: readonly Fact[]): Promise<void> {
    const seq = ++this.#seq;
    this.sentry.say({ t: "facts", seq, items });
    await until(() => this.sentry.received.some((message) => message["t"] === "ack" && message["seq"] === seq));
  }

  ask(request: ToMind): Promise<readonly Json[]> {
    return askAll(this.socket, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mind.stop();
    await this.sentry[Symbol.asyncDispose]();
    await this.warden[Symbol.asyncDispose]();
    this.#run[Symbol.dispose]();
  }
}

/** A command that stays connected, with what it is told. */
function follow(bench: Bench, request: ToMind) {
  const ending = new AbortController();
  const items: JsonObject[] = [];
  const ended = ask(bench.socket, request, (item) => items.push(item as JsonObject), { signal: ending.signal });
  return {
    items,
    end: async () => {
      ending.abort();
      await ended;
    },
  };
}

const idsOf = (items: readonly Json[]) => items.map((item) => (item as JsonObject)["id"]);

describe("the mind answers", () => {
  test("status, with what the sentry says of itself", async () => {
    await using bench = await Bench.start();
    const [answer] = await bench.ask({ t: "status" });
    const status = checkStatus(answer, "status");
    assert.partialDeepStrictEqual(status, { host: "web1", watching: true, openAlerts: 0, store: { state: "kept" } });
    assert.deepEqual(
      status.processes.map(({ name, pid, state }) => [name, pid, state]),
      [
        ["sentry", 71, "running"],
        ["warden", 72, "running"],
        ["mind", process.pid, "running"],
      ],
    );
  });

  test("alerts, oldest first, by state", async () => {
    await using bench = await Bench.start();
    await bench.take(present("a", NOW), present("b", NOW + 1));
    assert.deepEqual(idsOf(await bench.ask(ALL)), ["a1", "a2"]);
    assert.deepEqual(idsOf(await bench.ask({ ...ALL, limit: 1 })), ["a2"]);
    await bench.ask({ t: "accept", alert: "a1", forMs: null });
    assert.deepEqual(idsOf(await bench.ask({ ...ALL, state: "open" })), ["a2"]);
    for (const item of await bench.ask(ALL)) checkAlert(item, "alert");
  });

  test("thousands of alerts, more than a socket holds", async () => {
    await using bench = await Bench.start();
    const facts = { text: "x".repeat(2000) };
    for (let batch = 0; batch < 6; batch++) {
      await bench.take(...Array.from({ length: 400 }, (_, index) => present(`${batch} ${index}`, NOW, { facts })));
    }
    assert.equal((await bench.ask({ ...ALL, limit: 10_000 })).length, 2400);
  });

  test("one alert with the others of its incident, in one frame, whatever was in them", async () => {
    await using bench = await Bench.start();
    const who = actor(9, "/usr/bin/python3");
    const path = "/\x1b".repeat(2000);
    for (let index = 0; index < 80; index++) {
      const subject = { type: "file", path, pathBase64: "x".repeat(9000) } as const;
      await bench.take(present(`p${index}`, NOW, { who, subject, facts: { text: "\u0001".repeat(20_000) } }));
    }
    const [answer] = await bench.ask({ t: "explain", alert: "a80" });
    const { alert, incident } = answer as { alert: JsonObject; incident: JsonObject[] };
    assert.equal(alert["id"], "a80");
    assert.ok(incident.length > 5 && incident.length <= 50, `${incident.length}`);
    for (const other of incident) assert.equal(checkAlert(other, "other").incident, alert["incident"]);
  });

  test("what is ordinary, in words, without the content of files", async () => {
    await using bench = await Bench.start({ learnMs: DAY });
    await bench.take(
      file("/etc/hosts", { text: "127.0.0.1 localhost\n" }, NOW),
      census(["/etc/hosts"], NOW, "files", "/etc/hosts"),
      listener("/usr/sbin/sshd", 22, NOW, { scanned: true }),
      secret("/canary/x", true, NOW),
      read(toRawPath("/canary/geh\u00e9im"), "/bin/cat", NOW),
    );
    const items = (await bench.ask({ t: "ordinary", sensor: null })) as JsonObject[];
    const texts = items.map(({ sensor, type, text }) => `${sensor} ${type} ${text}`);
    assert.match(texts[0] ?? "", /^listeners group still learning: known for/);
    assert.ok(texts.includes("files group listed: whatever comes or changes is an alert"));
    assert.ok(
      texts.some((text) => text.startsWith("secrets group learnt:")),
      "a canary is never learnt",
    );
    assert.ok(texts.some((text) => text.startsWith("files record /etc/hosts: ")));
    assert.doesNotMatch(JSON.stringify(items), /localhost/);
    const listeners = (await bench.ask({ t: "ordinary", sensor: "listeners" })) as JsonObject[];
    assert.deepEqual(
      listeners.map(({ sensor, type }) => `${sensor} ${type}`),
      ["listeners group", "listeners member"],
    );
  });

  test("what it cannot, with the command's mistakes told apart", async () => {
    await using bench = await Bench.start();
    const cases: readonly [ToMind, string, boolean][] = [
      [{ t: "explain", alert: "a1" }, "GARRISON_NO_SUCH_ALERT", true],
      [{ t: "accept", alert: "x1", forMs: null }, "GARRISON_NO_SUCH_ALERT", true],
      [{ t: "ordinary", sensor: "constructor" }, "GARRISON_NO_SUCH_SENSOR", true],
      [{ t: "undo", action: "a1" }, "GARRISON_NO_SUCH_ACTION", true],
      [{ t: "act", kind: "x", alert: "a1", forMs: 0 }, "GARRISON_NO_SUCH_ALERT", true],
      [{ t: "notify-test" }, "GARRISON_NOBODY_TO_TELL", false],
    ];
    for (const [request, code, isUse] of cases) await assert.rejects(bench.ask(request), { code, isUse }, code);
  });

  test("accept, in the name of who asks by the kernel, for as long as the configuration says", async () => {
    await using bench = await Bench.start({ acceptForMs: HOUR });
    await bench.take(present("a", NOW));
    const [alert] = await bench.ask({ t: "accept", alert: "a1", forMs: null });
    assert.partialDeepStrictEqual(alert, { id: "a1", state: "accepted" });
    assert.ok(Math.abs((bench.mind.alerts.nextExpiryUnixMs() ?? 0) - Date.now() - HOUR) < 60_000);
    const entry = bench.warden.received
      .flatMap(({ entries }) => entries as JsonObject[])
      .find(({ kind }) => kind === "accept");
    const waiting = bench.mind.outbox.after(0, 100).find(({ kind }) => kind === "accept");
    assert.match(String((entry ?? waiting)?.["by"]), /^admin:./);
  });

  test("watch, with the alerts that were missed and all that happens then", async () => {
    await using bench = await Bench.start();
    await bench.take(present("a", NOW), present("b", NOW));
    const watching = follow(bench, { t: "watch", afterAlert: 1, sinceUnixMs: null });
    await until(() => watching.items.length === 3);
    await bench.take(present("c", NOW));
    await until(() => watching.items.length === 4);
    const events = watching.items.map(
      ({ event, alert }) => `${event} ${(alert as JsonObject | undefined)?.["id"] ?? ""}`,
    );
    assert.deepEqual(events, ["status ", "watching ", "alert a2", "alert a3"]);
    await watching.end();
  });

  test("watch, though thousands of alerts were missed", async () => {
    await using bench = await Bench.start();
    const facts = { text: "x".repeat(4000) };
    for (let batch = 0; batch < 15; batch++) {
      await bench.take(...Array.from({ length: 100 }, (_, index) => present(`${batch} ${index}`, NOW, { facts })));
    }
    const watching = follow(bench, { t: "watch", afterAlert: 0, sinceUnixMs: null });
    await until(() => watching.items.length === 1502);
    await watching.end();
  });

  test("drill, with the alerts that it stages, and closes them when the command goes", async () => {
    await using bench = await Bench.start();
    const subject = listener("/usr/bin/node", 4444, NOW).subject;
    const drill = follow(bench, { t: "drill", name: "listener-4444", subject, pid: 77 });
    await until(() => drill.items.length === 1);
    await bench.take(
      present("a", NOW),
      listener("/usr/bin/node", 4444, Date.now(), { who: actor(77, "/usr/bin/node") }),
    );
    await until(() => drill.items.length === 2);
    assert.deepEqual(drill.items[0], { ready: true });
    assert.partialDeepStrictEqual(drill.items[1], {
      type: "new",
      alert: { kind: "listener.new", drill: "listener-4444" },
    });
    await drill.end();
    await until(() => bench.mind.alerts.get("a2")?.state === "closed");
    assert.equal(bench.mind.alerts.get("a1")?.state, "open");
  });

  test("act and undo, by way of the warden", async () => {
    await using bench = await Bench.start();
    await bench.take(file("/etc/x", {}, NOW), census(["/etc/x"], NOW, "files", "/etc/x"));
    await bench.take(file("/etc/x", { mode: "0666" }, NOW + 1));
    const answerTo = async (t: string, given: JsonObject = {}) => {
      const isAsked = (message: Record<string, unknown>) => message["t"] === t;
      await until(() => bench.warden.received.some(isAsked));
      const { id } = bench.warden.received.find(isAsked) ?? {};
      bench.warden.say({
        t: "answer",
        id,
        ok: true,
        undo: null,
        failure: null,
        results: null,
        journal: head,
        ...given,
      });
    };
    const acted = bench.ask({ t: "act", kind: "restore-file-attributes", alert: "a1", forMs: 0 });
    await answerTo("perform", { undo: { mode: "0666" } });
    assert.partialDeepStrictEqual((await acted)[0], { id: "x1", state: "done", undo: { mode: "0666" } });
    const undone = bench.ask({ t: "undo", action: "x1" });
    await answerTo("undo");
    assert.partialDeepStrictEqual((await undone)[0], { id: "x1", state: "undone" });
    await assert.rejects(bench.ask({ t: "undo", action: "x1" }), { code: "GARRISON_NOT_DONE" });
    assert.deepEqual(idsOf(await bench.ask({ t: "actions", limit: 10 })), ["x1"]);
  });

  test("doctor, with the configuration in force", async () => {
    await using bench = await Bench.start();
    assert.partialDeepStrictEqual((await bench.ask({ t: "doctor" }))[0], {
      config: "learn: 24h\n",
      source: "defaults",
    });
  });
});

describe("the mind", () => {
  test("started again, passes over facts that it has stored, and knows what it knew", async () => {
    await using bench = await Bench.start();
    await bench.take(present("a", NOW));
    await bench.mind.stop();
    await bench.startMind();
    bench.sentry.say({ t: "facts", seq: 1, items: [present("a", NOW)] });
    await bench.take(present("b", NOW));
    const alerts = (await bench.ask(ALL)) as JsonObject[];
    assert.deepEqual(
      alerts.map(({ id, count }) => [id, count]),
      [
        ["a1", 1],
        ["a2", 1],
      ],
    );
  });

  test("started again, closes the alerts of a drill that it was killed in", async () => {
    await using bench = await Bench.start();
    const { mind } = bench;
    const observation = present("a", NOW, { who: actor(7, "/usr/bin/node") });
    mind.drills.begin({ name: "d", subject: observation.subject, pid: 7 }, NOW);
    await bench.take(observation, present("b", NOW, { who: actor(8, "/usr/bin/node") }));
    await mind.stop();
    await bench.startMind();
    assert.deepEqual(
      listAlerts(bench.mind.alerts, { limit: 9, state: "closed" }).map(({ drill }) => drill),
      ["d"],
    );
    assert.equal(bench.mind.alerts.countOpen(), 1);
  });

  test("does not take the reader of a canary for an ordinary one, whatever letters are in its path", async () => {
    await using bench = await Bench.start({ learnMs: DAY });
    await bench.take(
      read(toRawPath("/canary/geh\u00e9im"), "/bin/cat", NOW),
      read("/etc/shadow", "/usr/sbin/cron", NOW),
    );
    assert.deepEqual(
      listAlerts(bench.mind.alerts, { limit: 9 }).map(({ subject }) => subject),
      [{ type: "file", path: "/canary/geh\u00e9im" }],
    );
  });

  test("goes on behind a fact that cannot be judged, logs it and journals it", async () => {
    await using bench = await Bench.start();
    const judge = mock.method(plainFacts, "judge", () => {
      throw new RangeError("Invalid time value");
    });
    await bench.take(present("poison", NOW), listener("/usr/bin/nc", 5000, NOW));
    judge.mock.restore();
    assert.deepEqual(
      listAlerts(bench.mind.alerts, { limit: 9 }).map(({ kind }) => kind),
      ["listener.new"],
    );
    assert.ok(bench.logged.some((line) => line.startsWith("a fact could not be judged")));
    const journaled = bench.warden.received.flatMap(({ entries }) => (entries ?? []) as JsonObject[]);
    assert.ok([...journaled, ...bench.mind.outbox.after(0, 100)].some(({ kind }) => kind === "fact.failed"));
  });

  test("journals once that the sentry is away, however often its link is refused", async (context) => {
    await using bench = await Bench.start();
    context.mock.method(globalThis, "setTimeout", ((run: () => void) =>
      setImmediate(run)) as unknown as typeof setTimeout);
    const refused = () => bench.logged.filter((line) => line.startsWith("the sentry is away")).length;
    for (let round = 1; round <= 5; round++) {
      await until(() => bench.sentry.connections === round);
      bench.sentry.say({ t: "shutdown" });
      await until(() => refused() >= round);
    }
    const journaled = bench.warden.received.flatMap(({ entries }) => (entries ?? []) as JsonObject[]);
    const losses = [...journaled, ...bench.mind.outbox.after(0, 100)].filter(({ kind }) => kind === "sentry.lost");
    assert.equal(new Set(losses.map(({ ref }) => ref)).size, 1);
  });

  test("tells a watcher what to expect of a store that is full, and that it is not any more", async () => {
    await using bench = await Bench.start({ store: { maxBytes: 1024 * 1024, keepAlertsMs: DAY } });
    const { store } = bench.mind;
    const facts = { text: "x".repeat(9000) };
    store.run("CREATE TABLE ballast (bytes BLOB)");
    for (let size = 65_536; size > 16; ) {
      try {
        store.run("INSERT INTO ballast VALUES (zeroblob(?))", size);
      } catch {
        size /= 2;
      }
    }
    bench.sentry.say({ t: "facts", seq: 1, items: [present("a", NOW, { facts })] });
    const watching = follow(bench, { t: "watch", afterAlert: null, sinceUnixMs: null });
    await until(() => bench.logged.some((line) => line.startsWith("the store is full")));
    await until(() => watching.items.length >= 2);
    const [answer] = await bench.ask({ t: "status" });
    assert.match(checkStatus(answer, "status").store.state, /^full: alerts are told but not kept/);
    bench.sentry.say({ t: "facts", seq: 2, items: [present("b", NOW, { facts })] });
    await until(() => watching.items.some(({ type }) => type === "new"));
    await assert.rejects(bench.ask({ t: "accept", alert: "a1", forMs: null }));
    store.run("DELETE FROM ballast");
    await until(() => bench.sentry.received.some((message) => message["seq"] === 2));
    assert.deepEqual(idsOf(await bench.ask(ALL)), ["a1", "a2"]);
    await until(() =>
      watching.items.some(({ event, store: state }) => event === "status" && (state as JsonObject)["state"] === "kept"),
    );
    await watching.end();
  });

  test("makes room of what is over before it forgets what is open", async () => {
    await using bench = await Bench.start({ store: { maxBytes: 1024 * 1024, keepAlertsMs: DAY } });
    const facts = { text: "x".repeat(6000) };
    const who = actor(9, "/usr/bin/x");
    for (let index = 0; index < 200; index++) {
      await bench.take(present(`k${index}`, NOW + index, { facts, who }), {
        ...present(`k${index}`, NOW + index),
        type: "absent",
      });
      await bench.take(listener("/usr/bin/nc", 5000 + index, NOW));
    }
    assert.equal((await bench.ask({ ...ALL, kind: "listener.new", limit: 1000 })).length, 200);
    assert.ok(bench.logged.some((line) => line.startsWith("old alerts were forgotten")));
    assert.ok(!bench.logged.some((line) => line.startsWith("the store is full")));
  });

  test("says that a damaged store was set aside, and begins anew", async () => {
    await using bench = await Bench.start();
    await bench.mind.stop();
    writeFileSync(join(bench.stateFolder, "store.db"), "x".repeat(10_000));
    await bench.startMind();
    assert.ok(bench.logged.some((line) => line.startsWith("the store was damaged")));
    await bench.take(present("a", NOW));
  });
});

test("the mind starts on a disk that is full, and tells", { skip: process.getuid?.() !== 0 }, async () => {
  await using bench = await Bench.start();
  await bench.mind.stop();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", bench.stateFolder]);
  try {
    await bench.startMind();
    await bench.mind.stop();
    try {
      writeFileSync(join(bench.stateFolder, "ballast"), Buffer.alloc(2 * 1024 * 1024));
    } catch {
      // As much as there was room for.
    }
    await bench.startMind();
    const watching = follow(bench, { t: "watch", afterAlert: null, sinceUnixMs: null });
    await until(() => watching.items.length >= 2);
    bench.sentry.say({ t: "facts", seq: 50, items: [present("a", NOW)] });
    await until(() => watching.items.some(({ type }) => type === "new"));
    await watching.end();
    await bench.mind.stop();
  } finally {
    execFileSync("umount", ["-l", bench.stateFolder]);
  }
  await bench.startMind();
});
