import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DAY, HOUR, openHost, START } from "#src/judge/test-host.mts";
import { type BlockRecord, BlockStore } from "./block-store.ts";

const NETWORK = "203.0.113.5/32";
const BLOCK = {
  action: "x1",
  network: NETWORK,
  rule: "sshd.failed",
  points: 10,
  reason: "10 points",
  atUnixMs: START,
  untilUnixMs: START + HOUR,
};

function open() {
  const host = openHost();
  return { blocks: new BlockStore(host.store), [Symbol.dispose]: () => host[Symbol.dispose]() };
}

const outcomes = (records: readonly BlockRecord[]) => records.map(({ action, outcome }) => [action, outcome]);

describe("BlockStore", () => {
  test("letGo() ends a block and pardons what was over, keeps both for reports, and leaves what lasts", () => {
    using place = open();
    const { blocks } = place;
    blocks.insert({ ...BLOCK, action: "x1", untilUnixMs: START + HOUR });
    blocks.insert({ ...BLOCK, action: null, untilUnixMs: START + HOUR });
    blocks.insert({ ...BLOCK, action: "x2", untilUnixMs: null });
    blocks.insert({ ...BLOCK, action: "x3", untilUnixMs: START + DAY });
    blocks.insert({ ...BLOCK, action: "x4", network: "192.0.2.1/32" });
    blocks.letGo(NETWORK, "x2", START + 2 * HOUR);
    assert.deepEqual(outcomes(blocks.listSince(0, 10)), [
      ["x1", "pardoned"],
      [null, "pardoned"],
      ["x2", "undone"],
      ["x3", null],
      ["x4", null],
    ]);
    assert.equal(blocks.listSince(0, 10)[2]?.untilUnixMs, START + 2 * HOUR);
    assert.deepEqual(blocks.actionsOf(NETWORK, START + 2 * HOUR), ["x3"]);
    assert.deepEqual(
      blocks.lasting(START + 2 * HOUR).map(({ action }) => action),
      ["x3"],
    );
    assert.deepEqual(
      listCounting(blocks).map(({ action }) => action),
      ["x3", "x4"],
    );
  });

  test("fail() keeps a block that was not done for reports, and it counts for nothing", () => {
    using place = open();
    const { blocks } = place;
    blocks.insert({ ...BLOCK, untilUnixMs: null });
    blocks.fail(NETWORK, "x1");
    assert.deepEqual(outcomes(blocks.listSince(0, 10)), [["x1", "failed"]]);
    assert.deepEqual([blocks.lasting(START), blocks.actionsOf(NETWORK, START), listCounting(blocks)], [[], [], []]);
  });

  test("forgetOld() forgets what is older than 30 days, but not a block that lasts", () => {
    using place = open();
    const { blocks } = place;
    for (const action of ["x1", "x2", "x3"]) blocks.insert({ ...BLOCK, action, untilUnixMs: null });
    blocks.insert({ ...BLOCK, action: "x4" });
    blocks.fail(NETWORK, "x1");
    blocks.letGo(NETWORK, "x2", START + 1);
    blocks.forgetOld(START + 31 * DAY);
    assert.deepEqual(outcomes(blocks.listSince(0, 10)), [["x3", null]]);
  });
});

/** What counts of all. */
function listCounting(blocks: BlockStore): readonly BlockRecord[] {
  return blocks.listSince(0, 10).filter(({ outcome }) => outcome === null);
}
