import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { FilePosition, LogNews } from "#src/model/log-stream.ts";
import {
  encodeBytesHeader,
  encodeMessage,
  fromLogs,
  type LogBytes,
  LogFrameReader,
  LogLink,
  MAX_CHUNK_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_POSITIONS_AT_ONCE,
  type ToLogs,
  toLogs,
} from "./log-stream.ts";

const HEAD = { bytes: 3, sha256: "a".repeat(64) };
const POSITION: FilePosition = {
  path: "/var/log/auth.log",
  device: "65024",
  inode: "18446744073709551615",
  offset: 9,
  head: HEAD,
  isAway: false,
  isDone: false,
};
const TO_SENTRY: readonly ToLogs[] = [
  { t: "positions", items: [POSITION] },
  { t: "follow", known: ["0123456789abcdef0123456789abcdef"], journals: [{ source: "auth", cursor: "s=1;i=2" }] },
  { t: "taken", bytes: 7, stored: [{ file: 1, offset: 7, cursor: null, isDone: true }] },
];
const FROM_SENTRY: readonly LogNews[] = [
  { t: "open", file: 1, source: "auth", path: "/a", device: "1", inode: "2", offset: 3, head: HEAD, position: 0 },
  { t: "journal", file: 2, source: "auth", cursor: "s=1;i=2" },
  { t: "head", file: 1, head: HEAD },
  { t: "away", file: 1 },
  { t: "gap", file: 1, bytes: null, reason: "it was truncated" },
  { t: "close", file: 1 },
  { t: "gone", file: 1 },
  { t: "settled", known: [] },
  {
    t: "state",
    sources: [
      {
        source: "auth",
        kind: "file",
        files: 1,
        behindBytes: 2,
        missing: ["/a"],
        unreadable: [{ path: "/b", reason: "EACCES" }],
      },
    ],
  },
];

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = Math.max(1, sizes[index % Math.max(1, sizes.length)] ?? 1);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
};

test("toLogs and fromLogs take every message of the table, and none of the other side's", () => {
  for (const message of TO_SENTRY) {
    assert.deepEqual(toLogs(JSON.parse(JSON.stringify(message)), "message"), message);
    assert.throws(() => fromLogs(message, "message"), { code: "GARRISON_WIRE_MALFORMED" });
  }
  for (const message of FROM_SENTRY) {
    assert.deepEqual(fromLogs(JSON.parse(JSON.stringify(message)), "message"), message);
    assert.throws(() => toLogs(message, "message"), { code: "GARRISON_WIRE_MALFORMED" });
  }
});

test("toLogs and fromLogs refuse each field that is out of bounds", () => {
  const refused: readonly unknown[] = [
    { t: "positions", items: [{ ...POSITION, inode: "-1" }] },
    { t: "positions", items: [{ ...POSITION, offset: -1 }] },
    { t: "positions", items: [{ ...POSITION, path: "/".repeat(4097) }] },
    { t: "positions", items: [{ ...POSITION, head: { bytes: 257, sha256: HEAD.sha256 } }] },
    { t: "positions", items: [{ ...POSITION, head: { bytes: 1, sha256: "A".repeat(64) } }] },
    { t: "positions", items: [{ ...POSITION, globs: ["/etc/shadow"] }] },
    { t: "positions", items: Array(MAX_POSITIONS_AT_ONCE + 1).fill(POSITION) },
    { t: "follow", known: ["/etc/*"], journals: [] },
    { t: "follow", known: [], journals: [{ source: "auth", cursor: "--directory=/root" }] },
    { t: "taken", bytes: 4 * 1024 * 1024 + 1, stored: [] },
    { t: "taken", bytes: 0, stored: [{ file: 0, offset: 0, cursor: null, isDone: false }] },
  ];
  for (const message of refused) {
    assert.throws(() => toLogs(message, "message"), { code: "GARRISON_WIRE_MALFORMED" }, JSON.stringify(message));
  }
});

test("the longest positions fit into one message", () => {
  const longest = { ...POSITION, path: "\u0001".repeat(4096) };
  const items = Array(MAX_POSITIONS_AT_ONCE).fill(longest) as FilePosition[];
  assert.ok(encodeMessage({ t: "positions", items }).length < MAX_MESSAGE_BYTES);
});

test("encodeBytesHeader() refuses no bytes and more than a chunk", () => {
  for (const length of [0, MAX_CHUNK_BYTES + 1]) assert.throws(() => encodeBytesHeader(1, 0, length), RangeError);
});

test("LogFrameReader gives the same frames however the stream is cut", () => {
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }), (bodies, sizes) => {
      const stream = Buffer.concat(
        bodies.flatMap((body) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(body.length);
          return [length, body];
        }),
      );
      const reader = new LogFrameReader();
      const found = cut(stream, sizes).flatMap((piece) =>
        Array.from(reader.push(piece), (frame) => Buffer.from(frame)),
      );
      assert.deepEqual(found, bodies.map(Buffer.from));
    }),
  );
});

test("LogFrameReader refuses a frame of no bytes and one longer than the longest, before it has come", () => {
  for (const length of [0, MAX_MESSAGE_BYTES + 2, 0xffff_ffff]) {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(length);
    for (const sizes of [[4], [1]]) {
      const reader = new LogFrameReader();
      const push = (): unknown[] =>
        cut(Buffer.concat([header, Buffer.from("x")]), sizes).flatMap((one) => [...reader.push(one)]);
      assert.throws(push, { code: "GARRISON_WIRE_TOO_LONG" });
    }
  }
});

/** Both ends of a connection. */
async function makePair(t: TestContext): Promise<{ here: Socket; there: Socket }> {
  const path = join(folderOf(t), "pair.sock");
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, "listening");
  const here = connect(path);
  const [there] = (await once(server, "connection")) as [Socket];
  t.after(() => here.destroy());
  return { here, there };
}

/** A link that takes what the mind takes, and what it was told. */
function listen(socket: Socket): { told: unknown[]; ended: Promise<string | null> } {
  const told: unknown[] = [];
  const ended = new Promise<string | null>((resolve) => {
    new LogLink<LogNews>(socket, {
      accepts: fromLogs,
      onMessage: (message) => told.push(message),
      onBytes: ({ file, offset, bytes }: LogBytes) => told.push([file, offset, bytes.toString("latin1")]),
      onEnd: resolve,
    });
  });
  return { told, ended };
}

test("LogLink carries messages and raw bytes in order", async (t) => {
  const { here, there } = await makePair(t);
  const { told, ended } = listen(there);
  const link = new LogLink<ToLogs>(here, { accepts: toLogs, onMessage: () => undefined, onEnd: () => undefined });
  link.send(FROM_SENTRY[0]!);
  link.sendBytes(1, 2 ** 40, Buffer.from("\0\xff\n", "latin1"));
  link.send(FROM_SENTRY[5]!);
  here.end();
  assert.equal(await ended, null);
  assert.deepEqual(told, [FROM_SENTRY[0], [1, 2 ** 40, "\0\xff\n"], FROM_SENTRY[5]]);
});

test("LogLink ends without a reason when the other side closes while it is written to, or with something unread", async (t) => {
  for (const isReset of [false, true]) {
    const { here, there } = await makePair(t);
    const { ended } = listen(there);
    // So that the close is heard by a write, not by a read.
    there.pause();
    if (isReset) {
      here.pause();
      await new Promise((resolve) => there.write("unread", resolve));
    }
    here.destroy();
    await once(here, "close");
    there.write("x");
    there.resume();
    assert.equal(await ended, null);
  }
});

test("LogLink ends with a reason for bytes where none are taken, another type, and what is no JSON", async (t) => {
  const frame = (...bytes: readonly number[]): Buffer => Buffer.from([bytes.length, 0, 0, 0, ...bytes]);
  const bytesFrame = Buffer.concat([encodeBytesHeader(1, 0, 1), Buffer.from("x")]);
  for (const [sent, takesBytes] of [
    [bytesFrame, false],
    [frame(3), true],
    [frame(1), true],
    [frame(1, 0xff), true],
    [frame(2, 1, 0, 0, 0), true],
    [frame(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 65), true],
  ] as const) {
    const { here, there } = await makePair(t);
    const ended = new Promise<string | null>((resolve) => {
      new LogLink<LogNews>(there, {
        accepts: fromLogs,
        onMessage: () => assert.fail("a message was taken"),
        onBytes: takesBytes ? () => assert.fail("bytes were taken") : undefined,
        onEnd: resolve,
      });
    });
    here.write(sent);
    assert.match((await ended) ?? "", /^Cannot accept message: "/);
  }
});

test("LogLink takes any bytes and either goes on or ends with a reason", async (t) => {
  const parts = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map(Buffer.from),
    fc.constantFrom(...FROM_SENTRY).map(encodeMessage),
    fc.constant(Buffer.concat([encodeBytesHeader(1, 0, 1), Buffer.from("x")])),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 8 }), async (pieces) => {
      const { here, there } = await makePair(t);
      const { told, ended } = listen(there);
      here.on("error", () => undefined);
      here.end(Buffer.concat(pieces));
      const reason = await ended;
      assert.ok(reason === null || /^Cannot accept message: /.test(reason), String(reason));
      assert.ok(told.length <= pieces.length);
    }),
    { numRuns: 100 },
  );
});
