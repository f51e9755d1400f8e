import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, mock, type TestContext, test } from "node:test";
import fc from "fast-check";
import type { LogNews } from "#src/model/log-stream.ts";
import { encodeBytesHeader, encodeMessage, LogFrameReader, MAX_IN_FLIGHT_BYTES } from "#src/wire/log-stream.ts";
import { makeRunFolder, until } from "./fake-peer.mts";
import { LogStreamClient } from "./log-stream-client.ts";

const HEAD = { bytes: 0, sha256: "e".repeat(64) };
const OPEN: LogNews = {
  t: "open",
  file: 1,
  source: "auth",
  path: "/a",
  device: "1",
  inode: "2",
  offset: 5,
  head: HEAD,
  position: null,
};
const POSITION = { path: "/a", device: "1", inode: "2", offset: 5, head: HEAD, isAway: false, isDone: false };

const bytes = (file: number, offset: number, text: string): Buffer =>
  Buffer.concat([encodeBytesHeader(file, offset, text.length), Buffer.from(text)]);

/** A sentry that says what a test tells it to, and a client with all that it was told. */
class Bench implements AsyncDisposable {
  readonly #run = makeRunFolder();
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly received: Record<string, unknown>[] = [];
  readonly said: string[] = [];
  positionCount = 1;
  client!: LogStreamClient;

  private constructor() {
    this.#server = createServer((socket) => {
      const reader = new LogFrameReader();
      this.#sockets.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        for (const frame of reader.push(chunk)) this.received.push(JSON.parse(frame.subarray(1).toString("utf8")));
      });
    });
  }

  static async start(positionCount = 1): Promise<Bench> {
    const bench = new Bench();
    const path = join(bench.#run.folder, "s");
    bench.#server.listen(path);
    await once(bench.#server, "listening");
    bench.positionCount = positionCount;
    const say = (...words: unknown[]): void => void bench.said.push(words.join(" "));
    bench.client = new LogStreamClient(path, {
      positions: () => ({
        positions: Array(bench.positionCount).fill(POSITION),
        known: ["0".repeat(32)],
        journals: [],
      }),
      onOpen: ({ file, path: opened, offset, position }) => say("open", file, opened, offset, position),
      onHead: (file, head) => say("head", file, head.bytes),
      onAway: (file) => say("away", file),
      onBytes: (file, offset, chunk) => say("bytes", file, offset, chunk.toString("latin1")),
      onGap: (file, count, reason) => say("gap", file, count, reason),
      onClose: (file) => say("close", file),
      onGone: (file) => say("gone", file),
      onSettled: (known) => say("settled", known.length),
      onJournalOpen: ({ file, source }) => say("journal", file, source),
      onJournal: (file, offset, chunk) => say("entry", file, offset, chunk.toString("latin1")),
      onState: (sources) => say("state", sources.length),
      onLost: (reason) => say("lost", reason ?? ""),
    });
    await until(() => bench.received.some(({ t }) => t === "follow"));
    return bench;
  }

  send(...frames: readonly (LogNews | Buffer)[]): void {
    for (const frame of frames) this.#sockets.at(-1)!.write(Buffer.isBuffer(frame) ? frame : encodeMessage(frame));
  }

  drop(): void {
    this.#sockets.at(-1)!.destroySoon();
  }

  async heard(count: number): Promise<void> {
    await until(
      () => this.said.length >= count,
      () => mock.timers.tick(1000),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    this.#run[Symbol.dispose]();
  }
}

function mockTime(context: TestContext): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
}

describe("LogStreamClient", () => {
  test("says where the mind stands, and passes on what comes in order", async (context) => {
    mockTime(context);
    await using bench = await Bench.start(100);
    const sizes = bench.received.map(({ t, items }) => [t, (items as unknown[] | undefined)?.length]);
    assert.deepEqual(sizes, [
      ["positions", 40],
      ["positions", 40],
      ["positions", 20],
      ["follow", undefined],
    ]);
    bench.send({ ...OPEN, position: 99 }, { t: "head", file: 1, head: { ...HEAD, bytes: 7 } }, bytes(1, 5, "ab"));
    bench.send(bytes(1, 7, "c"), { t: "away", file: 1 }, { t: "gap", file: 1, bytes: null, reason: "gone" });
    bench.send({ t: "close", file: 1 }, { t: "gone", file: 1 }, { t: "settled", known: [] });
    bench.send({ t: "journal", file: 2, source: "j", cursor: null }, bytes(2, 0, "x"), { t: "state", sources: [] });
    await bench.heard(12);
    assert.deepEqual(bench.said, [
      "open 1 /a 5 99",
      "head 1 7",
      "bytes 1 5 ab",
      "bytes 1 7 c",
      "away 1",
      "gap 1  gone",
      "close 1",
      "gone 1",
      "settled 0",
      "journal 2 j",
      "entry 2 0 x",
      "state 0",
    ]);
    assert.equal(bench.client.untakenBytes, 4);
    const stored = Array.from({ length: 2001 }, () => ({ file: 1, offset: 8, cursor: null, isDone: true }));
    bench.client.taken(3, stored);
    await until(() => bench.received.length === 6);
    const taken = bench.received.slice(4).map((message) => [message["bytes"], (message["stored"] as unknown[]).length]);
    assert.deepEqual(taken, [
      [3, 2000],
      [0, 1],
    ]);
    assert.throws(() => bench.client.taken(2, []), RangeError);
  });

  test("connects again to a sentry that was started anew, with what is stored by then", async (context) => {
    mockTime(context);
    await using bench = await Bench.start(1);
    bench.send(OPEN, bytes(1, 5, "ab"));
    await bench.heard(2);
    bench.positionCount = 2;
    bench.drop();
    await until(
      () => bench.received.length === 4,
      () => mock.timers.tick(1000),
    );
    assert.deepEqual(bench.received[2]?.["items"], [POSITION, POSITION]);
    assert.equal(bench.client.untakenBytes, 0);
    bench.send(OPEN);
    await bench.heard(4);
    assert.deepEqual(bench.said.slice(2), ["lost ", "open 1 /a 5 "]);
  });

  test("ends the link for what no sentry of ours would say", async (context) => {
    mockTime(context);
    const wrong: Readonly<Record<string, readonly (LogNews | Buffer)[]>> = {
      "bytes of no file": [bytes(1, 0, "x")],
      "bytes behind a hole": [OPEN, bytes(1, 6, "x")],
      "a file twice": [OPEN, OPEN],
      "news of no file": [{ t: "close", file: 7 }],
      "a position that was never sent": [{ ...OPEN, position: 1 }],
      "a message for the sentry": [encodeMessage({ t: "taken", bytes: 0, stored: [] })],
    };
    for (const [what, frames] of Object.entries(wrong)) {
      await using bench = await Bench.start();
      bench.send(...frames);
      await until(() => bench.said.some((text) => /^lost Cannot accept message: /.test(text)));
      assert.ok(bench.said.length > 0, what);
    }
  });

  test("ends the link when more comes than there is room for", async (context) => {
    mockTime(context);
    await using bench = await Bench.start();
    const piece = "x".repeat(256 * 1024);
    const count = MAX_IN_FLIGHT_BYTES / piece.length;
    bench.send({ ...OPEN, offset: 0 });
    for (let index = 0; index <= count; index++) bench.send(bytes(1, index * piece.length, piece));
    await until(() =>
      bench.said.some(
        (text) => text === `lost Cannot accept message: more than ${MAX_IN_FLIGHT_BYTES} bytes are not taken`,
      ),
    );
    assert.equal(bench.said.length, count + 2);
  });

  test("takes any bytes: it goes on, or ends the link with a reason", async (context) => {
    mockTime(context);
    const part = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map(Buffer.from),
      fc.constantFrom(encodeMessage(OPEN), bytes(1, 5, "x"), encodeMessage({ t: "close", file: 1 })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
        await using bench = await Bench.start();
        bench.send(...parts);
        bench.drop();
        await until(() => bench.said.some((text) => text.startsWith("lost")));
        assert.match(bench.said.at(-1)!, /^lost (?:$|Cannot accept message: |.*(?:EPIPE|ECONNRESET))/);
      }),
      { numRuns: 60 },
    );
  });
});
