import assert from "node:assert/strict";
import { test } from "node:test";
import type { Observation } from "#src/model/observation.ts";
import type { Sensor, SensorContext } from "#src/model/sensor.ts";
import { SensorRunner } from "./sensor-runner.ts";

const SIGHT = { state: "watching", sees: ["all"], blindTo: [] } as const;
const FACT: Observation = {
  sensor: "x",
  type: "present",
  key: "k",
  group: "",
  subject: { type: "sensor", name: "x" },
  facts: {},
  who: null,
  atUnixMs: 0,
  scanned: false,
};

/** A runner of a sensor made for the test, with what it tells. */
function start(sensor: Sensor | (() => Promise<{ sensor: Sensor }>)) {
  const told: unknown[] = [];
  let wake = (): void => {};
  const load = typeof sensor === "function" ? sensor : () => Promise.resolve({ sensor });
  const runner = new SensorRunner({
    name: "x",
    load,
    options: { a: 1 },
    root: "/",
    onFacts: (facts) => {
      told.push(...facts);
      wake();
    },
    onStatus: () => wake(),
  });
  runner.start();
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { runner, told, until };
}

/** A sensor that sees, then waits until it is stopped. */
function watching(begin: (context: SensorContext, run: number) => void): Sensor {
  let runs = 0;
  return {
    async *watch(context) {
      context.sight(SIGHT);
      begin(context, ++runs);
      yield [FACT];
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
    },
  };
}

test("a sensor that sees is told as it says; its facts and counts go on", async () => {
  const { runner, told, until } = start(watching((context) => context.count("events", 2)));
  assert.equal(runner.status().state, "starting");
  assert.equal(runner.isSettled, false);
  await until(() => told.length === 1);
  assert.equal(runner.isSettled, true);
  assert.deepEqual(runner.status(), {
    name: "x",
    ...SIGHT,
    restarts: 0,
    failure: null,
    counts: [{ name: "events", value: 2 }],
  });
  await runner[Symbol.asyncDispose]();
});

const FAILURES: Readonly<Record<string, (context: SensorContext) => void>> = {
  throws: () => {
    throw new Error("broken");
  },
  "calls fail": (context) => context.fail(new Error("broken")),
  "throws in a timer": (context) =>
    context.after(0, () => {
      throw new Error("broken");
    }),
};

test("a sensor that fails is blind until it runs again", async (t) => {
  for (const [how, fail] of Object.entries(FAILURES)) {
    await t.test(how, async () => {
      const { runner, until } = start(watching((context, run) => (run === 1 ? fail(context) : undefined)));
      await until(() => runner.status().state === "blind");
      assert.deepEqual(
        { ...runner.status(), counts: [] },
        {
          name: "x",
          state: "blind",
          sees: [],
          blindTo: ["everything it watches, until it runs again"],
          restarts: 1,
          failure: "broken",
          counts: [],
        },
      );
      assert.equal(runner.isSettled, true);
      await until(() => runner.status().state === "watching");
      assert.deepEqual([runner.status().restarts, runner.status().failure], [1, null]);
      await runner[Symbol.asyncDispose]();
    });
  }
});

test("a sensor that cannot be loaded, or ends by itself, is a failure too", async () => {
  const missing = start(() => Promise.reject(new Error("no such module")));
  await missing.until(() => missing.runner.status().failure === "no such module");
  await missing.runner[Symbol.asyncDispose]();
  const ending = start({ async *watch() {} });
  await ending.until(() => ending.runner.status().failure === "the sensor ended by itself");
  await ending.runner[Symbol.asyncDispose]();
});

test("restarts come with a back-off that doubles, up to a minute", async () => {
  const pausesMs: number[] = [];
  const enough = Promise.withResolvers<void>();
  const runner = new SensorRunner({
    name: "x",
    load: () => Promise.reject(new Error("broken")),
    options: {},
    root: "/",
    onFacts: () => {},
    onStatus: () => {},
    pause: async (delayMs) => {
      pausesMs.push(delayMs);
      if (pausesMs.length === 10) enough.resolve();
    },
  });
  runner.start();
  await enough.promise;
  await runner[Symbol.asyncDispose]();
  assert.deepEqual(pausesMs.slice(0, 10), [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test("rescan() runs the sensor anew without calling that a failure, at most once a second", async () => {
  let runs = 0;
  const { runner, told, until } = start(watching(() => runs++));
  await until(() => told.length === 1);
  const startMs = performance.now();
  for (let times = 0; times < 50; times++) runner.rescan();
  await until(() => told.length === 2);
  assert.ok(performance.now() - startMs > 900);
  assert.deepEqual([runs, runner.status().restarts, runner.status().state], [2, 0, "watching"]);
  await runner[Symbol.asyncDispose]();
});

test("a stopped run cannot speak any more, and its timers do not fire", async () => {
  let stale: SensorContext | undefined;
  let fired = 0;
  const sensor = watching((context, run) => {
    if (run === 1) {
      stale = context;
      context.after(500, () => fired++);
    }
  });
  const { runner, told, until } = start(sensor);
  await until(() => told.length === 1);
  runner.rescan();
  await until(() => told.length === 2);
  stale?.sight({ state: "blind", sees: [], blindTo: ["x"] });
  stale?.after(0, () => fired++);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([runner.status().state, fired], ["watching", 0]);
  await runner[Symbol.asyncDispose]();
});

test("disposing waits until the sensor has closed what it held", async () => {
  let isClosed = false;
  const { runner, told, until } = start({
    async *watch(context) {
      try {
        yield [FACT];
        await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
      } finally {
        await new Promise((resolve) => setImmediate(resolve));
        isClosed = true;
      }
    },
  });
  await until(() => told.length === 1);
  await runner[Symbol.asyncDispose]();
  assert.ok(isClosed);
});

test("a poll sensor is asked again and again, and after a failure too", async () => {
  let polls = 0;
  const { runner, told, until } = start({
    everyMs: 5,
    poll: async () => {
      polls++;
      if (polls === 3) throw new Error("broken");
      return [FACT];
    },
  });
  await until(() => runner.status().failure === "broken");
  await until(() => told.length >= 4);
  assert.deepEqual([runner.status().state, runner.status().sees], ["watching", ["a look each 0.005 s"]]);
  await runner[Symbol.asyncDispose]();
});

test("what a sensor says of itself is cut to what the link takes", async () => {
  const { runner, told, until } = start({
    async *watch(context) {
      context.sight({ state: "degraded", sees: ["x".repeat(5000)], blindTo: Array.from({ length: 100 }, () => "y") });
      for (let number = 0; number < 100; number++) context.count(`count ${number}`, 1);
      yield [FACT];
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
    },
  });
  await until(() => told.length === 1);
  const { sees, blindTo, counts } = runner.status();
  assert.deepEqual([sees[0]?.length, blindTo.length, counts.length], [1000, 32, 64]);
  await runner[Symbol.asyncDispose]();
});
