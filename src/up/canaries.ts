import type { JsonObject } from "#src/model/json.ts";
import type { Canaries } from "#src/processes/folders.ts";

/** Options of the sensors with the canaries of `garrison drill` among what they watch. */
export function withCanaries(
  sensors: Readonly<Record<string, JsonObject>>,
  { file, secret }: Canaries,
): Readonly<Record<string, JsonObject>> {
  const { files, secrets } = sensors;
  return {
    ...sensors,
    ...(files === undefined
      ? {}
      : { files: { ...files, watched: [...asList(files["watched"]), { pattern: file, secret: false }] } }),
    ...(secrets === undefined ? {} : { secrets: { ...secrets, patterns: [...asList(secrets["patterns"]), secret] } }),
  };
}

function asList(value: JsonObject[string] | undefined): readonly JsonObject[string][] {
  return Array.isArray(value) ? value : [];
}
