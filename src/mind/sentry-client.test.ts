import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, mock, type TestContext, test } from "node:test";
import { census, present, START } from "#src/judge/test-host.mts";
import { FakePeer, MALFORMED, makeRunFolder, until } from "./fake-peer.mts";
import { SentryClient, type SentryHandlers } from "./sentry-client.ts";

const HELLO = { t: "hello", boot: "b1", pid: 71 };
const STATUS = { t: "status", ready: "yes", memoryBytes: 1, cpuMs: 2, sensors: [] };
const facts = (seq: number) => ({ t: "facts", seq, items: [present(`k${seq}`, START), census([], START)] });

/** A client of a fake sentry, with all that it was told. */
class Bench implements AsyncDisposable {
  readonly #run = makeRunFolder();
  readonly path = join(this.#run.folder, "sentry.sock");
  readonly said: string[] = [];
  isStored = true;
  client!: SentryClient;

  connect(): void {
    const handlers: SentryHandlers = {
      onFacts: (boot, seq, items) => {
        this.said.push(`facts ${boot} ${seq} ${items.length}`);
        return this.isStored;
      },
      onStatus: ({ pid, isReady }) => this.said.push(`status ${pid} ${isReady}`),
      onDropped: (count) => this.said.push(`dropped ${count}`),
      onLost: (reason) => this.said.push(`lost ${reason ?? ""}`),
    };
    this.client = new SentryClient(this.path, handlers);
  }

  /** Waits for so many sayings; the time of a retry has always come. */
  async heard(count: number): Promise<void> {
    await until(
      () => this.said.length >= count,
      () => mock.timers.tick(1000),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client?.[Symbol.dispose]();
    this.#run[Symbol.dispose]();
  }
}

function mockTime(context: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
}

describe("SentryClient", () => {
  test("acknowledges facts once they are stored, and not before", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    await using sentry = await FakePeer.listen(bench.path, [HELLO]);
    bench.connect();
    await until(() => bench.client.isConnected);
    sentry.say(facts(1));
    await bench.heard(1);
    await until(() => sentry.received.length === 1);
    bench.isStored = false;
    sentry.say(facts(2), STATUS, { t: "dropped", count: 9 });
    await bench.heard(4);
    bench.client.acknowledge("b0", 2);
    bench.client.acknowledge("b1", 2);
    bench.client.askStatus();
    await until(() => sentry.received.length === 3);
    assert.deepEqual(sentry.received, [{ t: "ack", seq: 1 }, { t: "ack", seq: 2 }, { t: "status" }]);
    assert.deepEqual(bench.said, ["facts b1 1 2", "facts b1 2 2", "status 71 true", "dropped 9"]);
  });

  test("waits for a sentry that is not there yet, and connects again to one that was started again", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    bench.connect();
    bench.client.askStatus();
    await using sentry = await FakePeer.listen(bench.path, [HELLO, facts(1)]);
    await bench.heard(1);
    sentry.drop();
    await bench.heard(3);
    assert.deepEqual([bench.said[0], bench.said[2]], ["facts b1 1 2", "facts b1 1 2"]);
    assert.match(bench.said[1] ?? "", /^lost/);
    assert.equal(sentry.connections, 2);
    await until(() => sentry.received.some(({ t }) => t === "ack"));
  });

  test("connects again at once, then ever later, and never less often than each second", async (context) => {
    const delays: (number | undefined)[] = [];
    const run = ((callback: () => void, delayMs?: number) => {
      delays.push(delayMs);
      setImmediate(callback);
    }) as unknown as typeof setTimeout;
    context.mock.method(globalThis, "setTimeout", run);
    await using bench = new Bench();
    await using sentry = await FakePeer.listen(bench.path, [HELLO, { t: "shutdown" }]);
    bench.connect();
    await until(() => sentry.connections === 9);
    assert.deepEqual(delays.slice(0, 8), [50, 100, 200, 400, 800, 1000, 1000, 1000]);
  });

  for (const [title, bytes] of Object.entries(MALFORMED)) {
    test(`ends the link on ${title}, says why, and hears nothing behind it`, async (context) => {
      mockTime(context);
      await using bench = new Bench();
      await using sentry = await FakePeer.listen(bench.path, [HELLO]);
      bench.connect();
      await until(() => sentry.isConnected && bench.client.isConnected);
      sentry.write(bytes);
      sentry.say(facts(1));
      await until(() => bench.said.length > 0);
      assert.match(bench.said[0] ?? "", /^lost Cannot accept message/);
      assert.equal(bench.said.length, 1);
      assert.equal(bench.client.isConnected, false);
    });
  }

  const FORBIDDEN: Readonly<Record<string, unknown>> = {
    "facts before hello": facts(1),
    "a fact with another field": { ...facts(1), items: [{ ...present("k", START), extra: 1 }] },
    "a fact at no time": { ...facts(1), items: [{ ...present("k", START), atUnixMs: Number.MAX_SAFE_INTEGER }] },
    "a message of the mind": { t: "ack", seq: 1 },
  };
  for (const [title, message] of Object.entries(FORBIDDEN)) {
    test(`ends the link on ${title}`, async (context) => {
      mockTime(context);
      await using bench = new Bench();
      await using _sentry = await FakePeer.listen(
        bench.path,
        title.startsWith("facts before") ? [message] : [HELLO, message],
      );
      bench.connect();
      await until(() => bench.said.length > 0);
      assert.match(bench.said[0] ?? "", /^lost Cannot accept message/);
    });
  }

  test("says nothing of its own end", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    await using sentry = await FakePeer.listen(bench.path, [HELLO]);
    bench.connect();
    await until(() => sentry.isConnected);
    bench.client[Symbol.dispose]();
    await until(() => !sentry.isConnected);
    mock.timers.tick(10_000);
    await until(() => !bench.client.isConnected);
    assert.deepEqual(bench.said, []);
    assert.equal(sentry.connections, 1);
  });
});
