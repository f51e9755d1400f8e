/**
 * For tests: runs a sensor as an ordinary user and prints what it tells and sees, a JSON object a line, until stdin ends.
 * Everything is loaded as root first, because the clone may lie where an ordinary user cannot read. Not shipped (`.mts`).
 */
import type { JsonObject } from "#src/model/json.ts";
import type { Sensor } from "#src/model/sensor.ts";
import { SensorRunner } from "#src/sentry/sensor-runner.ts";

const NOBODY = 65_534;
const [path = "", options = "{}"] = process.argv.slice(2);
const { sensor } = (await import(path)) as { sensor: Sensor };

process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const runner = new SensorRunner({
  name: "unprivileged",
  load: () => Promise.resolve({ sensor }),
  options: JSON.parse(options) as JsonObject,
  root: "/",
  onFacts: (facts) => facts.forEach(print),
  onStatus: () => print(runner.status()),
});
runner.start();
process.stdin.resume().on("end", () => void runner[Symbol.asyncDispose]());
