import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { listenUnix, readPeerCredentials } from "#src/linux/unix-socket.ts";
import type { Observation } from "#src/model/observation.ts";
import { isMindPeer } from "#src/processes/peer.ts";
import { Link } from "#src/wire/link.ts";
import { type FromSentry, fromSentry, type ToSentry } from "#src/wire/sentry-messages.ts";
import { Uplink, type UplinkHandlers } from "./uplink.ts";

const folder = mkdtempSync(join(tmpdir(), "garrison-uplink-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let sockets = 0;

function fact(key: string, text = ""): Observation {
  const subject = { type: "sensor" as const, name: "x" };
  return {
    sensor: "x",
    type: "present",
    key,
    group: "",
    subject,
    facts: { text },
    who: null,
    atUnixMs: 0,
    scanned: false,
  };
}

/** An uplink on a real socket, with what it asked of the sentry. */
class Sentry implements Disposable {
  readonly path = join(folder, `${++sockets}`);
  readonly uplink: Uplink;
  readonly requests: unknown[] = [];
  readonly refusals: string[] = [];
  roomAgain = 0;
  #wake = (): void => {};

  constructor(handlers: Partial<UplinkHandlers> = {}) {
    this.uplink = new Uplink(listenUnix(this.path, process.getgid?.() ?? 0), {
      isAllowed: () => true,
      onRequest: (message) => this.#note(() => this.requests.push(message)),
      onRoomAgain: () => this.#note(() => this.roomAgain++),
      onRefused: (reason) => this.#note(() => this.refusals.push(reason)),
      onConnect: () => {},
      ...handlers,
    });
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #note(note: () => void): void {
    note();
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.uplink.close();
  }
}

/** A mind at the other end. */
class Mind implements Disposable {
  readonly messages: FromSentry[] = [];
  readonly socket: Socket;
  readonly link: Link<FromSentry, ToSentry>;
  isEnded = false;
  #wake = (): void => {};

  constructor(path: string) {
    this.socket = connect(path);
    this.link = new Link(this.socket, {
      accepts: fromSentry,
      onMessage: (message) => {
        this.messages.push(message);
        this.#wake();
      },
      onEnd: () => {
        this.isEnded = true;
        this.#wake();
      },
    });
  }

  get keys(): string[] {
    return this.messages.flatMap((message) =>
      message.t === "facts" ? message.items.map((item) => ("key" in item ? item.key : "")) : [],
    );
  }

  get lastSeq(): number {
    return Math.max(0, ...this.messages.map((message) => (message.t === "facts" ? message.seq : 0)));
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  [Symbol.dispose](): void {
    this.link[Symbol.dispose]();
  }
}

test("a mind is greeted, then given the facts in order", async () => {
  using sentry = new Sentry();
  sentry.uplink.push([fact("a"), fact("b")]);
  using mind = new Mind(sentry.path);
  await mind.until(() => mind.keys.length === 2);
  sentry.uplink.push([fact("c")]);
  await mind.until(() => mind.keys.length === 3);
  assert.deepEqual(
    mind.messages.map(({ t }) => t),
    ["hello", "facts", "facts"],
  );
  assert.deepEqual(mind.keys, ["a", "b", "c"]);
});

test("facts that no mind has stored come again to the next one; stored ones do not", async () => {
  using sentry = new Sentry();
  sentry.uplink.push([fact("stored")]);
  sentry.uplink.push([fact("not stored")]);
  const first = new Mind(sentry.path);
  await first.until(() => first.keys.length === 2);
  first.link.send({ t: "ack", seq: 1 });
  first.link.send({ t: "status" });
  await sentry.until(() => sentry.requests.length === 1);
  first[Symbol.dispose]();
  sentry.uplink.push([fact("meanwhile")]);
  // The sentry may still be about to notice the end of the first.
  let second = new Mind(sentry.path);
  while (second.messages.length === 0) {
    await second.until(() => second.isEnded || second.messages.length > 0);
    if (second.isEnded) second = new Mind(sentry.path);
  }
  await second.until(() => second.keys.length === 2);
  assert.deepEqual(second.keys, ["not stored", "meanwhile"]);
  const boots = [first, second].map((mind) => mind.messages.find((message) => message.t === "hello")?.boot);
  assert.equal(boots[0], boots[1]);
  second[Symbol.dispose]();
});

test("at most 4 MiB are on their way; each acknowledgement sends more", async () => {
  using sentry = new Sentry();
  using mind = new Mind(sentry.path);
  await mind.until(() => mind.messages.length === 1);
  for (let number = 1; number <= 20; number++) sentry.uplink.push([fact(String(number), "x".repeat(500_000))]);
  await mind.until(() => mind.lastSeq === 8);
  for (let seq = 1; seq <= 20; seq++) {
    await mind.until(() => mind.lastSeq >= Math.min(20, seq + 7));
    assert.ok(mind.lastSeq <= seq + 7);
    mind.link.send({ t: "ack", seq });
  }
  assert.deepEqual(
    mind.keys,
    Array.from({ length: 20 }, (_, index) => String(index + 1)),
  );
});

test("what does not fit is dropped, counted, and asked for again when there is room", async () => {
  using sentry = new Sentry();
  const text = "x".repeat(400_000);
  for (let number = 0; number < 100; number++) sentry.uplink.push([fact(String(number), text)]);
  using mind = new Mind(sentry.path);
  let acknowledged = 0;
  while (sentry.roomAgain === 0) {
    await mind.until(() => mind.lastSeq > acknowledged || mind.messages.some(({ t }) => t === "dropped"));
    acknowledged = mind.lastSeq;
    mind.link.send({ t: "ack", seq: acknowledged });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await mind.until(() => mind.messages.some(({ t }) => t === "dropped"));
  const dropped = mind.messages.find((message) => message.t === "dropped");
  assert.ok(dropped?.t === "dropped" && dropped.count > 10 && dropped.count < 30, JSON.stringify(dropped));
  assert.equal(sentry.roomAgain, 1);
  sentry.uplink.push([fact("after")]);
  await mind.until(() => {
    mind.link.send({ t: "ack", seq: mind.lastSeq });
    return mind.keys.includes("after");
  });
});

test("a fact that no frame can hold is refused by itself; the others go on", async () => {
  using sentry = new Sentry();
  using mind = new Mind(sentry.path);
  sentry.uplink.push([fact("a"), fact("huge", "x".repeat(2_000_000)), fact("b")]);
  await mind.until(() => mind.keys.length === 2);
  assert.deepEqual(mind.keys, ["a", "b"]);
  assert.match(sentry.refusals[0] ?? "", /^a fact of x has 2000\d+ bytes, and is not sent$/);
  assert.equal(sentry.roomAgain, 0);
});

test("a second mind is refused while there is one", async () => {
  using sentry = new Sentry();
  using first = new Mind(sentry.path);
  await first.until(() => first.messages.length === 1);
  using second = new Mind(sentry.path);
  await second.until(() => second.isEnded);
  assert.deepEqual(second.messages, []);
  assert.deepEqual(sentry.refusals, ["a mind is connected already"]);
  sentry.uplink.push([fact("a")]);
  await first.until(() => first.keys.length === 1);
});

const FORBIDDEN = {
  "no JSON": "hello\n",
  "an unknown message": '{"t":"read","path":"/etc/shadow"}\n',
  "a message of the sentry": '{"t":"dropped","count":1}\n',
  "an unknown key": '{"t":"status","x":1}\n',
  "a negative number": '{"t":"ack","seq":-1}\n',
  "an acknowledgement of what was not sent": '{"t":"ack","seq":1000}\n',
  "a prototype": '{"t":"__proto__"}\n',
  "a frame without end": "x".repeat(2_000_000),
};

test("a mind that sends what is not permitted gets its link ended, and nothing else", async (t) => {
  for (const [what, bytes] of Object.entries(FORBIDDEN)) {
    await t.test(what, async () => {
      using sentry = new Sentry();
      sentry.uplink.push([fact("a")]);
      using mind = new Mind(sentry.path);
      await mind.until(() => mind.keys.length === 1);
      mind.socket.write(bytes);
      await mind.until(() => mind.isEnded);
      assert.deepEqual(sentry.requests, []);
      assert.equal(sentry.refusals.length, 1);
      using next = new Mind(sentry.path);
      await next.until(() => next.keys.length === 1);
      assert.deepEqual(next.keys, ["a"], "what was not stored is still there");
    });
  }
});

test("a request that cannot be answered ends the link, not the sentry", async () => {
  using sentry = new Sentry({
    onRequest: () => {
      throw new Error("broken");
    },
  });
  using mind = new Mind(sentry.path);
  await mind.until(() => mind.messages.length === 1);
  mind.link.send({ t: "rescan", sensor: "files" });
  await mind.until(() => mind.isEnded);
  assert.deepEqual(sentry.refusals, ["broken"]);
});

test("a peer of another user is refused by the kernel's word on who it is", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async () => {
  using sentry = new Sentry({ isAllowed: (socket) => isMindPeer(socket, 65_533) });
  sentry.uplink.push([fact("a")]);
  chmodSync(folder, 0o755);
  chmodSync(sentry.path, 0o666);
  const script = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("${sentry.path}")
print(len(s.recv(65536)))`;
  const connectAs = async (uid: number): Promise<number> => {
    const child = spawn("/usr/bin/python3", ["-c", script], { uid, gid: uid, stdio: ["ignore", "pipe", "inherit"] });
    const [output] = await once(child.stdout, "data");
    return Number(String(output));
  };
  assert.equal(await connectAs(65_534), 0);
  assert.deepEqual(sentry.refusals, ["the peer is not the mind"]);
  assert.ok((await connectAs(65_533)) > 0);
  assert.ok((await connectAs(0)) > 0);
});

test("listenUnix() takes the place of what lay there, with mode 0660, and says when a path is too long", () => {
  const path = join(folder, "listen");
  closeSync(listenUnix(path, 0));
  closeSync(listenUnix(path, 0));
  assert.throws(() => listenUnix(join(folder, "x".repeat(108)), 0), RangeError);
  const fd = openSync("/dev/null", "r");
  assert.throws(() => readPeerCredentials(fd), { code: "GARRISON_SYSCALL" });
  closeSync(fd);
});
