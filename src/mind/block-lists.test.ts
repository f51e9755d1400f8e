import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import type { BlockListOptions } from "#src/blocks/options.ts";
import { checkList, listLine } from "#src/cli/block-text.ts";
import { Output } from "#src/cli/output.ts";
import { readValue } from "#src/store/outbox.ts";
import { Bench } from "./block-bench.mts";
import { makeRunFolder } from "./fake-peer.mts";

const NETWORKS = ["198.51.100.0/24", "203.0.113.7/32"];

class Place implements Disposable {
  readonly #run = makeRunFolder();
  readonly folder = this.#run.folder;
  readonly list: BlockListOptions = {
    name: "own",
    from: join(this.folder, "own.txt"),
    everyMs: 3_600_000,
    maxBytes: 1_000_000,
    maxEntries: 1000,
  };

  constructor() {
    writeFileSync(this.list.from, "203.0.113.7\n198.51.100.0/24 # why\nno address\n");
  }

  [Symbol.dispose](): void {
    this.#run[Symbol.dispose]();
  }
}

/** What the warden was given: the list and its networks. */
function given(bench: Bench): readonly unknown[] {
  return bench.asked.filter(({ t }) => t === "block-list").map(({ name, networks }) => [name, networks]);
}

describe("BlockLists", () => {
  // Lists are fetched within half a minute of the start, so that hosts do not ask all at once: here at once.
  beforeEach(() => void mock.method(Math, "random", () => 0));
  afterEach(() => mock.restoreAll());

  test("hands the list of a file to the warden, also while rules only observe, and blocks tells of it", async () => {
    using place = new Place();
    await using bench = await Bench.start(place.folder, { mode: "observe", lists: [place.list] });
    const state = () => bench.mind.blockLists?.describe()[0]?.["state"];
    await bench.until(() => state() === "good");
    assert.deepEqual(given(bench), [["own", NETWORKS]]);
    assert.equal(bench.asked.find(({ t }) => t === "block-list")?.["by"], "garrison: list");
    const [, item] = await bench.ask({ t: "blocks", limit: 10 });
    const list = checkList(item, "list");
    assert.partialDeepStrictEqual(list, { name: "own", state: "good", networks: 2, refused: 1, failure: null });
    assert.match(
      listLine(list, new Output({ json: false, color: false })),
      /^list own +good, 2 networks, fetched 20\d\d-\d\d-\d\d \d\d:\d\d, 1 lines refused, from \/.+\/own\.txt$/,
    );
  });

  test("tells why there is no list, and hands nothing over", async () => {
    using place = new Place();
    const list = { ...place.list, from: join(place.folder, "none.txt") };
    await using bench = await Bench.start(place.folder, { lists: [list] });
    await bench.until(() => bench.mind.blockLists?.describe()[0]?.["state"] === "missing");
    const [, item] = await bench.ask({ t: "blocks", limit: 10 });
    assert.match(checkList(item, "list").failure ?? "", /none\.txt/);
    assert.deepEqual(given(bench), []);
  });

  test("hands over again what a warden that was started anew has lost", async () => {
    using place = new Place();
    await using bench = await Bench.start(place.folder, { lists: [place.list] }, 0);
    await bench.until(() => bench.mind.blockLists?.describe()[0]?.["state"] === "good");
    assert.equal(given(bench).length, 1);
    bench.warden.drop();
    await bench.until(() => given(bench).length > 1);
    assert.deepEqual(given(bench)[1], ["own", NETWORKS]);
  });

  test("takes a list away that is configured no longer, and forgets it", async () => {
    using place = new Place();
    {
      await using bench = await Bench.start(place.folder, { lists: [place.list] });
      await bench.until(() => bench.mind.blockLists?.describe()[0]?.["state"] === "good");
    }
    {
      await using bench = await Bench.start(place.folder, { lists: [] });
      const names = () => JSON.stringify(readValue(bench.mind.store, "block-lists"));
      await bench.until(() => names() === "[]");
      assert.deepEqual(given(bench), [["own", []]]);
      assert.equal(readValue(bench.mind.store, "block-lists/own"), null);
      assert.equal((await bench.ask({ t: "blocks", limit: 10 })).length, 1);
    }
    await using bench = await Bench.start(place.folder, { lists: [] });
    assert.equal(bench.mind.blockLists, null);
  });
});
