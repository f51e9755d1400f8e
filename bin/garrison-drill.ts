/**
 * Entry of the stager: does one harmless attack when told, and puts everything back when its standard input ends, which it does
 * however `garrison drill` ends. It runs in a session of its own, so that a signal to the command does not reach it.
 */
import { createInterface } from "node:readline";
import type { DrillPlace } from "#src/drill/contract.ts";
import { loadDrills } from "#src/drill/load-drills.ts";
import { SENSORS } from "#src/features.ts";

const [, , name, placeText = "{}"] = process.argv;
const plan = (await loadDrills(SENSORS.map((sensor) => sensor.name))).find((one) => one.name === name);
let putBack: (() => Promise<void>) | null = null;
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "go" || plan === undefined || putBack !== null) break;
  const atUnixMs = performance.timeOrigin + performance.now();
  try {
    putBack = await plan.stage(JSON.parse(placeText) as DrillPlace);
    process.stdout.write(`${JSON.stringify({ atUnixMs })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ failure: (error as Error).message })}\n`);
  }
}
await putBack?.();
