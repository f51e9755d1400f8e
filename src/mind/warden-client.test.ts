import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, mock, type TestContext, test } from "node:test";
import { Outbox, writeValue } from "#src/store/outbox.ts";
import { Store, unlessFull } from "#src/store/store.ts";
import { toWarden } from "#src/wire/warden-messages.ts";
import { FakePeer, MALFORMED, makeRunFolder, until } from "./fake-peer.mts";
import { WardenClient } from "./warden-client.ts";

const head = (ref: number) => ({ seq: ref, hash: "0".repeat(64), ref });
const hello = (ref = 0) => ({ t: "hello", pid: 72, journal: head(ref), lastAction: 0 });

/** A client of a fake warden, with its outbox. */
class Bench implements AsyncDisposable {
  readonly #run = makeRunFolder();
  readonly path = join(this.#run.folder, "warden.sock");
  readonly store = Store.open(":memory:", { maxBytes: 1024 * 1024 }).store;
  readonly outbox = new Outbox(this.store);
  readonly said: string[] = [];
  client!: WardenClient;
  #warden: FakePeer | null = null;

  async listen(ref = 0): Promise<FakePeer> {
    this.#warden = await FakePeer.listen(this.path, [hello(ref)]);
    return this.#warden;
  }

  /** A client of a warden that is there. */
  async connect(ref = 0): Promise<FakePeer> {
    const warden = await this.listen(ref);
    this.start();
    await until(() => this.said.includes("connected"));
    return warden;
  }

  start(): void {
    this.client = new WardenClient(this.path, this.outbox, {
      onConnect: () => this.said.push("connected"),
      onLost: (reason) => this.said.push(`lost ${reason ?? ""}`),
      onJournalFailure: (failure) => this.said.push(`journal ${failure ?? "written"}`),
      onFirewall: ({ backend }) => this.said.push(`firewall ${backend}`),
    });
  }

  add(...kinds: readonly string[]): void {
    for (const kind of kinds) this.outbox.add(kind, "garrison", {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client?.[Symbol.dispose]();
    await this.#warden?.[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
    this.#run[Symbol.dispose]();
  }
}

/** The requests that have arrived; each must be one of the table. */
function requests(warden: FakePeer): readonly Record<string, unknown>[] {
  for (const message of warden.received) toWarden(message, "message");
  return warden.received;
}

const refsOf = (request: Record<string, unknown> | undefined) =>
  ((request?.["entries"] ?? []) as { ref: number }[]).map(({ ref }) => ref);

function answer(request: Record<string, unknown> | undefined, given: Record<string, unknown> = {}) {
  return {
    t: "answer",
    id: request?.["id"],
    ok: true,
    undo: null,
    failure: null,
    results: null,
    journal: head(0),
    ...given,
  };
}

function mockTime(context: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
}

describe("WardenClient.drain()", () => {
  test("sends what waits when the warden greets, batch by batch, each behind the answer to the one before", async () => {
    await using bench = new Bench();
    bench.add(...Array.from({ length: 150 }, (_, index) => `k${index}`));
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    assert.deepEqual(
      refsOf(requests(warden)[0]),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    bench.client.drain();
    warden.say(answer(requests(warden)[0]));
    await until(() => warden.received.length === 2);
    assert.equal(bench.outbox.size, 50);
    warden.say(answer(requests(warden)[1], { journal: head(150) }));
    await until(() => bench.outbox.size === 0);
    assert.deepEqual(refsOf(requests(warden)[1]).at(-1), 150);
    assert.deepEqual(bench.said, ["connected", "journal written", "journal written"]);
    assert.equal(bench.client.head?.ref, 150);
    assert.equal(bench.client.pid, 72);
  });

  test("goes on with what came meanwhile", async () => {
    await using bench = new Bench();
    const warden = await bench.connect();
    bench.add("one");
    bench.client.drain();
    bench.add("two");
    bench.client.drain();
    await until(() => warden.received.length === 1);
    warden.say(answer(requests(warden)[0]));
    await until(() => warden.received.length === 2);
    assert.deepEqual(requests(warden).map(refsOf), [[1], [2]]);
  });

  test("sends nothing before the warden has said what the journal has", async () => {
    await using bench = new Bench();
    await using warden = await FakePeer.listen(bench.path, []);
    bench.add("one");
    bench.start();
    await until(() => bench.client.isConnected && warden.isConnected);
    bench.client.drain();
    warden.say(hello(700));
    await until(() => warden.received.length > 0);
    assert.deepEqual(refsOf(requests(warden)[0]), [701]);
  });

  test("sends again what was under way when the link ended, unless the journal has it", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    bench.add("one", "two");
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    await warden[Symbol.asyncDispose]();
    await until(() => bench.said.some((one) => one.startsWith("lost")));
    const next = await bench.listen(1);
    await until(
      () => next.received.length > 0,
      () => mock.timers.tick(1000),
    );
    assert.deepEqual(refsOf(requests(next)[0]), [2]);
  });

  test("keeps what the journal could not take, says so once, and tries again later", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    bench.add("one");
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    warden.say(answer(requests(warden)[0], { ok: false, failure: "Cannot write to the journal" }));
    await until(() => bench.said.includes("journal Cannot write to the journal"));
    bench.client.drain();
    assert.equal(bench.outbox.size, 1);
    await until(
      () => warden.received.length === 2,
      () => mock.timers.tick(5000),
    );
    warden.say(answer(requests(warden).at(-1)));
    await until(() => bench.outbox.size === 0);
    assert.equal(bench.said.at(-1), "journal written");
  });

  test("sends frames that fit, however large the entries are", async () => {
    await using bench = new Bench();
    for (let index = 0; index < 30; index++) bench.outbox.add("big", "garrison", { text: "\u00e9".repeat(12_000) });
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    assert.ok(refsOf(requests(warden)[0]).length < 30);
    assert.ok(refsOf(requests(warden)[0]).length > 20);
  });

  test("goes on when a full store cannot forget what the journal has", async () => {
    await using bench = new Bench();
    bench.add("one");
    const confirm = mock.method(bench.outbox, "confirm", () => {
      throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    });
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    warden.say(answer(requests(warden)[0]));
    await until(() => bench.said.includes("journal written"));
    bench.add("two");
    bench.client.drain();
    await until(() => warden.received.length === 2);
    assert.deepEqual(refsOf(requests(warden)[1]), [2]);
    confirm.mock.restore();
    warden.say(answer(requests(warden)[1]));
    await until(() => bench.outbox.size === 0);
  });

  test("sends nothing to a journal that a full store cannot note the meeting with, until there is room", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    bench.add("one");
    for (let index = 0; unlessFull(() => writeValue(bench.store, `v${index}`, "x".repeat(3000))); index++);
    for (let index = 0; unlessFull(() => writeValue(bench.store, `w${index}`, "x".repeat(10))); index++);
    const warden = await bench.connect(50);
    bench.client.drain();
    assert.equal(warden.received.length, 0);
    bench.store.run("DELETE FROM value");
    await until(
      () => warden.received.length === 1,
      () => mock.timers.tick(5000),
    );
    assert.deepEqual(refsOf(requests(warden)[0]), [51]);
  });
});

describe("WardenClient.perform() and undo()", () => {
  test("give what the warden answers to each of several requests, in any order", async () => {
    await using bench = new Bench();
    const warden = await bench.connect();
    const one = bench.client.perform("x1", "k", { a: 1 }, "admin:root");
    const two = bench.client.undo("x2", "admin:anna");
    await until(() => warden.received.length === 2);
    const [first, second] = requests(warden);
    assert.partialDeepStrictEqual(first, { t: "perform", action: "x1", kind: "k", plan: { a: 1 }, by: "admin:root" });
    assert.partialDeepStrictEqual(second, { t: "undo", action: "x2", by: "admin:anna" });
    warden.say(answer(second), answer(first, { undo: { mode: "0644" } }));
    assert.deepEqual(await one, { mode: "0644" });
    assert.equal(await two, undefined);
  });

  test("fail with the warden's reason", async () => {
    await using bench = new Bench();
    const warden = await bench.connect();
    const one = bench.client.perform("x1", "k", {}, "admin:root");
    await until(() => warden.received.length === 1);
    warden.say(answer(requests(warden)[0], { ok: false, failure: "Cannot perform x1: no" }));
    await assert.rejects(one, { code: "GARRISON_ACTION_FAILED", message: "Cannot perform x1: no" });
  });

  test("fail at once when there is no warden, and when it goes before it has answered", async () => {
    await using bench = new Bench();
    bench.start();
    await assert.rejects(bench.client.perform("x1", "k", {}, "admin:root"), { code: "GARRISON_WARDEN_AWAY" });
    bench.client[Symbol.dispose]();
    const warden = await bench.connect();
    const one = assert.rejects(bench.client.undo("x1", "admin:root"), { code: "GARRISON_WARDEN_AWAY" });
    await until(() => warden.received.length === 1);
    warden.drop();
    await one;
  });

  test("fail when the request does not fit into a frame, and wait for nothing", async () => {
    await using bench = new Bench();
    const warden = await bench.connect();
    const plan = { text: "x".repeat(2 * 1024 * 1024) };
    await assert.rejects(bench.client.perform("x1", "k", plan, "admin:root"), RangeError);
    bench.add("one");
    bench.client.drain();
    await until(() => warden.received.length === 1);
  });

  test("pass over an answer to nothing that was asked", async () => {
    await using bench = new Bench();
    const warden = await bench.connect();
    const one = bench.client.perform("x1", "k", {}, "admin:root");
    await until(() => warden.received.length === 1);
    const [request] = requests(warden);
    warden.say(answer({ id: 999 }), answer(request), answer(request));
    assert.equal(await one, null);
    assert.equal(bench.client.isConnected, true);
  });
});

describe("WardenClient", () => {
  for (const [title, bytes] of Object.entries(MALFORMED)) {
    test(`ends the link on ${title} and says why`, async (context) => {
      mockTime(context);
      await using bench = new Bench();
      const warden = await bench.connect();
      warden.write(bytes);
      await until(() => bench.said.length > 1);
      assert.match(bench.said[1] ?? "", /^lost Cannot accept message/);
      assert.equal(bench.client.isConnected, false);
    });
  }

  test("says nothing of its own end, and leaves no timer", async (context) => {
    mockTime(context);
    await using bench = new Bench();
    bench.add("one");
    const warden = await bench.connect();
    await until(() => warden.received.length === 1);
    warden.say(answer(requests(warden)[0], { ok: false, failure: "full" }));
    await until(() => bench.said.includes("journal full"));
    bench.client[Symbol.dispose]();
    await until(() => !warden.isConnected);
    mock.timers.tick(100_000);
    assert.deepEqual(bench.said, ["connected", "journal full"]);
    assert.equal(warden.connections, 1);
  });
});
