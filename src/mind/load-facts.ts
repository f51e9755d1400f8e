import { SENSORS } from "#src/features.ts";
import type { SensorFacts } from "#src/judge/contract.ts";

/** The mind's half of the enabled sensors, by name. What is not enabled is not loaded. */
export async function loadFacts(enabled: readonly string[]): Promise<ReadonlyMap<string, SensorFacts>> {
  const loaded = SENSORS.filter(({ name }) => enabled.includes(name)).map(
    async ({ name, facts }) => [name, (await facts()).facts] as const,
  );
  return new Map(await Promise.all(loaded));
}
