import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { GarrisonError } from "#src/lib/errors.ts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import { fromMind } from "#src/wire/cli-messages.ts";
import { MALFORMED, makeRunFolder, until } from "./fake-peer.mts";
import { type Answerer, CommandServer, type Conversation } from "./server.ts";

/** A server on a socket of its own, and commands that talk to it. */
class Bench implements AsyncDisposable {
  readonly #run = makeRunFolder();
  readonly #path = join(this.#run.folder, "garrison.sock");
  readonly server: CommandServer;
  readonly conversations: Conversation[] = [];

  constructor(answer: Answerer = async () => undefined) {
    this.server = new CommandServer(listenUnix(this.#path, 0), (conversation) => {
      this.conversations.push(conversation);
      return answer(conversation);
    });
  }

  async connect(): Promise<Command> {
    const socket = connect(this.#path);
    await once(socket, "connect");
    return new Command(socket);
  }

  async ask(...messages: readonly unknown[]): Promise<Command> {
    const command = await this.connect();
    for (const message of messages) command.socket.write(`${JSON.stringify(message)}\n`);
    return command;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server[Symbol.dispose]();
    this.#run[Symbol.dispose]();
  }
}

class Command {
  readonly socket: Socket;
  #text = "";
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      this.#text += text;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  get answers() {
    return this.#text
      .split("\n")
      .slice(0, -1)
      .map((line) => fromMind(JSON.parse(line), "answer"));
  }

  /** What was answered until the connection ended. */
  async ended() {
    await until(() => this.isClosed);
    return this.answers;
  }
}

const STATUS = { t: "status" };
const never = () => new Promise<void>(() => undefined);

describe("CommandServer", () => {
  test("answers with items and an end, and then closes the connection", async () => {
    await using bench = new Bench(async ({ send, sendAll, request }) => {
      send({ asked: request.t });
      await sendAll([1, 2]);
    });
    const command = await bench.ask(STATUS);
    assert.deepEqual(await command.ended(), [
      { t: "item", value: { asked: "status" } },
      { t: "item", value: 1 },
      { t: "item", value: 2 },
      { t: "end" },
    ]);
  });

  test("knows who asks from the kernel", async () => {
    await using bench = new Bench();
    await (await bench.ask(STATUS)).ended();
    assert.equal(bench.conversations[0]?.uid, process.getuid?.());
  });

  test("answers an error with its code, and says whether typing something else mends it", async () => {
    const errors: Error[] = [
      new GarrisonError("GARRISON_NO_SUCH_ALERT", "Cannot find alert"),
      new GarrisonError("GARRISON_STORE_FULL", "Cannot keep a change", { cause: new Error("disk full") }),
      new TypeError("x".repeat(10_000)),
    ];
    await using bench = new Bench(async () => {
      throw errors.shift();
    });
    const answers = await Promise.all([1, 2, 3].map(async () => (await bench.ask(STATUS)).ended()));
    const [first, second, third] = answers.flat().map((one) => (one.t === "error" ? one : null));
    assert.deepEqual(first, { t: "error", code: "GARRISON_NO_SUCH_ALERT", message: "Cannot find alert", isUse: true });
    assert.partialDeepStrictEqual(second, { message: "Cannot keep a change: disk full", isUse: false });
    assert.partialDeepStrictEqual(third, { code: "GARRISON_INTERNAL", isUse: false });
    assert.equal(third?.message.length, 4000);
  });

  for (const [title, bytes] of Object.entries(MALFORMED)) {
    test(`ends the connection on ${title}, without an answer`, async () => {
      await using bench = new Bench();
      const command = await bench.connect();
      command.socket.write(bytes);
      assert.deepEqual(await command.ended(), []);
      assert.equal(bench.conversations.length, 0);
    });
  }

  const FORBIDDEN: readonly Record<string, unknown>[] = [
    { t: "status", extra: 1 },
    { t: "watch" },
    { t: "watch", afterAlert: -1, sinceUnixMs: null },
    { t: "alerts", state: "open", severity: null, kind: null, sinceUnixMs: null, limit: 0 },
    { t: "alerts", state: "open", severity: null, kind: null, sinceUnixMs: null, limit: 100_000 },
    { t: "alerts", state: "gone", severity: null, kind: null, sinceUnixMs: null, limit: 1 },
    { t: "explain", alert: "a".repeat(33) },
    { t: "accept", alert: "a1", forMs: 400 * 86_400_000 + 1 },
    { t: "accept", alert: "a1", forMs: null, by: "admin:root" },
    { t: "act", kind: "x", alert: ["a1"], forMs: 0 },
    { t: "undo", action: 1 },
    { t: "drill", name: "d", subject: { type: "file" }, pid: 1 },
    { t: "drill", name: "d", subject: { type: "file", path: "/x" }, pid: 0 },
    { t: "end" },
    { t: "record", id: 1, entries: [] },
  ];
  for (const request of FORBIDDEN) {
    test(`ends the connection on ${JSON.stringify(request).slice(0, 80)}`, async () => {
      await using bench = new Bench();
      const command = await bench.ask(request);
      assert.deepEqual(await command.ended(), []);
      assert.equal(bench.conversations.length, 0);
    });
  }

  test("ends the connection on a second request, and tells the first that it is over", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS);
    await until(() => bench.conversations.length === 1);
    let isClosed = false;
    bench.conversations[0]?.onClose(() => {
      isClosed = true;
    });
    command.socket.write(`${JSON.stringify(STATUS)}\n`);
    assert.deepEqual(await command.ended(), []);
    assert.equal(isClosed, true);
    assert.equal(bench.conversations.length, 1);
  });

  test("ends the connection on two requests in one piece", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS, STATUS);
    assert.deepEqual(await command.ended(), []);
  });

  test("tells at once that the command has gone to whoever asks too late", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS);
    await until(() => bench.conversations.length === 1);
    const [conversation] = bench.conversations;
    const { promise, resolve } = Promise.withResolvers<void>();
    conversation?.onClose(resolve);
    command.socket.destroy();
    await promise;
    let isTold = false;
    conversation?.onClose(() => {
      isTold = true;
    });
    assert.equal(isTold, true);
    conversation?.send("to nobody");
    await conversation?.sendAll(["to nobody"]);
  });

  test("drops a command that watches and does not read", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS);
    command.socket.pause();
    await until(() => bench.conversations.length === 1);
    const [conversation] = bench.conversations;
    let isDropped = false;
    conversation?.onClose(() => {
      isDropped = true;
    });
    for (let index = 0; index < 200 && !isDropped; index++) conversation?.send("x".repeat(100_000));
    assert.equal(isDropped, true);
  });

  test("drops a watching command rather than leave out what is longer than a frame", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS);
    await until(() => bench.conversations.length === 1);
    bench.conversations[0]?.send("x".repeat(2 * 1024 * 1024));
    await command.ended();
  });

  test("sends a list of any length to a command that reads slowly", async () => {
    const items = function* () {
      for (let index = 0; index < 400; index++) yield `${index} ${"x".repeat(100_000)}`;
    };
    await using bench = new Bench(({ sendAll }) => sendAll(items()));
    const command = await bench.ask(STATUS);
    command.socket.pause();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    command.socket.resume();
    const answers = await command.ended();
    assert.equal(answers.length, 401);
    assert.deepEqual(answers.at(-1), { t: "end" });
  });

  test("drops a command that does not read its list for ten seconds, and does not read on itself", async (context) => {
    mock.timers.enable({ apis: ["setTimeout"] });
    context.after(() => mock.timers.reset());
    let given = 0;
    const items = function* () {
      for (let index = 0; index < 1000; index++) {
        given++;
        yield "x".repeat(100_000);
      }
    };
    await using bench = new Bench(({ sendAll }) => sendAll(items()));
    const command = await bench.ask(STATUS);
    command.socket.pause();
    await until(() => given > 0);
    const before = given;
    assert.ok(before < 1000);
    let isGone = false;
    bench.conversations[0]?.onClose(() => {
      isGone = true;
    });
    mock.timers.tick(9999);
    assert.equal(isGone, false);
    mock.timers.tick(1);
    await until(() => isGone);
    assert.ok(given <= before + 1, `${given}`);
  });

  test("drops a connection that asks nothing for ten seconds, and leaves one that has asked", async (context) => {
    mock.timers.enable({ apis: ["setTimeout"] });
    context.after(() => mock.timers.reset());
    await using bench = new Bench(never);
    const silent = await bench.connect();
    const asking = await bench.ask(STATUS);
    await until(() => bench.conversations.length === 1);
    mock.timers.tick(10_000);
    assert.deepEqual(await silent.ended(), []);
    assert.equal(asking.isClosed, false);
  });

  test("ends all connections when it is disposed", async () => {
    await using bench = new Bench(never);
    const command = await bench.ask(STATUS);
    await until(() => bench.conversations.length === 1);
    bench.server[Symbol.dispose]();
    await command.ended();
  });
});
