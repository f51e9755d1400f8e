import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Outcome } from "#src/judge/alerter.ts";
import { census, openHost, plainFacts, present, record, START, type TestHost, told } from "#src/judge/test-host.mts";
import type { Fact, Levels } from "#src/model/observation.ts";
import { readValue, writeValue } from "#src/store/outbox.ts";
import { Store, unlessFull } from "#src/store/store.ts";
import { Intake } from "./intake.ts";

/** An intake with all that it tells, and a clock that is moved by hand. */
class Bench implements Disposable {
  readonly host: TestHost;
  readonly intake: Intake;
  readonly told: string[] = [];
  readonly levels: Levels[] = [];
  readonly outcomes: Outcome[] = [];
  readonly acknowledged: string[] = [];
  readonly full: (string | null)[] = [];
  readonly passedOver: string[] = [];
  canMakeRoom: () => boolean = () => false;
  #timer: (() => void) | null = null;

  constructor(store?: Store) {
    const judge = plainFacts.judge;
    const facts: typeof plainFacts = {
      ...plainFacts,
      judge: (change, host) => {
        if (change.observation.facts?.["poison"] === true) throw new RangeError("a fact that cannot be judged");
        return judge(change, host);
      },
    };
    this.host = openHost({ learnMs: 0, facts, ...(store === undefined ? {} : { store }) });
    this.intake = new Intake({
      store: this.host.store,
      judge: this.host.judge,
      takeLevels: (levels) => this.levels.push(levels),
      tell: (outcomes) => {
        this.outcomes.push(...outcomes);
        this.told.push(...told(outcomes));
      },
      acknowledge: (boot, seq) => this.acknowledged.push(`${boot} ${seq}`),
      onFull: (reason) => this.full.push(reason),
      makeRoom: () => this.canMakeRoom(),
      onPassedOver: (fact, error) => this.passedOver.push(`${fact.sensor}: ${(error as Error).message}`),
      after: (_delayMs, callback) => {
        assert.equal(this.#timer, null, "one timer at a time");
        this.#timer = callback;
        return () => {
          this.#timer = null;
        };
      },
    });
  }

  take(seq: number, ...items: readonly Fact[]): boolean {
    return this.intake.take({ boot: "b1", seq, items });
  }

  get isWaiting(): boolean {
    return this.#timer !== null;
  }

  /** The time of the next try has come. */
  retry(): void {
    const run = this.#timer;
    this.#timer = null;
    run?.();
  }

  [Symbol.dispose](): void {
    this.intake[Symbol.dispose]();
    this.host[Symbol.dispose]();
  }
}

/** A store of `maxBytes` that has no room left. */
function fill(store: Store): void {
  for (const size of [20_000, 2000, 200]) {
    for (let index = 0; unlessFull(() => writeValue(store, `fill ${size} ${index}`, "x".repeat(size))); index++);
  }
}

/** Facts that need pages of their own. */
const LARGE = { facts: { text: "x".repeat(9000) } };

function empty(store: Store): void {
  store.run("DELETE FROM value WHERE name LIKE 'fill %'");
}

function openSmall(): Store {
  return Store.open(":memory:", { maxBytes: 1024 * 1024 }).store;
}

describe("Intake.take()", () => {
  test("stores a batch with its alerts, and tells them when they are committed", () => {
    using bench = new Bench();
    assert.equal(bench.take(1, present("a", START), present("b", START)), true);
    assert.deepEqual(bench.told, ["new plain.new a1", "new plain.new a2"]);
    assert.deepEqual(readValue(bench.host.store, "sentry.taken"), { boot: "b1", seq: 1 });
  });

  test("hands levels on as they come, also with a full store, and acknowledges their batch", () => {
    using bench = new Bench();
    const levels: Levels = {
      sensor: "plain",
      type: "levels",
      atUnixMs: START,
      spanMs: 1000,
      wholeOf: [],
      values: [],
    };
    assert.equal(bench.take(1, levels, present("a", START)), true);
    assert.deepEqual([bench.levels, bench.told], [[levels], ["new plain.new a1"]]);
    fill(bench.host.store);
    assert.equal(bench.take(2, levels, { ...present("b", START), ...LARGE }), false);
    assert.equal(bench.levels.length, 2);
  });

  test("writes nothing for a batch of levels alone, and lets it wait behind one that is not stored", () => {
    using bench = new Bench();
    const levels: Levels = { sensor: "plain", type: "levels", atUnixMs: START, spanMs: 1000, wholeOf: [], values: [] };
    assert.equal(bench.take(1, levels), true);
    assert.equal(readValue(bench.host.store, "sentry.taken"), null);
    fill(bench.host.store);
    assert.equal(bench.take(2, { ...present("a", START), ...LARGE }), false);
    assert.equal(bench.take(3, levels), false);
    empty(bench.host.store);
    bench.retry();
    assert.deepEqual(bench.acknowledged, ["b1 2", "b1 3"]);
  });

  test("passes over a batch that was taken already, also after a restart", () => {
    const store = openSmall();
    const first = new Bench(store);
    first.take(1, present("a", START));
    first.intake[Symbol.dispose]();
    using second = new Bench(store);
    assert.equal(second.take(1, present("a", START)), true);
    assert.deepEqual(second.told, []);
    assert.equal(second.host.ordinary.member("plain", "a")?.count, 1);
    assert.equal(second.take(2, present("b", START)), true);
    assert.deepEqual(second.told, ["new plain.new a2"]);
  });

  test("takes the same number of another start of the sentry", () => {
    using bench = new Bench();
    bench.take(7, present("a", START));
    assert.equal(bench.intake.take({ boot: "b2", seq: 1, items: [present("b", START)] }), true);
    assert.equal(bench.told.length, 2);
  });

  test("passes over a fact that cannot be judged, with whatever it had changed, and keeps the others", () => {
    using bench = new Bench();
    assert.equal(
      bench.take(1, present("a", START), present("p", START, { facts: { poison: true } }), present("b", START)),
      true,
    );
    assert.deepEqual(bench.told, ["new plain.new a1", "new plain.new a2"]);
    assert.deepEqual(bench.passedOver, ["plain: a fact that cannot be judged"]);
    assert.equal(bench.host.ordinary.member("plain", "p"), null);
  });
});

describe("Intake without room, because the store has reached its size", () => {
  test("tells alerts once and keeps them later, in order, with the numbers that were told", () => {
    using bench = new Bench(openSmall());
    bench.take(1, census([], START));
    fill(bench.host.store);
    assert.equal(bench.take(2, present("a", START, LARGE), record("r", LARGE.facts, START)), false);
    assert.equal(bench.take(3, present("b", START + 1, LARGE)), false);
    const atOnce = ["new plain.new a1", "new plain.created a2", "new plain.new a3"];
    assert.deepEqual(bench.told, atOnce);
    assert.deepEqual(bench.acknowledged, []);
    assert.equal(bench.host.alerts.countOpen(), 0);

    bench.retry();
    assert.deepEqual(bench.acknowledged, []);
    empty(bench.host.store);
    bench.retry();
    assert.deepEqual(bench.told, atOnce);
    assert.deepEqual(bench.acknowledged, ["b1 2", "b1 3"]);
    assert.deepEqual(
      bench.host.alerts.listAfter(0, 10).map(({ id, subject, observed }) => [id, subject, observed]),
      bench.outcomes.map(({ alert }) => [alert.id, alert.subject, alert.observed]),
    );
    assert.equal(bench.host.entries("alert").length, 3);
    assert.equal(bench.isWaiting, false);
    assert.deepEqual(bench.full.at(-1), null);
    assert.match(bench.full[0] ?? "", /full/);
    assert.equal(bench.take(4, present("c", START, LARGE)), true);
    assert.equal(bench.told.at(-1), "new plain.new a4");
  });

  test("does not tell as new what an earlier unkept batch has told", () => {
    using bench = new Bench(openSmall());
    fill(bench.host.store);
    bench.take(1, present("a", START, LARGE));
    bench.take(2, present("a", START + 1, LARGE));
    bench.take(3, record("r", LARGE.facts, START), census(["r"], START));
    bench.take(4, record("q", LARGE.facts, START + 5));
    assert.deepEqual(bench.told, ["new plain.new a1", "repeat plain.new a1", "new plain.created a2"]);
    empty(bench.host.store);
    bench.retry();
    assert.equal(bench.told.length, 3);
    assert.equal(bench.host.alerts.get("a1")?.count, 2);
  });

  test("takes a batch once that the sentry sends again on a new link", () => {
    using bench = new Bench(openSmall());
    fill(bench.host.store);
    bench.take(1, present("a", START, LARGE));
    assert.equal(bench.take(1, present("a", START, LARGE)), false);
    assert.deepEqual(bench.told, ["new plain.new a1"]);
    empty(bench.host.store);
    bench.retry();
    assert.deepEqual(bench.acknowledged, ["b1 1"]);
    assert.equal(bench.take(1, present("a", START, LARGE)), true);
    assert.deepEqual(bench.told, ["new plain.new a1"]);
  });

  test("names the start of the sentry that it acknowledges, should it be another one by then", () => {
    using bench = new Bench(openSmall());
    fill(bench.host.store);
    bench.take(9, present("a", START, LARGE));
    bench.intake.take({ boot: "b2", seq: 1, items: [present("b", START, LARGE)] });
    empty(bench.host.store);
    bench.retry();
    assert.deepEqual(bench.acknowledged, ["b1 9", "b2 1"]);
  });

  test("makes room first, and says nothing when that was enough", () => {
    using bench = new Bench(openSmall());
    fill(bench.host.store);
    bench.canMakeRoom = () => {
      empty(bench.host.store);
      return true;
    };
    assert.equal(bench.take(1, present("a", START, LARGE)), true);
    assert.deepEqual(bench.told, ["new plain.new a1"]);
    assert.deepEqual(bench.full, []);
  });

  test("keeps what waits in front while there is room for some of it only", () => {
    using bench = new Bench(openSmall());
    fill(bench.host.store);
    const big = Array.from({ length: 40 }, (_, index) =>
      present(`big ${index}`, START, { facts: { text: "x".repeat(15_000) } }),
    );
    bench.take(1, present("a", START, LARGE));
    bench.take(2, ...big);
    bench.host.store.run("DELETE FROM value WHERE name LIKE 'fill 20000 1%'");
    bench.retry();
    assert.deepEqual(bench.acknowledged, ["b1 1"]);
    assert.equal(bench.isWaiting, true);
    assert.equal(bench.take(3, present("b", START, LARGE)), false);
    assert.equal(bench.told.length, 42);
    assert.equal(new Set(bench.told).size, 42);
  });

  test("ends its waiting when it is disposed", () => {
    const bench = new Bench(openSmall());
    fill(bench.host.store);
    bench.take(1, present("a", START, LARGE));
    bench[Symbol.dispose]();
    assert.equal(bench.isWaiting, false);
  });
});

describe("Intake on a disk that is really full", { skip: process.getuid?.() !== 0 }, () => {
  /** A file system of 2 MiB of our own. */
  function mountSmall(): { path: string; fill(): void; free(): void } & Disposable {
    const folder = mkdtempSync(join(tmpdir(), "garrison-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
    const ballast = join(folder, "ballast");
    return {
      path: join(folder, "store.db"),
      fill: () => {
        const fd = openSync(ballast, "a");
        for (let size = 65_536; size >= 1; ) {
          try {
            writeSync(fd, Buffer.alloc(size));
          } catch {
            size = Math.floor(size / 2);
          }
        }
        closeSync(fd);
      },
      free: () => rmSync(ballast),
      [Symbol.dispose]: () => {
        execFileSync("umount", ["-l", folder]);
        rmSync(folder, { recursive: true });
      },
    };
  }

  test("tells alerts while nothing can be written, and keeps them once there is room", () => {
    using disk = mountSmall();
    const { store } = Store.open(disk.path, { maxBytes: 64 * 1024 * 1024 });
    using bench = new Bench(store);
    bench.take(1, present("a", START), census([], START, "plain", "records"));
    disk.fill();
    const big = { facts: { text: "x".repeat(100_000) } };
    assert.equal(bench.take(2, ...Array.from({ length: 60 }, (_, index) => present(`b${index}`, START, big))), false);
    assert.equal(bench.take(3, record("r", {}, START, { group: "records" })), false);
    assert.equal(bench.told.length, 62);
    assert.match(bench.full[0] ?? "", /full/);
    bench.retry();
    assert.deepEqual(bench.acknowledged, []);
    assert.equal(bench.host.alerts.countOpen(), 1);
    disk.free();
    // Only so much fits into 2 MiB: the batch of 6 MB does not, and what is behind it waits.
    bench.retry();
    assert.deepEqual(bench.acknowledged, []);
    assert.equal(bench.told.length, 62);
  });

  test("starts on a full disk, with what it knew", () => {
    using disk = mountSmall();
    {
      const { store } = Store.open(disk.path, { maxBytes: 64 * 1024 * 1024 });
      using bench = new Bench(store);
      bench.take(1, present("a", START));
    }
    disk.fill();
    const { store, damage } = Store.open(disk.path, { maxBytes: 64 * 1024 * 1024 });
    assert.equal(damage, null);
    using bench = new Bench(store);
    assert.equal(bench.take(2, present("b", START)), false);
    assert.deepEqual(bench.told, ["new plain.new a2"]);
    disk.free();
    bench.retry();
    assert.deepEqual(bench.acknowledged, ["b1 2"]);
    assert.deepEqual(bench.told, ["new plain.new a2"]);
    assert.equal(bench.host.alerts.countOpen(), 2);
  });
});
