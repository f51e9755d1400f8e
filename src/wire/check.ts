/**
 * Checks of values that arrive from another process. Hand-written and small, because root processes use them:
 * exact shapes, stated bounds, unknown keys refused.
 */

import { GarrisonError } from "#src/lib/errors.ts";
import type { Json, JsonObject } from "#src/model/json.ts";

/** Gives the value typed, or throws `GARRISON_WIRE_MALFORMED` naming `path`. */
export type Check<T> = (value: unknown, path: string) => T;

/** The type that a check gives. */
export type Checked<C> = C extends Check<infer T> ? T : never;

/** The error of a value that does not fit. The value itself is not repeated: it may be a secret. */
export function malformed(path: string, expected: string): GarrisonError {
  return new GarrisonError("GARRISON_WIRE_MALFORMED", `Cannot accept message: "${path}" is not ${expected}`);
}

/** A string of at most `maxLength` UTF-16 units. */
export function text(maxLength: number): Check<string> {
  return (value, path) => {
    if (typeof value !== "string" || value.length > maxLength)
      throw malformed(path, `a text of at most ${maxLength} characters`);
    return value;
  };
}

/** A safe integer within the bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw malformed(path, `an integer from ${min} to ${max}`);
    }
    return value;
  };
}

/** A finite number. */
export const number: Check<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw malformed(path, "a finite number");
  return value;
};

/** `true` or `false`. */
export const flag: Check<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw malformed(path, "true or false");
  return value;
};

/** One of a closed set of strings. */
export function oneOf<const T extends string>(members: readonly T[]): Check<T> {
  return (value, path) => {
    if (!members.includes(value as T)) throw malformed(path, `one of ${members.join(", ")}`);
    return value as T;
  };
}

/** `null` or what `check` takes. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, path) => (value === null ? null : check(value, path));
}

/** An array of at most `maxItems`. */
export function list<T>(check: Check<T>, maxItems: number): Check<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > maxItems) throw malformed(path, `a list of at most ${maxItems}`);
    // Array.from, not map: map passes over holes.
    return Array.from(value, (item, index) => check(item, `${path}[${index}]`));
  };
}

/** An object with exactly these keys of its own; what it inherits does not count. */
export function object<S extends Record<string, Check<unknown>>>(
  shape: S,
): Check<{ readonly [K in keyof S]: Checked<S[K]> }> {
  const keys = Object.keys(shape);
  return (value, path) => {
    if (!isPlainObject(value)) throw malformed(path, "an object");
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(shape, key)) throw malformed(path, "an object without other keys");
    }
    const entries = keys.map((key) => [
      key,
      shape[key]!(Object.hasOwn(value, key) ? value[key] : undefined, `${path}.${key}`),
    ]);
    return Object.fromEntries(entries);
  };
}

/** One of several objects, told apart by the text under `tag`. */
export function tagged<M extends Record<string, Check<unknown>>>(tag: string, members: M): Check<Checked<M[keyof M]>> {
  return (value, path) => {
    if (!isPlainObject(value) || typeof value[tag] !== "string" || !Object.hasOwn(members, value[tag])) {
      throw malformed(path, "a permitted message");
    }
    return members[value[tag]]!(value, path) as Checked<M[keyof M]>;
  };
}

/** Any JSON of at most `maxDepth` levels and `maxNodes` values; keys at most 256 characters. */
export function json(maxDepth: number, maxNodes: number): Check<Json> {
  return (value, path) => {
    let nodes = 0;
    const walk = (item: unknown, depth: number): void => {
      nodes++;
      if (nodes > maxNodes || depth > maxDepth)
        throw malformed(path, `JSON of at most ${maxNodes} values, ${maxDepth} deep`);
      if (item === null || typeof item === "boolean" || typeof item === "string") return;
      if (typeof item === "number" && Number.isFinite(item)) return;
      if (Array.isArray(item)) for (const one of item) walk(one, depth + 1);
      else if (isPlainObject(item)) {
        for (const [key, one] of Object.entries(item)) {
          if (key.length > 256 || key === "__proto__") throw malformed(path, "JSON with short, harmless keys");
          walk(one, depth + 1);
        }
      } else throw malformed(path, "JSON");
    };
    walk(value, 0);
    return value as Json;
  };
}

/** A JSON object with the bounds of {@link json}. */
export function jsonObject(maxDepth: number, maxNodes: number): Check<JsonObject> {
  const check = json(maxDepth, maxNodes);
  return (value, path) => {
    if (!isPlainObject(value)) throw malformed(path, "an object");
    return check(value, path) as JsonObject;
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
