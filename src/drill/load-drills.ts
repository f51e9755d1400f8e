import { SENSORS } from "#src/features.ts";
import type { DrillPlan } from "./contract.ts";

/** The drills of the named sensors. */
export async function loadDrills(sensors: readonly string[]): Promise<readonly DrillPlan[]> {
  const loaded = SENSORS.filter(({ name }) => sensors.includes(name)).map(
    async ({ drills }) => (await drills?.())?.drills ?? [],
  );
  return (await Promise.all(loaded)).flat();
}
