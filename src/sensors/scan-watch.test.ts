import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import type { Fact, Observation } from "#src/model/observation.ts";
import type { SensorStatus } from "#src/wire/sentry-messages.ts";
import { WITHOUT_ROOT } from "./harness.mts";
import { PathList } from "./path-list.ts";
import { ScanWatch } from "./scan-watch.ts";

const root = mkdtempSync(join(tmpdir(), "garrison-scan-"));
chmodSync(root, 0o755);
after(() => rmSync(root, { recursive: true, force: true }));

test("ScanWatch tells changes, arrivals and a replaced folder, without an actor", async () => {
  const folder = join(root, "direct");
  mkdirSync(join(folder, "conf"), { recursive: true });
  writeFileSync(join(folder, "conf/a"), "");
  const told: string[] = [];
  let wake = (): void => {};
  const life = new AbortController();
  await using watch = new ScanWatch(
    new PathList([`${folder}/conf/*`, `${folder}/later/x/y`]),
    {
      onPath: (path, event) => {
        assert.equal(event, null);
        told.push(path.slice(folder.length + 1));
        wake();
      },
      onEvents: () => {},
      onError: assert.fail,
    },
    life.signal,
    "refused",
  );
  const until = async (path: string): Promise<void> => {
    while (!told.includes(path)) await new Promise<void>((resolve) => (wake = resolve));
    told.length = 0;
  };
  await watch.scan();
  assert.deepEqual([...watch.paths], [`${folder}/conf/a`]);
  appendFileSync(join(folder, "conf/a"), "x");
  await until("conf/a");
  writeFileSync(join(folder, "conf/b"), "x");
  await until("conf/b");
  mkdirSync(join(folder, "later/x"), { recursive: true });
  writeFileSync(join(folder, "later/x/y"), "x");
  await until("later/x/y");
  mkdirSync(join(folder, "new"));
  writeFileSync(join(folder, "new/a"), "other");
  renameSync(join(folder, "conf"), join(folder, "old"));
  renameSync(join(folder, "new"), join(folder, "conf"));
  await until("conf/a");
  appendFileSync(join(folder, "conf/a"), "x");
  await until("conf/a");
  const { state, blindTo } = watch.sight("each minute");
  assert.equal(state, "degraded");
  assert.match(blindTo.join("\n"), /^who did it, reads, and changes through hard links or other mounts: refused$/m);
});

type Line = Fact | SensorStatus;

/** A sensor in a process of an ordinary user. */
class Unprivileged implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  #wake = (): void => {};

  constructor(sensor: string, options: unknown) {
    const script = join(import.meta.dirname, "unprivileged.mts");
    this.#child = spawn(process.execPath, [script, join(import.meta.dirname, sensor), JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as Line);
      this.#wake();
    });
  }

  async until<T extends Line>(find: (line: Line) => line is T): Promise<T> {
    for (;;) {
      const found = this.lines.find(find);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}

const isStatus = (line: Line): line is SensorStatus => "restarts" in line && line.state !== "starting";
const isRecord =
  (path: string, mode: string) =>
  (line: Line): line is Observation =>
    "subject" in line && line.key === path && line.facts?.["mode"] === mode;

test("the files sensor of an ordinary user works with less, and says so", { skip: WITHOUT_ROOT }, async () => {
  const folder = join(root, "files");
  mkdirSync(folder);
  writeFileSync(join(folder, "open"), "text", { mode: 0o644 });
  writeFileSync(join(folder, "closed"), "text", { mode: 0o600 });
  const watched = [{ pattern: `${folder}/*`, secret: false }];
  await using user = new Unprivileged("files/sensor.ts", { watched, scanEveryMs: 3_600_000 });
  const status = await user.until(isStatus);
  assert.equal(status.state, "degraded");
  assert.match(status.blindTo.join("\n"), /who did it, reads.*EPERM/);
  const closed = await user.until(isRecord(join(folder, "closed"), "0600"));
  assert.deepEqual([closed.facts?.["sha256"], closed.facts?.["uid"]], ["not taken: EACCES", 0]);
  assert.equal((await user.until(isRecord(join(folder, "open"), "0644"))).facts?.["text"], "text");
  chmodSync(join(folder, "open"), 0o664);
  const changed = await user.until(isRecord(join(folder, "open"), "0664"));
  assert.deepEqual([changed.who, changed.scanned], [null, false]);
});

test("the secrets sensor of an ordinary user says that it is blind to reads", { skip: WITHOUT_ROOT }, async () => {
  await using user = new Unprivileged("secrets/sensor.ts", { patterns: [`${root}/secret`], scanEveryMs: 3_600_000 });
  const status = await user.until(isStatus);
  assert.equal(status.state, "blind");
  assert.equal(status.blindTo[0], "every read of a secret");
});

test("the listeners sensor of an ordinary user works with less, and says so", { skip: WITHOUT_ROOT }, async () => {
  await using user = new Unprivileged("listeners/sensor.ts", { goneAfterMs: 1000, udpClientMs: 600_000 });
  const status = await user.until(isStatus);
  assert.equal(status.state, "degraded");
  assert.match(status.blindTo.join("\n"), /programs of other users behind a listener.*not run as root/);
});
