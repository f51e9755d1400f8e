/** What every alert about a level has as evidence. Pure. */
import type { JsonObject } from "#src/model/json.ts";
import type { Departure } from "./contract.ts";

/** The numbers of a departure: which series, how much, what was expected, and by what it was told. */
export function departureEvidence({ series, value, expected, because }: Departure): JsonObject {
  return { series, value, expected: expected === null ? null : { ...expected }, because };
}
