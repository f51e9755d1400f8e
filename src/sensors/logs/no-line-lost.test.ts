/**
 * The guarantee: no line is lost or read twice, whoever is killed at whatever step and however a log is rotated meanwhile. A model of a
 * writer and of logrotate works on a real folder, while sentry and mind are killed and started.
 */
import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import { until } from "#src/mind/fake-peer.mts";
import { FakeMind, FakeSentry, FakeStore } from "./fake-mind.mts";

/** One log with its writer, its logrotate, and those who follow it. */
class World implements AsyncDisposable {
  readonly folder: string;
  readonly path: string;
  readonly socket: string;
  readonly store = new FakeStore();
  readonly written: string[] = [];
  readonly #kept: number;
  sentry: FakeSentry | null = null;
  mind: FakeMind | null = null;
  #partial = "";
  #barriers = 0;
  #held: number | null = null;

  /** @param kept so many rotated files are kept */
  constructor(folder: string, kept: number) {
    this.folder = folder;
    this.#kept = kept;
    this.path = join(folder, "a.log");
    this.socket = join(folder, "logs.sock");
    writeFileSync(this.path, "history\n");
  }

  startSentry(): void {
    const source = { name: "a", kind: "file", paths: [`${this.folder}/*.log`] };
    this.sentry ??= new FakeSentry(this.socket, { sources: [source], awayForMs: 3_600_000 });
  }

  async stopSentry(): Promise<void> {
    await this.sentry?.[Symbol.asyncDispose]();
    this.sentry = null;
  }

  startMind(): void {
    this.mind ??= new FakeMind(this.socket, this.store);
  }

  stopMind(): void {
    this.mind?.[Symbol.dispose]();
    this.mind = null;
  }

  write(count: number, pad: number): void {
    let text = "";
    for (let index = 0; index < count; index++) {
      const line = `${this.#partial}line ${this.written.length} ${"x".repeat(pad)}`;
      text += `${line.slice(this.#partial.length)}\n`;
      this.written.push(line);
      this.#partial = "";
    }
    this.#append(text);
  }

  writePartly(): void {
    const piece = `part of ${this.written.length} `;
    this.#partial += piece;
    this.#append(piece);
  }

  /** As a program that writes to its old file until it is told to open it anew. */
  holdOpen(): void {
    this.#held ??= openSync(this.path, "a");
  }

  reopen(): void {
    this.#finishLine();
    if (this.#held !== null) closeSync(this.#held);
    this.#held = null;
  }

  rename(isZipped: boolean, isCreated = true): void {
    if (this.#held === null) this.#finishLine();
    if (!existsSync(this.path)) return;
    this.#shift();
    renameSync(this.path, `${this.path}.1`);
    // What is written to a file that is zipped and deleted lies nowhere: logrotate has delaycompress for that.
    if (isZipped && this.#held === null) this.#zip();
    if (isCreated) writeFileSync(this.path, "");
  }

  /**
   * Without a process in between that writes: what it writes between copy and truncation nobody can save. And a content that is gone
   * again before it was looked at once is not known when it lies elsewhere: the sentry gets the time to hear of it.
   */
  async copyAndTruncate(isZipped: boolean): Promise<void> {
    this.reopen();
    if (!existsSync(this.path)) return;
    if (this.sentry !== null && (this.mind === null || this.mind.isPaused)) return;
    if (this.sentry !== null) await this.#hear();
    this.#shift();
    copyFileSync(this.path, `${this.path}.1`);
    truncateSync(this.path);
    if (isZipped) this.#zip();
  }

  /** All have caught up. */
  async settle(): Promise<void> {
    this.#finishLine();
    this.startSentry();
    this.startMind();
    STEPS.store(this);
    const wanted = this.written.length;
    const start = performance.now();
    // What a gap has told of does not come.
    const waited = (): number => performance.now() - start;
    await until(
      () => this.store.lines.length >= wanted || waited() > 3_000 || (this.store.gaps.length > 0 && waited() > 200),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopMind();
    await this.stopSentry();
    if (this.#held !== null) closeSync(this.#held);
  }

  async #hear(): Promise<void> {
    const path = join(this.folder, `barrier-${++this.#barriers}.log`);
    writeFileSync(path, "");
    const { mind } = this;
    await until(() => mind?.log.includes(`open ${path} 0`) === true);
  }

  #append(text: string): void {
    if (this.#held === null) appendFileSync(this.path, text);
    else writeSync(this.#held, text);
  }

  #finishLine(): void {
    if (this.#partial !== "") this.write(1, 0);
  }

  #shift(): void {
    const numbers = readdirSync(this.folder).flatMap((name) => /^a\.log\.(\d+)(?:\.gz)?$/.exec(name)?.[1] ?? []);
    for (const number of numbers.map(Number).sort((a, b) => b - a)) {
      for (const end of ["", ".gz"]) {
        const from = `${this.path}.${number}${end}`;
        if (!existsSync(from)) continue;
        if (number >= this.#kept) rmSync(from);
        else renameSync(from, `${this.path}.${number + 1}${end}`);
      }
    }
  }

  #zip(): void {
    const path = `${this.path}.1`;
    const { atime, mtime } = statSync(path);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
    utimesSync(`${path}.gz`, atime, mtime);
    rmSync(path);
  }
}

const STEPS = {
  write: (world: World, size: number) => world.write(1 + (size % 5), size % 700),
  "write much": (world: World, size: number) => world.write(300, size * 4),
  "write a part of a line": (world: World) => world.writePartly(),
  rename: (world: World) => world.rename(false),
  "rename and zip": (world: World) => world.rename(true),
  "copy and truncate": (world: World) => world.copyAndTruncate(false),
  "copy, truncate and zip": (world: World) => world.copyAndTruncate(true),
  "hold open": (world: World) => world.holdOpen(),
  reopen: (world: World) => world.reopen(),
  "kill the mind": (world: World) => world.stopMind(),
  "kill the mind behind its commit": (world: World) => {
    world.mind?.commit(false);
    world.stopMind();
  },
  "start the mind": (world: World) => world.startMind(),
  "kill the sentry": (world: World) => world.stopSentry(),
  "start the sentry": (world: World) => world.startSentry(),
  "store nothing": (world: World) => {
    if (world.mind !== null) world.mind.isPaused = true;
  },
  store: (world: World) => {
    if (world.mind === null) return;
    world.mind.isPaused = false;
    world.mind.commit();
  },
  "wait a moment": async (_: World, size: number) => {
    for (let turn = 0; turn < size; turn++) await nextTurn();
  },
  settle: (world: World) => world.settle(),
} satisfies Record<string, (world: World, size: number) => void | Promise<void>>;

type Step = readonly [keyof typeof STEPS, number];

const step = fc.tuple(fc.constantFrom(...(Object.keys(STEPS) as (keyof typeof STEPS)[])), fc.nat(1000));

test("no line is lost or read twice, in whatever order logs are written, rotated and processes killed", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => hold(t, steps, 30, checkWhole)),
    { numRuns: Number(process.env["GARRISON_RUNS"] ?? 40) },
  );
});

test("no line is lost without a gap that tells of it, nor read twice, where hardly any rotated file is kept", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (steps, kept) =>
      hold(t, steps, kept, checkTold),
    ),
    { numRuns: Number(process.env["GARRISON_RUNS"] ?? 40) },
  );
});

test("no line is lost of logs that come and are rotated in one moment where none lay at the path", async (t) => {
  for (const isZipped of [false, true]) {
    await using world = new World(folderOf(t), 30);
    world.startSentry();
    world.startMind();
    await until(() => world.store.known.length > 0);
    for (const count of [1, 2, 3]) {
      world.write(count, 0);
      await world.settle();
      world.rename(false, false);
      await until(() => [...world.store.rows].some(({ position }) => position.isAway));
      for (let round = 0; round < count; round++) {
        world.write(2, 0);
        world.rename(isZipped, false);
      }
      await world.settle();
      checkWhole(world);
    }
  }
});

async function hold(
  t: TestContext,
  steps: readonly Step[],
  kept: number,
  check: (world: World) => void,
): Promise<void> {
  await using world = new World(folderOf(t), kept);
  // The first start decides where the history ends.
  world.startSentry();
  world.startMind();
  await until(() => world.store.known.length > 0);
  // A log that never had a line has nothing by which its next content could be told from history: README.md names that limit.
  world.write(1, 0);
  await world.settle();
  for (const [name, size] of steps) await STEPS[name](world, size);
  world.reopen();
  await world.settle();
  check(world);
  // What was stored is where another start goes on.
  world.stopMind();
  await world.stopSentry();
  world.write(2, 10);
  await world.settle();
  check(world);
}

function checkWhole({ store, written }: World): void {
  const found = compare(store.texts(), written);
  assert.deepEqual({ ...found, gaps: store.gaps }, { lost: [], twice: [], strange: [], gaps: [] });
}

function checkTold({ store, written }: World): void {
  const { lost, ...found } = compare(store.texts(), written);
  assert.deepEqual(found, { twice: [], strange: [] });
  if (store.gaps.length === 0) assert.deepEqual(lost, []);
}

function compare(found: readonly string[], written: readonly string[]): Record<"lost" | "twice" | "strange", string[]> {
  const times = new Map<string, number>();
  for (const text of found) times.set(text, (times.get(text) ?? 0) + 1);
  const known = new Set(written);
  return {
    lost: written.filter((line) => !times.has(line)).map((line) => line.slice(0, 40)),
    twice: [...times].filter(([, count]) => count > 1).map(([line]) => line.slice(0, 40)),
    strange: found.filter((line) => !known.has(line)).map((line) => line.slice(0, 80)),
  };
}
