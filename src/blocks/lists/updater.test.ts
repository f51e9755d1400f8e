import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { Json } from "#src/model/json.ts";
import type { BlockListOptions } from "../options.ts";
import { readKeptList, writeKeptList } from "./kept-list.ts";
import { ListServer, textAnswer } from "./list-server.mts";
import { BlockListUpdater, type UpdaterOptions } from "./updater.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A store, a warden and a clock of the test's own, which outlive an updater as they do in the mind. */
class World {
  readonly kept = new Map<string, Json>();
  readonly blocked = new Map<string, readonly string[]>();
  readonly puts: string[] = [];
  nowUnixMs = 1_795_351_306_000;
  isWardenAway = false;

  open(lists: readonly BlockListOptions[], more: Partial<UpdaterOptions> = {}): BlockListUpdater {
    return new BlockListUpdater({
      lists,
      store: {
        get: (key) => this.kept.get(key) ?? null,
        put: (key, value) => {
          if (value === null) this.kept.delete(key);
          else this.kept.set(key, JSON.parse(JSON.stringify(value)) as Json);
        },
      },
      put: async (name, networks) => {
        if (this.isWardenAway) throw new Error("the warden is away");
        this.puts.push(name);
        if (networks.length === 0) this.blocked.delete(name);
        else this.blocked.set(name, networks);
      },
      now: () => this.nowUnixMs,
      random: () => 0.5,
      ...more,
    });
  }

  /** Until something is due again, and then all that is due. */
  async pass(updater: BlockListUpdater, spanMs: number): Promise<void> {
    this.nowUnixMs += spanMs;
    await updater.runDue();
  }
}

function list(from: string, name = "one"): BlockListOptions {
  return { name, from, everyMs: HOUR_MS, maxBytes: 100_000, maxEntries: 1000 };
}

const addresses = (count: number): string => Array.from({ length: count }, (_, at) => `203.0.113.${at * 2}\n`).join("");

test("BlockListUpdater fetches a list when it is due and hands its fewest networks over", async (t) => {
  const world = new World();
  const server = await ListServer.start(
    t,
    textAnswer("203.0.113.0/25\n203.0.113.5\n203.0.113.128/25\n10.0.0.1\n10.0.0.2\nbad\n"),
  );
  await using updater = world.open([list(server.url)]);
  assert.equal(updater.status[0]?.state, "waiting");
  await world.pass(updater, 10_000);
  assert.equal(server.requests.length, 0);
  await world.pass(updater, 20_000);
  assert.deepEqual(world.blocked.get("one"), ["203.0.113.0/24"]);
  const [status] = updater.status;
  assert.deepEqual(
    [status?.state, status?.entries, status?.networks, status?.reservedCount, status?.refusedCount, status?.failure],
    ["good", 3, 1, 2, 1, null],
  );
  assert.deepEqual(status?.refused, [{ line: 6, why: '"bad" is neither an address nor a network' }]);
  await world.pass(updater, HOUR_MS);
  assert.equal(server.requests.length, 2);
  assert.deepEqual(world.puts, ["one"], "an unchanged list is not handed over again");
  assert.equal(updater.status[0]?.askedUnixMs, world.nowUnixMs);
});

test("BlockListUpdater keeps the last list when the source fails, gives HTML, nothing or far fewer entries, and says so", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(40)));
  await using updater = world.open([list(server.url)]);
  await world.pass(updater, 30_000);
  const before = world.blocked.get("one");
  for (const [answer, why] of [
    [textAnswer("<!DOCTYPE html><html>203.0.113.5</html>"), /a page of HTML/],
    [textAnswer(""), /it is empty/],
    [textAnswer("Too many requests\n"), /a list of networks is wanted/],
    [textAnswer(addresses(19)), /it has 19 entries where it had 40: the last ones stay until it is so for 3 days/],
    [
      textAnswer(Array.from({ length: 2000 }, (_, at) => `203.0.${at >> 8}.${at & 255}\n`).join("")),
      /more than 1000 entries/,
    ],
  ] as const) {
    server.answer = answer;
    await world.pass(updater, 2 * HOUR_MS);
    assert.equal(updater.status[0]?.state, "stale");
    assert.match(updater.status[0]?.failure ?? "", why);
    assert.equal(updater.status[0]?.entries, 40);
    assert.deepEqual(world.blocked.get("one"), before);
  }
  server.answer = textAnswer(addresses(30));
  await world.pass(updater, 2 * HOUR_MS);
  assert.deepEqual([updater.status[0]?.state, updater.status[0]?.entries], ["good", 30]);
});

test("BlockListUpdater takes a list that stays short for three days, or that an admin asks for", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(40)));
  await using updater = world.open([list(server.url)]);
  await world.pass(updater, 30_000);
  server.answer = textAnswer(addresses(5));
  await world.pass(updater, 2 * HOUR_MS);
  await world.pass(updater, 2 * DAY_MS);
  assert.equal(updater.status[0]?.state, "stale");
  await world.pass(updater, DAY_MS);
  assert.deepEqual([updater.status[0]?.state, updater.status[0]?.entries], ["good", 5]);
  server.answer = textAnswer(addresses(1));
  assert.equal((await updater.update("one")).entries, 1);
  await assert.rejects(updater.update("two"), /^RangeError: Cannot update list "two": there is none of that name/);
});

test("BlockListUpdater takes a file of the admin's at the second look however short, also empty", async (t) => {
  const world = new World();
  const path = join(folderOf(t), "list");
  writeFileSync(path, addresses(10), { mode: 0o644 });
  await using updater = world.open([list(path)]);
  await world.pass(updater, 30_000);
  assert.equal(updater.status[0]?.entries, 10);
  writeFileSync(path, "# none\n");
  await world.pass(updater, 2 * HOUR_MS);
  assert.equal(updater.status[0]?.state, "stale");
  assert.equal(world.blocked.get("one")?.length, 10);
  await world.pass(updater, 2 * HOUR_MS);
  assert.deepEqual([updater.status[0]?.state, world.blocked.has("one")], ["good", false]);
});

test("BlockListUpdater asks again a minute after a failure, then ever later, at most as seldom as before", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, (_, response) => response.writeHead(500).end());
  await using updater = world.open([list(server.url)]);
  await world.pass(updater, 30_000);
  const delays: number[] = [];
  for (let round = 0; round < 8; round++) {
    const [status] = updater.status;
    assert.equal(status?.state, "missing");
    delays.push((status?.nextUnixMs ?? 0) - world.nowUnixMs);
    await world.pass(updater, delays.at(-1) ?? 0);
  }
  assert.deepEqual(
    delays,
    [1, 2, 4, 8, 16, 32, 60, 60].map((minutes) => minutes * 60_000),
  );
  assert.equal(server.requests.length, 9);
});

test("BlockListUpdater hands over what it has after a restart, and when the warden was away", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(3)));
  world.isWardenAway = true;
  {
    await using updater = world.open([list(server.url)]);
    await world.pass(updater, 30_000);
    assert.equal(updater.status[0]?.failure, "Cannot hand the list to the warden: the warden is away");
    assert.equal(await updater.runDue(), 60_000);
  }
  world.isWardenAway = false;
  await using updater = world.open([list(server.url)]);
  assert.equal(updater.status[0]?.entries, 3);
  await updater.runDue();
  assert.equal(world.blocked.get("one")?.length, 3);
  assert.equal(server.requests.length, 1, "what is kept is not fetched again before it is due");
  assert.equal(updater.status[0]?.failure, null);
});

test("BlockListUpdater takes away lists that are configured no longer, also when the warden was away at first", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(3)));
  {
    await using updater = world.open([list(server.url, "one"), list(server.url, "two")]);
    await world.pass(updater, 30_000);
    assert.deepEqual([...world.blocked.keys()], ["one", "two"]);
  }
  await using updater = world.open([list(server.url, "two")]);
  world.isWardenAway = true;
  await updater.runDue();
  assert.deepEqual([...world.blocked.keys()], ["one", "two"]);
  world.isWardenAway = false;
  await updater.runDue();
  assert.deepEqual([...world.blocked.keys()], ["two"]);
  assert.deepEqual([...world.kept.keys()].toSorted(), ["block-lists", "block-lists/two"]);
});

test("BlockListUpdater compares nothing with a list of another source", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(40)));
  {
    await using updater = world.open([list(server.url)]);
    await world.pass(updater, 30_000);
  }
  const other = await ListServer.start(t, textAnswer(addresses(2)));
  await using updater = world.open([list(other.url)]);
  await world.pass(updater, 30_000);
  assert.deepEqual([updater.status[0]?.state, updater.status[0]?.entries], ["good", 2]);
  assert.equal(other.requests[0]?.headers["if-none-match"], undefined);
});

test("BlockListUpdater works by itself once it is started, and ends when it is disposed", async (t) => {
  const world = new World();
  const server = await ListServer.start(t, textAnswer(addresses(3)));
  const { promise, resolve } = Promise.withResolvers<void>();
  const updater = world.open([list(server.url)], { random: () => 0, onStatus: () => resolve() });
  updater.start();
  await promise;
  assert.equal(world.blocked.get("one")?.length, 3);
  await updater[Symbol.asyncDispose]();
});

test("readKeptList() gives back what was written, and null for anything else", () => {
  const list = {
    from: "https://lists.example.net/",
    validators: { etag: '"1"', lastModified: null },
    fetchedUnixMs: 5,
    entries: 3,
    networks: ["203.0.113.0/24", "2001:db8::/32"],
    refused: [{ line: 3, why: "x" }],
    refusedCount: 1,
    reservedCount: 2,
    shrunkSinceUnixMs: 4,
  };
  const written = JSON.parse(JSON.stringify(writeKeptList(list))) as Record<string, Json>;
  assert.deepEqual(readKeptList(written), list);
  for (const change of [
    { networks: "x" },
    { networks: 5 },
    { entries: -1 },
    { etag: 5 },
    { from: null },
    { shrunkSinceUnixMs: "x" },
  ])
    assert.equal(readKeptList({ ...written, ...change }), null, JSON.stringify(change));
  fc.assert(fc.property(fc.jsonValue(), (json) => readKeptList(json as Json) === null));
});
