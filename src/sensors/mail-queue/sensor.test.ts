import assert from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { JsonObject } from "#src/model/json.ts";
import type { Level, Levels } from "#src/model/observation.ts";
import type { Sight } from "#src/model/sensor.ts";
import { fact } from "#src/wire/facts.ts";
import { readSample } from "./sample.ts";
import { sensor } from "./sensor.ts";

/** One run of the sensor, looked at by hand: its supervisor only waits between two looks. */
class Run {
  readonly sights: Sight[] = [];
  readonly #context;

  constructor(root: string, spools: readonly string[] = []) {
    this.#context = {
      options: { spools } as JsonObject,
      root,
      sight: (sight: Sight): void => void this.sights.push(sight),
      count: () => {},
      after: () => {},
      fail: (error: unknown) => assert.fail(String(error)),
      signal: new AbortController().signal,
    };
  }

  async look(): Promise<Record<string, Level>> {
    const told = await sensor.poll(this.#context);
    // As the wire takes it.
    const levels = told.map((one) => fact(JSON.parse(JSON.stringify(one)), "fact") as Levels);
    assert.ok(levels.length <= 1);
    return Object.fromEntries(levels.flatMap(({ values }) => values).map((level) => [level.series, level]));
  }

  async values(): Promise<Record<string, number>> {
    const levels = Object.entries(await this.look()).map(([series, { value }]) => [series, value]);
    return Object.fromEntries(levels);
  }
}

/** A host with a spool of Exim, and one of Postfix. */
function hostOf(t: TestContext): string {
  const root = folderOf(t);
  chmodSync(root, 0o755);
  for (const folder of ["exim4/input/x", "postfix/active", "postfix/deferred/5", "postfix/hold"])
    mkdirSync(join(root, "var/spool", folder), { recursive: true });
  return root;
}

const BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** An id of a message that came so long ago. */
function idOf(ageSeconds: number, number = 0): string {
  let left = Math.floor(Date.now() / 1000) - ageSeconds;
  let time = "";
  for (; time.length < 6; left = Math.floor(left / 62)) time = `${BASE_62[left % 62]}${time}`;
  return `${time}-${String(number).padStart(6, "0")}-0p`;
}

function queueExim(root: string, id: string, login = "alice"): void {
  const text = `${id}-H\n${login} 2001 2001\n<${login}@web1.example.net>\n1795351295 0\nXX\n1\nr@x.example\n\n`;
  writeFileSync(join(root, "var/spool/exim4/input/x", `${id}-H`), text);
}

/** A folder that has been left alone for a while. */
function settle(root: string): void {
  for (const folder of ["exim4/input", "exim4/input/x", "postfix/active"])
    utimesSync(join(root, "var/spool", folder), 1_700_000_000, 1_700_000_000);
}

suite("the sensor of mail queues", () => {
  test("poll() says that there is none where there is none", async (t) => {
    const root = folderOf(t);
    const run = new Run(root);
    assert.deepEqual(await run.values(), {});
    assert.deepEqual(run.sights.at(-1), {
      state: "watching",
      sees: ["no mail queue: neither Exim nor Postfix has a spool here"],
      blindTo: [],
    });
  });

  test("poll() tells size and age of Exim's queue, and the parts of Postfix's", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(7200, 1));
    queueExim(root, idOf(60, 2));
    for (const file of ["deferred/5/5CE9F228424", "deferred/5/5BAA1228414", "hold/A6CB72280D5"])
      writeFileSync(join(root, "var/spool/postfix", file), "");
    const { "queue-oldest exim": oldest = 0, ...values } = await new Run(root).values();
    assert.ok(oldest >= 7200 && oldest < 7300, String(oldest));
    assert.deepEqual(values, {
      "queue-size exim": 2,
      "queue-size postfix": 3,
      "queue-deferred postfix": 2,
      "queue-hold postfix": 1,
    });
  });

  test("poll() tells an empty queue as 0, with nothing in it", async (t) => {
    const levels = await new Run(hostOf(t)).look();
    assert.deepEqual(levels["queue-size exim"], { series: "queue-size exim", value: 0, detail: null });
    assert.equal(levels["queue-oldest exim"]?.value, 0);
  });

  test("poll() gives beginnings of the newest messages for the mind to read, and of none that it has told", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(7200, 1), "bob");
    const run = new Run(root);
    const first = (await run.look())["queue-size exim"]?.detail;
    assert.deepEqual([readSample(first?.["newest"], 0), readSample(first?.["some"], 0)?.groups[0]?.key], [null, "bob"]);
    for (let number = 0; number < 40; number++) queueExim(root, idOf(0, number));
    const second = (await run.look())["queue-size exim"];
    assert.equal(second?.value, 41);
    const { messages, groups } = readSample(second?.detail?.["newest"], 0) ?? assert.fail();
    assert.deepEqual([messages, groups.map(({ key }) => key)], [12, ["alice"]]);
  });

  test("poll() does not list a folder again that has not changed, and gives no beginnings then", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(60));
    settle(root);
    const run = new Run(root);
    await run.look();
    // What makes no difference to the folder's time is not seen until something does: that is how it is known not to be listed.
    queueExim(root, idOf(50, 1));
    settle(root);
    const unchanged = (await run.look())["queue-size exim"];
    assert.deepEqual([unchanged?.value, unchanged?.detail], [1, null]);
    queueExim(root, idOf(40, 2));
    assert.equal((await run.look())["queue-size exim"]?.value, 3);
  });

  test("poll() lists a folder again that changed a moment before it was listed", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(60));
    const run = new Run(root);
    await run.look();
    const { mtime } = await import("node:fs").then(({ statSync }) => statSync(join(root, "var/spool/exim4/input/x")));
    queueExim(root, idOf(50, 1));
    utimesSync(join(root, "var/spool/exim4/input/x"), mtime, mtime);
    assert.equal((await run.look())["queue-size exim"]?.value, 2);
  });

  test("poll() tells no size of a queue of which it cannot read a part, and says so", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(60));
    chmodSync(root, 0o755);
    const run = new Run(root);
    chmodSync(join(root, "var/spool/exim4/input/x"), 0o700);
    process.seteuid?.(65_534);
    try {
      const values = await run.values();
      assert.equal(values["queue-size exim"], undefined);
      assert.equal(values["queue-size postfix"], 0);
      assert.equal(run.sights.at(-1)?.state, "degraded");
      assert.deepEqual(run.sights.at(-1)?.blindTo, [`${root}/var/spool/exim4/input/x: may not be read by this user`]);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("poll() goes on when a spool comes and goes", async (t) => {
    const root = hostOf(t);
    queueExim(root, idOf(60));
    const run = new Run(root);
    assert.equal((await run.values())["queue-size exim"], 1);
    renameSync(join(root, "var/spool/exim4"), join(root, "away"));
    assert.equal((await run.values())["queue-size exim"], undefined);
    renameSync(join(root, "away"), join(root, "var/spool/exim4"));
    assert.equal((await run.values())["queue-size exim"], 1);
    rmSync(join(root, "var/spool"), { recursive: true });
    assert.deepEqual(await run.values(), {});
  });

  test("poll() looks at spools that the configuration names, and tells two of a kind apart", async (t) => {
    const root = hostOf(t);
    const other = hostOf(t);
    queueExim(other, idOf(60));
    const path = join(other, "var/spool/exim4");
    const values = await new Run(root, [path]).values();
    assert.deepEqual([values["queue-size exim"], values[`queue-size exim ${path}`]], [0, 1]);
  });
});
