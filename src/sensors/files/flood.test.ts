import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { Hand, type LongestTurn, RunningSensor, WITHOUT_ROOT, watchTurns } from "../harness.mts";
import { sensor } from "./sensor.ts";

const NEVER_MS = 3_600_000;
const CREATES_PER_SECOND = 30_000;
const LOAD_SECONDS = 3;
const skip = WITHOUT_ROOT;
// In memory: a disk would be slower than the load.
const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "garrison-flood-"));
const hand = new Hand();
after(async () => {
  await hand[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

// Creates files of ever new names in a folder at a steady rate, removing those of a moment ago; prints how many, and in what time.
const LOAD = `
import os, sys, time
folder, rate, seconds = os.fsencode(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
start = time.monotonic()
count = 0
while time.monotonic() - start < seconds:
    for _ in range(100):
        os.close(os.open(b"%s/load-%d" % (folder, count), os.O_CREAT | os.O_WRONLY, 0o600))
        count += 1
    ahead = start + count / rate - time.monotonic()
    if ahead > 0: time.sleep(ahead)
print(count, time.monotonic() - start)
`;

interface Load {
  readonly count: number;
  readonly seconds: number;
}

async function load(folder: string): Promise<Load> {
  const parameters = ["-c", LOAD, folder, String(CREATES_PER_SECOND), String(LOAD_SECONDS)];
  const child = spawn("/usr/bin/python3", parameters, { stdio: ["ignore", "pipe", "inherit"] });
  const [count = 0, seconds = 0] = (await text(child.stdout)).split(" ").map(Number);
  return { count, seconds };
}

function describe({ wallMs, cpuMs }: LongestTurn): string {
  return `${cpuMs.toFixed(0)} ms of CPU, ${wallMs.toFixed(0)} ms by the clock`;
}

function start(folder: string, patterns: readonly string[]): RunningSensor {
  const watched = patterns.map((pattern) => ({ pattern: join(folder, pattern), secret: false }));
  return new RunningSensor({ sensor, options: { watched, scanEveryMs: NEVER_MS } });
}

test("30,000 files created a second in a watched folder: nothing lost, and a chmod meanwhile is told", {
  skip,
}, async (t) => {
  const folder = join(root, "busy");
  mkdirSync(join(folder, "onward"), { recursive: true });
  writeFileSync(join(folder, "watched"), "x");
  await using running = start(folder, ["watched", "onward/*/secret", "awaited"]);
  await running.ready();
  const cpuBefore = process.cpuUsage();
  const longestTurn = watchTurns();
  const under = load(folder);
  const delaysMs: number[] = [];
  for (const mode of ["0600", "0644", "0640", "0444", "0666"]) {
    const from = running.facts.length;
    await hand.do(`import time; time.sleep(0.3); os.chmod("${folder}/watched", 0o${mode})`);
    const actedMs = performance.now();
    const told = await running.observation("the mode", ({ facts }) => facts?.["mode"] === mode, from);
    delaysMs.push(performance.now() - actedMs);
    assert.equal(told.who?.pid, hand.pid);
  }
  const { count, seconds } = await under;
  const { user, system } = process.cpuUsage(cpuBefore);
  await running.until("all events", () => running.count("events") >= count);
  const rate = Math.round(count / seconds);
  t.diagnostic(
    `${count} files at ${rate}/s; ${running.count("events")} events, ${running.count("overflows")} overflows`,
  );
  const turn = longestTurn();
  t.diagnostic(`${((user + system) / count).toFixed(1)} us of CPU a file; longest turn ${describe(turn)}`);
  t.diagnostic(`chmod to observation: ${delaysMs.map((delayMs) => delayMs.toFixed(1)).join(", ")} ms`);
  assert.equal(running.count("overflows"), 0);
  // Work is cut at 8 ms a turn, and two pieces may meet in one; the rest is garbage collection.
  assert.ok(turn.cpuMs < 60, `a turn took ${describe(turn)}`);
  assert.equal(running.status().state, "watching");
  assert.equal(running.status().restarts, 0);
  const others = running.observations.filter(({ key }) => key !== `${folder}/watched`);
  assert.deepEqual(others, [], "names that are not on the list are not told");
});

test("a folder that leads on, flooded with names that match: each is looked at, no event makes a walk through everything", {
  skip,
}, async (t) => {
  const folder = join(root, "onward");
  mkdirSync(folder);
  await using running = start(folder, ["*/.accesshash"]);
  await running.ready();
  const longestTurn = watchTurns();
  const { count } = await load(folder);
  await hand.do(`os.mkdir("${folder}/kim"); open("${folder}/kim/.accesshash", "w").close()`);
  await running.observation("the file behind the flood", ({ key }) => key === `${folder}/kim/.accesshash`);
  t.diagnostic(
    `${count} files; ${running.count("overflows")} looks at everything; longest turn ${describe(longestTurn())}`,
  );
  assert.equal(running.status().restarts, 0);
});

test("events that the kernel dropped are counted, said, and made good by a look at everything", { skip }, async () => {
  const folder = join(root, "overflow");
  mkdirSync(folder);
  writeFileSync(join(folder, "watched"), "x");
  await using running = start(folder, ["watched", "new/*"]);
  await running.ready();
  const limit = Number(readFileSync("/proc/sys/fs/fanotify/max_queued_events", "latin1"));
  // While this process waits here it reads no event.
  const script = `import os
for n in range(${limit + 1000}): os.close(os.open("${folder}/f%d" % n, os.O_CREAT | os.O_WRONLY))
os.chmod("${folder}/watched", 0o600)
os.mkdir("${folder}/new"); open("${folder}/new/file", "w").close()`;
  assert.equal(spawnSync("/usr/bin/python3", ["-c", script], { stdio: "inherit" }).status, 0);
  const changed = await running.observation("the mode", ({ facts }) => facts?.["mode"] === "0600");
  assert.deepEqual([changed.scanned, changed.who], [true, null]);
  await running.observation("the file in the new folder", ({ key }) => key === `${folder}/new/file`);
  assert.ok(running.count("overflows") >= 1);
  await running.until("the sight", () => running.status().state === "degraded");
  assert.match(running.status().blindTo.join("\n"), /events that the kernel dropped \(1 times, last at /);
  await hand.do(`os.chmod("${folder}/new/file", 0o600)`);
  await running.observation("what comes later", ({ who }) => who?.pid === hand.pid);
});

test("a tree that is on the list whole, flooded: it goes on, and says what it does not keep", { skip }, async (t) => {
  const folder = join(root, "deep");
  mkdirSync(folder);
  await using running = start(folder, ["**"]);
  await running.ready();
  const longestTurn = watchTurns();
  const { count } = await load(folder);
  await hand.do(`os.chmod("${folder}/load-0", 0o644)`);
  await running.observation("the mode", ({ key, facts }) => key === `${folder}/load-0` && facts?.["mode"] === "0644");
  t.diagnostic(
    `${count} files, ${running.observations.length} told, ${running.count("notKept")} not kept, longest turn ${describe(longestTurn())}`,
  );
  assert.equal(running.status().restarts, 0);
});
