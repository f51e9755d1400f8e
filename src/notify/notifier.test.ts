import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SEVERITIES } from "#src/model/severity.ts";
import type { Message, NotifyEvent } from "./message.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import type { NotifyOptions } from "./options.ts";
import { HOUR, MINUTE, SAMPLE, START, TestHost } from "./test-host.mts";
import { type ChannelName, deliveryError, type Transport } from "./transport.ts";

const SECOND = 1000;

/** A way out that keeps what it delivers and fails as it is told. */
class Way implements Transport {
  readonly target = "here";
  readonly delivered: Message[] = [];
  readonly triedAtUnixMs: number[] = [];
  readonly channel: ChannelName;
  fails: (message: Message) => "no" | "now" | "for good" = () => "no";
  onSend: () => void | Promise<void> = () => {};
  now: () => number = () => START;

  constructor(channel: ChannelName) {
    this.channel = channel;
  }

  readonly send = async (message: Message): Promise<string> => {
    this.triedAtUnixMs.push(this.now());
    await this.onSend();
    const failure = this.fails(message);
    if (failure !== "no")
      throw deliveryError(this.target, new Error("out\x1b of order"), { isRefused: failure === "for good" });
    this.delivered.push(message);
    return "done";
  };
}

/** A host whose ways out are watched. */
class Host extends TestHost {
  readonly ways: readonly Way[];

  constructor(ways: readonly Way[], options: Partial<NotifyOptions> = {}, more: Partial<NotifierOptions> = {}) {
    super(options, { transports: ways, ...more });
    this.ways = ways;
    for (const way of ways) way.now = () => this.nowUnixMs;
  }
}

test("Notifier saves what it is told before tell() returns, and a message before it goes out", async () => {
  const mail = new Way("mail");
  const host = new Host([mail]);
  host.tell("new", {});
  assert.match(JSON.stringify(host.saved), /"a17"/);
  let queued = "";
  mail.onSend = () => {
    queued = JSON.stringify(host.saved?.["channels"]);
  };
  await host.pass(MINUTE);
  assert.match(queued, new RegExp(`"queue":\\[\\{.*"id":"${mail.delivered[0]!.id}"`));
  assert.match(JSON.stringify(host.saved?.["channels"]), /"queue":\[\]/);
});

test("Notifier saves once at the end of a turn for many events of it, and never for a higher count", async () => {
  const host = new Host([new Way("mail")]);
  for (let alert = 0; alert < 100; alert++) host.tell("new", { id: `a${alert}` });
  await Promise.resolve();
  assert.equal(host.saves, 2);
  assert.match(JSON.stringify(host.saved), /"a99"/);
  await host.pass(MINUTE);
  const { saves } = host;
  for (let count = 2; count < 100; count++) host.tell("repeat", { id: "a1", count });
  await host.pass(HOUR);
  assert.equal(host.saves, saves);
});

test("Notifier retries a failing channel after 30 s, doubling to 30 min, and says it once", async () => {
  const mail = new Way("mail");
  const host = new Host([mail]);
  mail.fails = () => "now";
  host.tell("new", {});
  await host.pass(4 * HOUR);
  const pauses = mail.triedAtUnixMs.slice(1).map((atUnixMs, index) => (atUnixMs - mail.triedAtUnixMs[index]!) / SECOND);
  assert.deepEqual(pauses.slice(0, 8), [30, 60, 120, 240, 480, 960, 1800, 1800]);
  assert.deepEqual(host.logged, ["notices cannot be delivered"]);
  const [status] = host.notifier.status();
  assert.equal(status?.lastFailure, "Cannot deliver message to here: out\\x1b of order");
  assert.equal(status?.queued, 1);
  assert.ok(status.nextTryAtUnixMs !== null && status.nextTryAtUnixMs > host.nowUnixMs - 30 * MINUTE);
  mail.fails = () => "no";
  await host.pass(HOUR);
  assert.equal(mail.delivered.length, 1);
  assert.deepEqual(host.logged, ["notices cannot be delivered", "notices are delivered again"]);
});

test("Notifier tells the first causes and one summary after a long outage, not everything at once", async () => {
  const mail = new Way("mail");
  const host = new Host([mail]);
  mail.fails = () => "now";
  for (let incident = 0; incident < 300; incident++) {
    host.tell("new", { id: `a${incident}`, incident: `i${incident}` });
    await host.pass(10 * MINUTE);
  }
  assert.equal(host.notifier.status()[0]?.queued, 20);
  mail.fails = () => "no";
  await host.pass(HOUR);
  assert.equal(mail.delivered.length, 20);
  const summary = mail.delivered.at(-1);
  assert.ok(summary?.type === "summary");
  assert.deepEqual([summary.reason, summary.count, summary.alerts, summary.lines.length], ["outage", 281, 281, 50]);
});

test("Notifier does not let one refused message block the others", async () => {
  const mail = new Way("mail");
  const host = new Host([mail]);
  mail.fails = (message) => (message.id.startsWith("i1-") ? "for good" : "no");
  host.tell("new", { id: "a1", incident: "i1" });
  host.tell("new", { id: "a2", incident: "i2" });
  await host.pass(10 * MINUTE);
  assert.deepEqual(
    mail.delivered.map((message) => message.type === "incident" && message.incident),
    ["i2"],
  );
  assert.equal(host.notifier.status()[0]?.queued, 1);
});

test("Notifier tells each channel by itself", async () => {
  const ways = [new Way("mail"), new Way("webhook"), new Way("syslog")];
  const host = new Host(ways);
  ways[0]!.fails = () => "now";
  host.tell("new", {});
  await host.pass(MINUTE);
  assert.deepEqual(
    ways.map(({ delivered }) => delivered.length),
    [0, 1, 1],
  );
  assert.deepEqual(
    host.notifier.status().map(({ channel, isFailing, queued }) => [channel, isFailing, queued]),
    [
      ["mail", true, 1],
      ["webhook", false, 0],
      ["syslog", false, 0],
    ],
  );
});

test("Notifier writes each alert to syslog at once, also the lesser ones, and no drill", async () => {
  const syslog = new Way("syslog");
  const host = new Host([syslog]);
  host.tell("new", { id: "a1", severity: "low" });
  host.tell("new", { id: "a2", severity: "critical" });
  host.tell("repeat", { id: "a2", severity: "critical", count: 2 });
  host.tell("new", { id: "a3", drill: "files" });
  host.tell("closed", { id: "a2", state: "closed" });
  await host.notifier.settled();
  assert.deepEqual(
    syslog.delivered.map((message) => message.type === "line" && `${message.news} ${message.alert.id}`),
    ["new a1", "new a2", "closed a2"],
  );
});

test("Notifier bounds the lines of syslog, and tells how many are missing", async () => {
  const syslog = new Way("syslog");
  const host = new Host([syslog]);
  for (let alert = 0; alert < 2000; alert++) host.tell("new", { id: `a${alert}`, incident: `i${alert}` });
  await host.pass(3 * HOUR);
  assert.ok(syslog.delivered.length <= 300, `${syslog.delivered.length} lines`);
  const summary = syslog.delivered.at(-1);
  assert.ok(summary?.type === "summary");
  assert.equal(summary.alerts, 2000 - (syslog.delivered.length - 1));
});

test("Notifier starts anew with a state that it cannot read, and says so", async () => {
  for (const state of [
    {},
    { version: 2 },
    { version: 1, threads: [], channels: {} },
    { version: 1, threads: { threads: 1 }, channels: [] },
  ]) {
    const mail = new Way("mail");
    const host = new Host([mail], {}, { state });
    assert.deepEqual(host.logged, ["saved notices cannot be read and are forgotten"]);
    host.tell("new", {});
    await host.pass(MINUTE);
    assert.equal(mail.delivered.length, 1);
  }
});

test("Notifier says which notices it drops with a channel that is configured no more", async () => {
  const mail = new Way("mail");
  mail.fails = () => "now";
  const host = new Host([mail]);
  host.tell("new", {});
  await host.pass(MINUTE);
  const other = new Host([new Way("webhook")], {}, { state: host.saved });
  assert.deepEqual(other.logged, ["notices are dropped: their channel is configured no more"]);
});

test("Notifier goes on telling when nothing can be saved, and says so once", async () => {
  const mail = new Way("mail");
  const save = (): void => {
    throw new Error("disk is full");
  };
  const host = new Host([mail], {}, { save });
  host.tell("new", {});
  await host.pass(MINUTE);
  assert.equal(mail.delivered.length, 1);
  assert.deepEqual(host.logged, ["notices cannot be saved"]);
});

test("Notifier ends within its grace when a server hangs, and keeps the message", async () => {
  const mail = new Way("mail");
  mail.onSend = () => new Promise<void>(() => {});
  const host = new Host([mail], { updateEveryMs: 0 }, {});
  host.tell("new", {});
  const passing = host.pass(2 * SECOND);
  await new Promise(setImmediate);
  const ending = host.notifier[Symbol.asyncDispose]();
  void passing;
  // The hanging delivery keeps pass() from going on: the grace is the only timer, and this Host runs it by hand.
  host.fireTimer();
  await ending;
  assert.match(JSON.stringify(host.saved), /"type":"incident"/);
  mail.onSend = () => {};
  host.restart();
  await host.pass(SECOND);
  assert.equal(mail.delivered.length, 1);
});

test("Notifier does not keep the process alive", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const options: NotifierOptions = {
    options: {
      immediateFrom: "low",
      digestEveryMs: HOUR,
      updateEveryMs: HOUR,
      maxPerHour: 1,
      mail: null,
      webhook: null,
      syslog: false,
    },
    host: "host1",
    state: null,
    save: () => resolve(),
    log: { error: () => {}, warn: () => {}, info: () => {} },
    transports: [new Way("mail")],
  };
  await using notifier = new Notifier(options);
  notifier.tell({ type: "new", alert: SAMPLE, atUnixMs: Date.now() });
  await promise;
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
});

const arbitraryMove = fc.record({
  passMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 * SECOND }), fc.integer({ min: 0, max: 3 * HOUR })),
  type: fc.constantFrom<NotifyEvent["type"]>("new", "new", "update", "repeat", "closed", "accepted"),
  alert: fc.integer({ min: 0, max: 40 }),
  severity: fc.constantFrom(...SEVERITIES),
  isDown: fc.boolean(),
  isKilled: fc.boolean(),
});

test("property: with servers that fail and processes that are killed, no message is told twice, and no hour has too many", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryMove, { maxLength: 60, size: "max" }),
      fc.integer({ min: 2, max: 8 }),
      async (moves, maxPerHour) => {
        const way = new Way("mail");
        const host = new Host([way], { maxPerHour, digestEveryMs: 6 * HOUR });
        const deliveredAtUnixMs: number[] = [];
        way.onSend = () => {
          if (way.fails({} as Message) === "no") deliveredAtUnixMs.push(host.nowUnixMs);
        };
        for (const { passMs, type, alert, severity, isDown, isKilled } of moves) {
          way.fails = () => (isDown ? "now" : "no");
          host.tell(type, { id: `a${alert}`, incident: `i${alert % 17}`, severity });
          await host.notifier.settled();
          if (isKilled) host.restart();
          await host.pass(passMs);
        }
        way.fails = () => "no";
        await host.pass(72 * HOUR);
        assert.equal(host.notifier.status()[0]?.queued, 0);
        const ids = way.delivered.map(({ id }) => id);
        assert.deepEqual(ids, [...new Set(ids)]);
        for (const atUnixMs of deliveredAtUnixMs) {
          const inHour = deliveredAtUnixMs.filter((other) => other >= atUnixMs && other < atUnixMs + HOUR);
          assert.ok(inHour.length <= maxPerHour, `${inHour.length} within an hour`);
        }
      },
    ),
    { numRuns: 150 },
  );
});
