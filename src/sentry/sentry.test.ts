import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { listenUnix } from "#src/linux/unix-socket.ts";
import { openLog } from "#src/processes/log.ts";
import { Link } from "#src/wire/link.ts";
import { type FromSentry, fromSentry, type ToSentry } from "#src/wire/sentry-messages.ts";
import { runSentry } from "./sentry.ts";

const folder = mkdtempSync(join(tmpdir(), "garrison-sentry-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the sentry runs the sensors that are switched on, tells what they see, and lists again when asked", async () => {
  writeFileSync(join(folder, "watched"), "x");
  const path = join(folder, "sentry.sock");
  const listenFd = listenUnix(path, process.getgid?.() ?? 0);
  const files = { watched: [{ pattern: join(folder, "watched"), secret: false }], scanEveryMs: 3_600_000 };
  const stops: (() => void | Promise<void>)[] = [];
  runSentry(
    {
      settings: { root: "/", mindUid: process.getuid?.() ?? 0, sensors: { files } },
      listenFd,
      log: openLog("test", () => {}),
      onStop: (run) => void stops.push(run),
    },
    listenUnix(join(folder, "logs.sock"), process.getgid?.() ?? 0),
  );
  const messages: FromSentry[] = [];
  let wake = (): void => {};
  const link = new Link<FromSentry, ToSentry>(connect(path), {
    accepts: fromSentry,
    onMessage: (message) => {
      messages.push(message);
      if (message.t === "facts") link.send({ t: "ack", seq: message.seq });
      wake();
    },
    onEnd: () => wake(),
  });
  const until = async <T>(find: (message: FromSentry) => T | undefined | false): Promise<T> => {
    for (;;) {
      for (const message of messages) {
        const found = find(message);
        if (found !== undefined && found !== false) return found;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const isRecord = (message: FromSentry): boolean =>
    message.t === "facts" &&
    message.items.some((item) => item.type === "record" && item.key === join(folder, "watched"));

  assert.equal((await until((message) => message.t === "hello" && message)).pid, process.pid);
  const status = await until((message) => message.t === "status" && message.ready === "yes" && message);
  assert.deepEqual(
    status.sensors.map(({ name }) => name),
    ["files"],
  );
  assert.ok(status.memoryBytes > 0 && status.cpuMs > 0);
  await until(isRecord);

  messages.length = 0;
  link.send({ t: "rescan", sensor: "files" });
  await until(isRecord);
  messages.length = 0;
  link.send({ t: "rescan", sensor: "no such sensor" });
  link.send({ t: "status" });
  await until((message) => message.t === "status");

  for (const stop of stops) await stop();
  link[Symbol.dispose]();
});
