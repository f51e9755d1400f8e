import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { SensorContext, Sight } from "#src/model/sensor.ts";
import { ListFollower } from "./list-follower.ts";
import { PathList } from "./path-list.ts";

const root = mkdtempSync(join(tmpdir(), "garrison-follower-"));
after(() => rmSync(root, { recursive: true, force: true }));

/**
 * A follower whose clock is ours. What this process itself does makes no event for it: only looks and glances find it.
 */
class Followed implements AsyncDisposable {
  readonly looks: string[] = [];
  readonly sights: Sight[] = [];
  listings = 0;
  readonly #life = new AbortController();
  readonly #follower: ListFollower;
  #timer: (() => void) | null = null;
  #wake = (): void => {};

  constructor(patterns: readonly string[]) {
    const context: SensorContext = {
      options: {},
      root: "/",
      signal: this.#life.signal,
      sight: (sight) => this.sights.push(sight),
      count: () => {},
      fail: assert.fail,
      after: (_delayMs, callback) => {
        this.#timer = callback;
        this.#wake();
      },
    };
    this.#follower = new ListFollower(context, {
      list: new PathList(patterns),
      inodeMask: 0x4,
      scanEveryMs: 1000,
      told: () => [],
      take: () => true,
      look: (path) => this.looks.push(path.slice(root.length)),
      listed: () => this.listings++,
      describe: (sight) => sight,
    });
    this.#follower.start();
  }

  /** Waits until the follower waits. */
  async rest(): Promise<void> {
    while (this.#timer === null) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** What is looked at when the time is over. */
  async next(): Promise<string[]> {
    await this.rest();
    const timer = this.#timer;
    this.#timer = null;
    this.looks.length = 0;
    timer?.();
    await this.rest();
    return [...this.looks];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    await this.#follower[Symbol.asyncDispose]();
  }
}

test("ListFollower looks at all, then glances, and looks at what has another inode or ctime", async () => {
  mkdirSync(join(root, "conf"));
  for (const name of ["a", "b"]) writeFileSync(join(root, "conf", name), "x");
  await using followed = new Followed([`${root}/conf/*`]);
  await followed.rest();
  assert.deepEqual([followed.looks.sort(), followed.listings], [["/conf/a", "/conf/b"], 1]);
  assert.deepEqual(await followed.next(), []);
  chmodSync(join(root, "conf/a"), 0o600);
  assert.deepEqual(await followed.next(), ["/conf/a"]);
  assert.deepEqual(await followed.next(), []);
  writeFileSync(join(root, "new"), "x");
  renameSync(join(root, "new"), join(root, "conf/b"));
  assert.deepEqual(await followed.next(), ["/conf/b"]);
  assert.equal(followed.listings, 1);
});

test("ListFollower looks at all again when a folder is another one, and each tenth time", async () => {
  mkdirSync(join(root, "first"));
  mkdirSync(join(root, "deep/x"), { recursive: true });
  writeFileSync(join(root, "first/a"), "x");
  await using followed = new Followed([`${root}/first/*`, `${root}/deep/**`]);
  await followed.rest();
  for (let glances = 0; glances < 9; glances++) assert.deepEqual(await followed.next(), []);
  assert.deepEqual([await followed.next(), followed.listings], [["/first/a", "/deep/x"], 2]);
  mkdirSync(join(root, "second"));
  for (const name of ["a", "b"]) writeFileSync(join(root, "second", name), "x");
  renameSync(join(root, "first"), join(root, "old"));
  renameSync(join(root, "second"), join(root, "first"));
  await followed.next();
  while (followed.listings < 3) await followed.rest().then(() => new Promise((resolve) => setImmediate(resolve)));
  assert.deepEqual(followed.looks.sort(), ["/deep/x", "/first/a", "/first/b"]);
});
