import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import { until } from "#src/mind/fake-peer.mts";
import { LogStreamClient, type LogStreamClientHandlers } from "#src/mind/log-stream-client.ts";
import type { LogFollow, LogNews } from "#src/model/log-stream.ts";
import { encodeMessage } from "#src/wire/log-stream.ts";
import { LogServer } from "./log-stream.ts";

const KNOWN = "0".repeat(32);

/** A server on a real socket; the test is the sensor. */
class Bench {
  readonly path: string;
  readonly server: LogServer;
  readonly refused: string[] = [];
  readonly follows: LogFollow[] = [];
  lost = 0;
  accepted = 0;
  isAllowed = true;

  constructor(t: TestContext) {
    this.path = join(folderOf(t), "logs.sock");
    this.server = new LogServer(listenUnix(this.path, process.getgid?.() ?? 0), {
      isAllowed: () => {
        this.accepted++;
        return this.isAllowed;
      },
      onRefused: (reason) => this.refused.push(reason),
    });
    t.after(() => this.server.close());
  }

  serve(): Disposable {
    return this.server.serve({
      onFollow: (follow) => this.follows.push(follow),
      onTaken: () => undefined,
      onLost: () => this.lost++,
    });
  }
}

/** A mind that tells how its connections ended. */
function connectMind(t: TestContext, path: string, known: readonly string[]) {
  const lost: (string | null)[] = [];
  const settled: (readonly string[])[] = [];
  const nothing = (): void => {};
  const handlers: LogStreamClientHandlers = {
    positions: () => ({ positions: [], known, journals: [] }),
    onOpen: nothing,
    onHead: nothing,
    onAway: nothing,
    onBytes: nothing,
    onGap: nothing,
    onClose: nothing,
    onGone: nothing,
    onSettled: (keys) => settled.push(keys),
    onJournalOpen: nothing,
    onJournal: nothing,
    onState: nothing,
    onLost: (reason) => lost.push(reason),
  };
  const client = new LogStreamClient(path, handlers);
  t.after(() => client[Symbol.dispose]());
  return { client, lost, settled };
}

test("LogServer keeps a mind that comes before the sensor, and what it said is told to the sensor", async (t) => {
  const bench = new Bench(t);
  const mind = connectMind(t, bench.path, [KNOWN]);
  await until(() => bench.accepted === 1);
  assert.equal(bench.server.roomBytes, 0);
  bench.server.send({ t: "settled", known: [] } satisfies LogNews);
  bench.serve();
  await until(() => bench.follows.length === 1);
  assert.deepEqual(bench.follows, [{ positions: [], known: [KNOWN], journals: [] }]);
  bench.server.send({ t: "settled", known: [KNOWN] });
  await until(() => mind.settled.length === 1);
  assert.deepEqual(mind.settled, [[KNOWN]]);
  assert.deepEqual([mind.lost, bench.refused, bench.accepted], [[], [], 1]);
});

test("LogServer lets the mind of now in when an earlier one has ended before the sensor ran", async (t) => {
  const bench = new Bench(t);
  const early = connect(bench.path);
  early.write(encodeMessage({ t: "follow", known: [], journals: [] }));
  await until(() => bench.accepted === 1);
  early.destroy();
  const mind = connectMind(t, bench.path, [KNOWN]);
  await until(() => bench.accepted === 2);
  bench.serve();
  await until(() => bench.follows.length === 1);
  assert.deepEqual(bench.follows[0]?.known, [KNOWN]);
  assert.deepEqual([mind.lost, bench.refused], [[], []]);
});

test("LogServer hears that a mind has ended which waited until the sensor ran", async (t) => {
  const bench = new Bench(t);
  const early = connect(bench.path);
  early.end(encodeMessage({ t: "follow", known: [], journals: [] }));
  await until(() => bench.accepted === 1);
  bench.serve();
  await until(() => bench.lost === 1);
  assert.equal(bench.follows.length, 1);
  connectMind(t, bench.path, [KNOWN]);
  await until(() => bench.follows.length === 2);
});

test("LogServer lets nobody wait who is not the mind, and ends who waits when it closes", async (t) => {
  const bench = new Bench(t);
  bench.isAllowed = false;
  const stranger = connect(bench.path).on("error", () => {});
  await once(stranger.resume(), "close");
  assert.deepEqual(bench.refused, ["the peer is not the mind"]);
  bench.isAllowed = true;
  const early = connect(bench.path).on("error", () => {});
  await until(() => bench.accepted === 2);
  bench.server.close();
  await once(early.resume(), "close");
});

test("LogServer refuses a second mind, and the first goes on", async (t) => {
  const bench = new Bench(t);
  bench.serve();
  const first = connectMind(t, bench.path, [KNOWN]);
  await until(() => bench.follows.length === 1);
  const second = connect(bench.path).on("error", () => {});
  await once(second.resume(), "close");
  assert.deepEqual(bench.refused, ["a mind is connected already"]);
  bench.server.send({ t: "settled", known: [] });
  await until(() => first.settled.length === 1);
  assert.deepEqual([first.lost, bench.lost], [[], 0]);
});
