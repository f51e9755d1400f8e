import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HOUR, openHost, START } from "#src/judge/test-host.mts";
import { GarrisonError } from "#src/lib/errors.ts";
import { ActionStore } from "#src/store/action-store.ts";
import { BlockStore } from "#src/store/block-store.ts";
import { BlockEngine, canonicalNetwork, type WantedBlock } from "./block-engine.ts";
import { until } from "./fake-peer.mts";
import type { BlockRequest, BlockResult } from "./warden-client.ts";

const away = () => new GarrisonError("GARRISON_WARDEN_AWAY", "Cannot act: the warden is away");
const WANTED: WantedBlock = {
  network: "203.0.113.5/32",
  ports: [],
  untilUnixMs: START + HOUR,
  reason: "10 points within 10 min by sshd.failed",
  by: "rule:sshd.failed",
  isPrivateMeant: false,
  points: 10,
};

class Bench implements Disposable {
  readonly host = openHost();
  readonly actions = new ActionStore(this.host.store);
  readonly blocks = new BlockStore(this.host.store);
  readonly asked: string[] = [];
  readonly letGo: string[] = [];
  nowUnixMs = START;
  answer: (requests: readonly BlockRequest[]) => Promise<readonly BlockResult[]> = async (requests) =>
    requests.map(({ action }) => ({ action, failure: null }));
  engine = this.restart();

  restart(): BlockEngine {
    return new BlockEngine({
      actions: this.actions,
      blocks: this.blocks,
      warden: () => ({
        block: (requests) => {
          this.asked.push(...requests.map(({ action, network }) => `block ${action} ${network}`));
          return this.answer(requests);
        },
        unblock: async (actions) => {
          this.asked.push(`unblock ${actions.join(" ")}`);
          return actions.map((action) => ({ action, failure: null }));
        },
      }),
      now: () => this.nowUnixMs,
      onFailed: () => undefined,
      onUnblocked: (network) => this.letGo.push(network),
    });
  }

  blockNow(wanted: Partial<WantedBlock> = {}) {
    return this.engine.blockNow({ ...WANTED, ...wanted }, (work) => this.host.store.transaction(work));
  }

  state(id: string): string | undefined {
    return this.actions.get(id)?.state;
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

describe("BlockEngine.plan()", () => {
  test("sends at most 500 at once, before the caller's transaction ends", async () => {
    using bench = new Bench();
    bench.host.store.transaction(() => {
      bench.engine.plan(
        Array.from({ length: 1200 }, (_, index) => ({ ...WANTED, network: `10.0.${index >> 8}.${index & 255}/32` })),
      );
      assert.equal(bench.asked.length, 1200);
    });
    await until(() => bench.actions.inState("planned").length === 0);
    assert.equal(bench.actions.inState("done").length, 1200);
  });

  test("never gives a number again that a warden may have heard of", async () => {
    using bench = new Bench();
    const broken = () =>
      bench.host.store.transaction(() => {
        bench.engine.plan([WANTED]);
        throw new Error("no room");
      });
    assert.throws(broken, /no room/);
    assert.deepEqual(bench.actions.list(10), []);
    const [action] = bench.host.store.transaction(() => bench.engine.plan([WANTED]));
    assert.deepEqual([bench.asked, action?.id], [["block x1 203.0.113.5/32", "block x2 203.0.113.5/32"], "x2"]);
    await until(() => bench.state("x2") === "done");
  });
});

describe("BlockEngine.blockNow()", () => {
  test("keeps the action done, or failed with the reason of the warden", async () => {
    using bench = new Bench();
    assert.equal((await bench.blockNow()).state, "done");
    bench.answer = async ([request]) => [{ action: request!.action, failure: "Cannot block: it is a gateway" }];
    await assert.rejects(bench.blockNow(), {
      code: "GARRISON_ACTION_FAILED",
      message: "Cannot block: it is a gateway",
    });
    assert.equal(bench.state("x2"), "failed");
  });

  test("stays planned while the warden is away, and is sent at the next meeting unless it is over", async () => {
    using bench = new Bench();
    bench.answer = () => Promise.reject(away());
    await assert.rejects(bench.blockNow(), { code: "GARRISON_WARDEN_AWAY", message: /x1 is planned/ });
    await assert.rejects(bench.blockNow({ network: "203.0.113.6/32", untilUnixMs: START + 1 }), {
      code: "GARRISON_WARDEN_AWAY",
    });
    bench.answer = async (requests) => requests.map(({ action }) => ({ action, failure: null }));
    bench.nowUnixMs = START + 10;
    await bench.restart().resume();
    assert.deepEqual([bench.state("x1"), bench.state("x2")], ["done", "expired"]);
    assert.equal(bench.asked.at(-1), "block x1 203.0.113.5/32");
  });
});

describe("BlockEngine.unblock()", () => {
  test("takes away all blocks of an address, or one by its id, and lets the network begin anew", async () => {
    using bench = new Bench();
    await bench.blockNow();
    await bench.blockNow({ ports: [22] });
    await bench.blockNow({ network: "2001:db8:1:2::/64" });
    await bench.engine.unblock("203.0.113.5", "admin:root");
    await bench.engine.unblock("x3", "admin:root");
    assert.deepEqual(bench.asked.slice(3), ["unblock x1 x2", "unblock x3"]);
    assert.deepEqual(bench.letGo, ["203.0.113.5/32", "203.0.113.5/32", "2001:db8:1:2::/64"]);
    assert.deepEqual([bench.state("x1"), bench.state("x2"), bench.state("x3")], ["undone", "undone", "undone"]);
    assert.deepEqual(bench.blocks.lasting(START), []);
  });

  test("names the blocks that lie in what is not blocked as a whole, and what to type", async () => {
    using bench = new Bench();
    await bench.blockNow();
    await bench.blockNow({ ports: [22] });
    await bench.blockNow({ network: "203.0.113.128/25" });
    await bench.blockNow({ network: "198.51.100.1/32" });
    await assert.rejects(bench.engine.unblock("203.0.113.0/24", "admin:root"), {
      message:
        'Cannot unblock "203.0.113.0/24": no block is of exactly that; blocked is 203.0.113.5/32 (x1, x2), which lies in it; ' +
        "203.0.113.128/25 (x3), which lies in it; to let that in: garrison unblock 203.0.113.5/32 203.0.113.128/25",
    });
    for (let last = 6; last < 16; last++) await bench.blockNow({ network: `203.0.113.${last}/32` });
    await assert.rejects(bench.engine.unblock("203.0.113.0/24", "admin:root"), {
      message:
        /203\.0\.113\.11\/32 \(x10\), which lies in it; 4 more; to let that in: garrison unblock (?:\S+ ){7}\S+$/,
    });
    assert.equal(bench.state("x1"), "done");
  });

  test("names no block that a rule would only have made", async () => {
    using bench = new Bench();
    const base = { points: 5, reason: "5 points", rule: "sshd.failed", atUnixMs: START, untilUnixMs: null };
    bench.blocks.insert({ ...base, action: null, network: "203.0.113.5/32" });
    await assert.rejects(bench.engine.unblock("203.0.113.0/24", "admin:root"), {
      message: 'Cannot unblock "203.0.113.0/24": it is not blocked; garrison blocks lists what is',
    });
  });

  test("names the /64 of IPv6 that was blocked for one of its addresses", async () => {
    using bench = new Bench();
    await bench.blockNow({ network: "2001:db8:1:2::/64" });
    await assert.rejects(bench.engine.unblock("2001:db8:1:2::77", "admin:root"), {
      message:
        /blocked is 2001:db8:1:2::\/64 \(x1\), which holds it; to let that in: garrison unblock 2001:db8:1:2::\/64$/,
    });
  });

  test("names the network around what is not blocked by itself", async () => {
    using bench = new Bench();
    await bench.blockNow({ network: "203.0.113.0/24" });
    await assert.rejects(bench.engine.unblock("203.0.113.5", "admin:root"), {
      code: "GARRISON_NOT_BLOCKED",
      message:
        'Cannot unblock "203.0.113.5": no block is of exactly that; blocked is 203.0.113.0/24 (x1), which holds it; ' +
        "to let that in: garrison unblock 203.0.113.0/24",
    });
  });

  for (const [what, code] of [
    ["192.0.2.1", "GARRISON_NOT_BLOCKED"],
    ["no address", "GARRISON_NOT_BLOCKED"],
    ["x9", "GARRISON_NO_SUCH_ACTION"],
    ["x0", "GARRISON_NO_SUCH_ACTION"],
  ]) {
    test(`refuses ${what}`, async () => {
      using bench = new Bench();
      await assert.rejects(bench.engine.unblock(what!, "admin:root"), { code });
    });
  }
});

test("BlockEngine.expire() marks what the kernel has ended, and asks nobody", async () => {
  using bench = new Bench();
  await bench.blockNow();
  bench.nowUnixMs = START + HOUR;
  bench.engine.expire();
  assert.deepEqual([bench.state("x1"), bench.asked.length], ["expired", 1]);
});

test("canonicalNetwork() gives one text for one network", () => {
  assert.equal(canonicalNetwork("203.0.113.5"), "203.0.113.5/32");
  assert.equal(canonicalNetwork("203.0.113.5/24"), "203.0.113.0/24");
  assert.equal(canonicalNetwork("2001:DB8:0:0::1/64"), "2001:db8::/64");
  assert.equal(canonicalNetwork("::ffff:203.0.113.5"), "203.0.113.5/32");
  assert.equal(canonicalNetwork("203.0.113.5/33"), null);
});
