/** The schema as data: which keys there are, what they take, what they are when left out. Pure. */
import { z } from "zod";
import type { Json, JsonObject } from "#src/model/json.ts";

/**
 * What may stand at one place of the file: the part of JSON Schema that zod gives for it, of what the admin writes rather than of
 * what the program gets. `format` is `duration` or `size` for a text with a unit.
 */
export interface Shape {
  readonly type?: "object" | "array" | "string" | "boolean" | "integer" | "number" | "null";
  readonly description?: string;
  readonly default?: Json;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

/** Names of the keys and places of the items on the way to a value. */
export type Path = readonly (string | number)[];

/** The shape of a schema. */
export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Shape;
}

/** The alternatives of a place; one when there is no choice. */
export function alternatives(shape: Shape): readonly Shape[] {
  return (shape.anyOf ?? shape.oneOf)?.flatMap(alternatives) ?? [shape];
}

/** The keys that may stand in a section with their shapes, `enabled` first; none when the place is no section. */
export function keysOf(shape: Shape): readonly (readonly [key: string, shape: Shape])[] {
  const keys = alternatives(shape).flatMap(({ properties }) => Object.entries(properties ?? {}));
  return keys.sort(([a], [b]) => Number(b === "enabled") - Number(a === "enabled"));
}

/** The shape at a place; `undefined` when the schema has no such place. */
export function shapeAt(shape: Shape, path: Path): Shape | undefined {
  let at: Shape | undefined = shape;
  for (const step of path) {
    if (at === undefined) return undefined;
    at =
      typeof step === "number"
        ? alternatives(at).find(({ items }) => items !== undefined)?.items
        : keysOf(at).find(([key]) => key === step)?.[1];
  }
  return at;
}

/** Whether a value is an object of JSON. */
export function isSection(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
