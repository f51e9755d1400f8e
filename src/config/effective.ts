/** The configuration in force, as the admin would write it. Pure. */
import { stringify } from "yaml";
import type { Json, JsonObject } from "#src/model/json.ts";
import { redact } from "./redact.ts";
import { alternatives, isSection, keysOf, type Shape } from "./shape.ts";

/** What was written with all defaults beside it, as YAML: units stay text, secrets are redacted. */
export function effectiveYaml(shape: Shape, written: Json): string {
  return stringify(fill(shape, written, ""), { lineWidth: 0 });
}

function fill(shape: Shape, written: Json | undefined, key: string): Json | undefined {
  const value = written === undefined ? shape.default : written;
  if (value === undefined) return undefined;
  const keys = keysOf(shape);
  if (isSection(value)) return fillSection(keys, value);
  if (value === null && keys.length > 0 && !isNullable(shape)) return fillSection(keys, {});
  return Array.isArray(value) ? value.map((item) => redact(key, item)) : redact(key, value);
}

function fillSection(keys: ReturnType<typeof keysOf>, written: JsonObject): JsonObject {
  const entries = keys.map(([key, shape]) => [key, fill(shape, written[key], key)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

function isNullable(shape: Shape): boolean {
  return alternatives(shape).some(({ type }) => type === "null");
}
