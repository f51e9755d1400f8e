/** What the mind knows of the sensor `logs`: it gives bytes, no observations, so there is nothing to judge here. */
import type { SensorFacts } from "#src/judge/contract.ts";

/** Judges nothing. */
export const facts: SensorFacts = { kinds: {}, judge: () => null };
