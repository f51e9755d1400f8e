import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, census, file, HOUR, MINUTE, openHost, START } from "#src/judge/test-host.mts";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import { ActionStore } from "#src/store/action-store.ts";
import type { Store } from "#src/store/store.ts";
import { ActionEngine } from "./action-engine.ts";

const KIND = "restore-file-attributes";
const away = () => new GarrisonError("GARRISON_WARDEN_AWAY", "Cannot act: the warden is away");
const failed = (why: string) => new GarrisonError("GARRISON_ACTION_FAILED", why);

/** A warden that keeps a list of what it was asked, and answers as it is told. */
class FakeWarden {
  readonly asked: string[] = [];
  drains = 0;
  answer: () => Promise<JsonObject | null> = async () => ({ mode: "0644" });

  async perform(action: string, kind: string, _plan: JsonObject, by: string): Promise<JsonObject | null> {
    this.asked.push(`perform ${action} ${kind} by ${by}`);
    return this.answer();
  }

  async undo(action: string, by: string): Promise<void> {
    this.asked.push(`undo ${action} by ${by}`);
    await this.answer();
  }

  drain(): void {
    this.drains++;
  }
}

class Bench implements Disposable {
  readonly host = openHost();
  readonly warden = new FakeWarden();
  readonly actions: ActionStore;
  readonly engine: ActionEngine;
  readonly alert: Alert;
  nowUnixMs = START;

  constructor() {
    this.actions = new ActionStore(this.host.store);
    this.engine = this.restart();
    this.host.take(file("/etc/x", {}, START), census(["/etc/x"], START, "files", "/etc/x"));
    this.host.take(file("/etc/x", { mode: "0666" }, START + 1, { who: actor(9, "/bin/chmod") }));
    this.alert = this.host.alerts.get("a1")!;
  }

  /** The engine of a mind that was started again. */
  restart(): ActionEngine {
    const { store, outbox } = this.host;
    return new ActionEngine({
      store,
      actions: this.actions,
      outbox,
      warden: () => this.warden,
      unblock: () => Promise.reject(new Error("there is no block")),
      now: () => this.nowUnixMs,
    });
  }

  act(forMs = 0) {
    return this.engine.act(KIND, this.alert, "admin:root", forMs);
  }

  state(id = "x1"): string | undefined {
    return this.actions.get(id)?.state;
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

describe("ActionEngine.act()", () => {
  test("plans, journals, performs and keeps the undo", async () => {
    using bench = new Bench();
    const action = await bench.act(HOUR);
    assert.partialDeepStrictEqual(action, {
      id: "x1",
      kind: KIND,
      state: "done",
      by: "admin:root",
      undo: { mode: "0644" },
      expiresAt: new Date(START + HOUR).toISOString(),
    });
    assert.deepEqual(bench.actions.get("x1"), action);
    assert.deepEqual(bench.warden.asked, [`perform x1 ${KIND} by admin:root`]);
    assert.equal(bench.warden.drains, 1);
    assert.partialDeepStrictEqual(bench.host.entries("action.planned")[0], {
      by: "admin:root",
      data: { action: "x1", alert: "a1" },
    });
  });

  test("refuses a kind that is not in the table, also one that objects inherit, and plans nothing", async () => {
    using bench = new Bench();
    for (const kind of ["format-disk", "constructor", "__proto__", ""]) {
      await assert.rejects(bench.engine.act(kind, bench.alert, "admin:root", 0), {
        code: "GARRISON_NO_SUCH_ACTION_KIND",
      });
    }
    assert.deepEqual(bench.actions.list(10), []);
  });

  test("refuses an alert that has no plan, and plans nothing", async () => {
    using bench = new Bench();
    const alert = { ...bench.alert, kind: "listener.new" };
    await assert.rejects(bench.engine.act(KIND, alert, "admin:root", 0), { code: "GARRISON_CANNOT_PLAN" });
    assert.deepEqual([bench.actions.list(10), bench.host.entries("action.planned")], [[], []]);
  });

  test("plans and journals both or neither", async () => {
    using bench = new Bench();
    const { store, outbox } = bench.host;
    const full = Object.assign(new Error("database or disk is full"), { errcode: 13 });
    const engine = new ActionEngine({
      store,
      unblock: () => Promise.reject(new Error("there is no block")),
      actions: bench.actions,
      outbox: Object.assign(Object.create(outbox) as typeof outbox, {
        add: () => {
          throw full;
        },
      }),
      warden: () => bench.warden,
      now: () => START,
    });
    await assert.rejects(engine.act(KIND, bench.alert, "admin:root", 0), full);
    assert.deepEqual([bench.actions.list(10), bench.warden.asked], [[], []]);
  });

  test("keeps what the warden refused as failed, with its reason", async () => {
    using bench = new Bench();
    bench.warden.answer = async () => {
      throw failed("Cannot restore: it is another file now");
    };
    await assert.rejects(bench.act(), { code: "GARRISON_ACTION_FAILED" });
    assert.partialDeepStrictEqual(bench.actions.get("x1"), {
      state: "failed",
      failure: "Cannot restore: it is another file now",
    });
    bench.engine.resume();
    assert.equal(bench.warden.asked.length, 1);
  });

  test("leaves planned what the warden was away for, and sends it again when it is back", async () => {
    using bench = new Bench();
    bench.warden.answer = async () => {
      throw away();
    };
    await assert.rejects(bench.act(), { code: "GARRISON_WARDEN_AWAY" });
    assert.equal(bench.state(), "planned");
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.warden.answer = async () => {
      resolve();
      return { mode: "0644" };
    };
    bench.engine.resume();
    await promise;
    await settled();
    assert.equal(bench.state(), "done");
  });

  test("sends again what a mind planned that died before the answer", async () => {
    using bench = new Bench();
    bench.warden.answer = () => new Promise(() => undefined);
    void bench.act();
    await settled();
    assert.equal(bench.state(), "planned");
    bench.warden.answer = async () => ({ mode: "0644" });
    bench.restart().resume();
    await settled();
    assert.equal(bench.state(), "done");
    assert.deepEqual(bench.warden.asked, Array(2).fill(`perform x1 ${KIND} by admin:root`));
  });

  test("does not send twice at once", async () => {
    using bench = new Bench();
    bench.warden.answer = () => new Promise(() => undefined);
    void bench.act();
    await settled();
    bench.engine.resume();
    bench.engine.resume();
    await settled();
    assert.equal(bench.warden.asked.length, 1);
  });
});

describe("ActionEngine.undo()", () => {
  test("undoes what is done, once", async () => {
    using bench = new Bench();
    await bench.act();
    assert.equal((await bench.engine.undo("x1", "admin:anna")).state, "undone");
    await assert.rejects(bench.engine.undo("x1", "admin:anna"), { code: "GARRISON_NOT_DONE", message: /it is undone/ });
    assert.deepEqual(bench.warden.asked.slice(1), ["undo x1 by admin:anna"]);
  });

  test("refuses to be asked twice at once", async () => {
    using bench = new Bench();
    await bench.act();
    bench.warden.answer = () => new Promise(() => undefined);
    void bench.engine.undo("x1", "admin:anna");
    await assert.rejects(bench.engine.undo("x1", "admin:bert"), { code: "GARRISON_BUSY" });
  });

  test("refuses what is not there, also ids of other things", async () => {
    using bench = new Bench();
    await bench.act();
    for (const id of ["x2", "a1", "1", "x01", ""]) {
      await assert.rejects(bench.engine.undo(id, "admin:root"), { code: "GARRISON_NO_SUCH_ACTION" }, id);
    }
  });

  test("refuses what is planned or failed", async () => {
    using bench = new Bench();
    bench.warden.answer = async () => {
      throw failed("no");
    };
    await assert.rejects(bench.act());
    await assert.rejects(bench.engine.undo("x1", "admin:root"), { code: "GARRISON_NOT_DONE", message: /it is failed/ });
  });

  test("leaves done what could not be undone", async () => {
    using bench = new Bench();
    await bench.act();
    bench.warden.answer = async () => {
      throw away();
    };
    await assert.rejects(bench.engine.undo("x1", "admin:root"), { code: "GARRISON_WARDEN_AWAY" });
    assert.equal(bench.state(), "done");
    bench.warden.answer = async () => null;
    assert.equal((await bench.engine.undo("x1", "admin:root")).state, "undone");
  });
});

describe("ActionEngine.expire()", () => {
  test("undoes what has run out, and nothing else", async () => {
    using bench = new Bench();
    await bench.act(HOUR);
    await bench.act();
    bench.nowUnixMs = START + HOUR - 1;
    await bench.engine.expire();
    assert.equal(bench.state("x1"), "done");
    bench.nowUnixMs = START + HOUR;
    await bench.engine.expire();
    await bench.engine.expire();
    assert.deepEqual([bench.state("x1"), bench.state("x2")], ["expired", "done"]);
    assert.deepEqual(bench.warden.asked.slice(2), ["undo x1 by garrison: expired"]);
  });

  test("tries what the warden could not undo again ever later, and says why", async () => {
    using bench = new Bench();
    await bench.act(HOUR);
    bench.warden.answer = async () => {
      throw failed("Cannot undo: the file is gone");
    };
    bench.nowUnixMs = START + HOUR;
    for (let minute = 0; minute < 60; minute++) {
      await bench.engine.expire();
      bench.nowUnixMs += MINUTE;
    }
    // After 5, 10, 20, 40, 80 s and so on, looked at each minute.
    assert.ok(bench.warden.asked.length < 12, `${bench.warden.asked.length}`);
    assert.partialDeepStrictEqual(bench.actions.get("x1"), { state: "done", failure: "Cannot undo: the file is gone" });
    bench.warden.answer = async () => null;
    bench.nowUnixMs += 2 * HOUR;
    await bench.engine.expire();
    assert.partialDeepStrictEqual(bench.actions.get("x1"), { state: "expired", failure: null });
  });

  test("asks again at once when the warden was only away", async () => {
    using bench = new Bench();
    await bench.act(HOUR);
    bench.nowUnixMs = START + HOUR;
    bench.warden.answer = async () => {
      throw away();
    };
    await bench.engine.expire();
    bench.warden.answer = async () => null;
    await bench.engine.expire();
    assert.equal(bench.state(), "expired");
  });

  test("undoes the others when one cannot be undone", async () => {
    using bench = new Bench();
    await bench.act(HOUR);
    await bench.act(HOUR);
    bench.nowUnixMs = START + HOUR;
    let calls = 0;
    bench.warden.answer = async () => {
      if (calls++ === 0) throw failed("no");
      return null;
    };
    await bench.engine.expire();
    assert.deepEqual([bench.state("x1"), bench.state("x2")].sort(), ["done", "expired"]);
  });
});

/** All that is ready to run has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a store that is closed under it does no harm to what expires", async () => {
  const bench = new Bench();
  await bench.act(HOUR);
  bench.nowUnixMs = START + HOUR;
  const store: Store = bench.host.store;
  bench.warden.answer = async () => {
    store[Symbol.dispose]();
    throw away();
  };
  await bench.engine.expire();
  assert.equal(bench.warden.asked.length, 2);
});
