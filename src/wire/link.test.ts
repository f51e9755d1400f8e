import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { integer, object, oneOf, tagged, text } from "./check.ts";
import { Link, type LinkOptions } from "./link.ts";

const accepts = tagged("t", {
  ack: object({ t: oneOf(["ack"]), seq: integer(0) }),
  note: object({ t: oneOf(["note"]), text: text(1_000_000) }),
});
type Message = ReturnType<typeof accepts>;

/** Two ends of a real unix socket. */
interface Pair extends AsyncDisposable {
  readonly near: Socket;
  readonly far: Socket;
}

async function openPair(): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "garrison-link-"));
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  const near = connect(path);
  const [far] = (await once(server, "connection")) as [Socket];
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy();
      far.destroy();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A link that notes what it is told. */
class Recorder {
  readonly messages: Message[] = [];
  readonly ends: (string | null)[] = [];
  readonly ended = Promise.withResolvers<void>();
  readonly link: Link<Message, Message>;
  #wanted = Promise.withResolvers<void>();

  constructor(socket: Socket, options: Partial<LinkOptions<Message>> = {}) {
    this.link = new Link<Message, Message>(socket, {
      accepts,
      onMessage: (message) => {
        this.messages.push(message);
        this.#wanted.resolve();
        this.#wanted = Promise.withResolvers();
      },
      onEnd: (reason) => {
        this.ends.push(reason);
        this.ended.resolve();
      },
      ...options,
    });
  }

  async received(count: number): Promise<void> {
    while (this.messages.length < count) await this.#wanted.promise;
  }
}

/** One turn for the events that are on their way. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("Link carries checked messages in both directions, in order", async () => {
  await using pair = await openPair();
  const [near, far] = [new Recorder(pair.near), new Recorder(pair.far)];
  for (let seq = 0; seq < 100; seq++) near.link.send({ t: "ack", seq });
  far.link.send({ t: "note", text: "é\n💾" });
  await Promise.all([far.received(100), near.received(1)]);
  assert.deepEqual(
    far.messages.map((message) => (message as { seq: number }).seq),
    [...Array(100).keys()],
  );
  assert.deepEqual(near.messages, [{ t: "note", text: "é\n💾" }]);
  assert.deepEqual([near.ends, far.ends], [[], []]);
});

test("Link tells onEnd once and without a reason when the other side closes", async () => {
  await using pair = await openPair();
  const near = new Recorder(pair.near);
  pair.far.end();
  await near.ended.promise;
  await turn();
  assert.deepEqual(near.ends, [null]);
});

test("Link tells both sides once when one disposes, and is silent afterwards", async () => {
  await using pair = await openPair();
  const [near, far] = [new Recorder(pair.near), new Recorder(pair.far)];
  near.link[Symbol.dispose]();
  near.link[Symbol.dispose]();
  near.link.send({ t: "ack", seq: 1 });
  await far.ended.promise;
  await turn();
  assert.deepEqual([near.ends, far.ends, far.messages], [[null], [null], []]);
});

const REFUSED: readonly (readonly [what: string, bytes: string, reason: string])[] = [
  [
    "a message that is not in the table",
    '{"t":"exec"}\n',
    'Cannot accept message: "message" is not a permitted message',
  ],
  [
    "a field too many",
    '{"t":"ack","seq":1,"x":1}\n',
    'Cannot accept message: "message" is not an object without other keys',
  ],
  [
    "a wrong field",
    '{"t":"ack","seq":-1}\n',
    'Cannot accept message: "message.seq" is not an integer from 0 to 9007199254740991',
  ],
  ["a line that is not JSON", "GET / HTTP/1.1\r\n", "Cannot accept message: a line is not JSON"],
  ["a frame longer than the cap", `"${"x".repeat(300)}`, "Cannot accept message: it is longer than 200 bytes"],
];

for (const [what, bytes, reason] of REFUSED) {
  test(`Link ends once because of ${what}, after the messages before it and before those behind it`, async () => {
    await using pair = await openPair();
    const near = new Recorder(pair.near, { maxFrameBytes: 200 });
    const closed = new Promise((resolve) => pair.far.on("close", resolve));
    pair.far.resume().on("error", () => {}); // EPIPE, when it writes to the ended link
    pair.far.write(`{"t":"ack","seq":1}\n${bytes}{"t":"ack","seq":2}\n`);
    await near.ended.promise;
    pair.far.write('{"t":"ack","seq":3}\n');
    await closed;
    await turn();
    assert.deepEqual(near.ends, [reason]);
    assert.deepEqual(near.messages, [{ t: "ack", seq: 1 }]);
  });
}

test("Link ends once when the handler of messages throws, and gives it no more", async () => {
  await using pair = await openPair();
  const seen: number[] = [];
  const onMessage = (message: Message): void => {
    seen.push((message as { seq: number }).seq);
    throw new Error("Cannot store", { cause: new Error("disk full") });
  };
  const near = new Recorder(pair.near, { onMessage });
  pair.far.write('{"t":"ack","seq":1}\n{"t":"ack","seq":2}\n');
  await near.ended.promise;
  await turn();
  assert.deepEqual([seen, near.ends], [[1], ["Cannot store: disk full"]]);
});

test("Link gives no message after the handler has disposed it", async () => {
  await using pair = await openPair();
  const seen: Message[] = [];
  const near: Recorder = new Recorder(pair.near, {
    onMessage: (message) => {
      seen.push(message);
      near.link[Symbol.dispose]();
    },
  });
  pair.far.write('{"t":"ack","seq":1}\n{"t":"ack","seq":2}\n');
  await near.ended.promise;
  await turn();
  assert.deepEqual([seen.length, near.ends], [1, [null]]);
});

test("Link ends with the error of the socket", async () => {
  await using pair = await openPair();
  const near = new Recorder(pair.near);
  pair.near.destroy(new Error("read ECONNRESET"));
  await near.ended.promise;
  await turn();
  assert.deepEqual(near.ends, ["read ECONNRESET"]);
});

test("Link throws to the sender of a message that is too long, and goes on", async () => {
  await using pair = await openPair();
  const [near, far] = [new Recorder(pair.near, { maxFrameBytes: 100 }), new Recorder(pair.far)];
  assert.throws(() => near.link.send({ t: "note", text: "x".repeat(200) }), { name: "RangeError" });
  near.link.send({ t: "ack", seq: 7 });
  await far.received(1);
  assert.deepEqual(far.messages, [{ t: "ack", seq: 7 }]);
});

test("Link is congested while the other side does not read, and no more once it has", async () => {
  await using pair = await openPair();
  const near = new Recorder(pair.near);
  const note: Message = { t: "note", text: "x".repeat(900_000) };
  assert.equal(near.link.isCongested, false);
  for (let count = 0; count < 8; count++) near.link.send(note);
  assert.equal(near.link.isCongested, true);
  const far = new Recorder(pair.far);
  await far.received(8);
  await turn();
  assert.equal(near.link.isCongested, false);
  assert.deepEqual([near.ends, far.ends], [[], []]);
});

test("Link ends a connection whose other side never reads, after the sender's loop and not within it", async () => {
  await using pair = await openPair();
  const near = new Recorder(pair.near);
  const note: Message = { t: "note", text: "x".repeat(900_000) };
  for (let count = 0; count < 100; count++) near.link.send(note);
  assert.deepEqual(near.ends, []);
  assert.ok(pair.near.writableLength < 66 * 1024 * 1024);
  await near.ended.promise;
  assert.deepEqual(near.ends, ["Cannot send message: the other side leaves more than 64 MiB unread"]);
});
