import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { duration, section, size } from "./values.ts";

/** The messages of the issues, or the value. */
function check(schema: z.ZodType, value: unknown): unknown {
  const checked = schema.safeParse(value);
  return checked.success ? checked.data : checked.error.issues.map(({ message }) => message);
}

test("duration() gives milliseconds, of the default when nothing is written", () => {
  const schema = duration({ default: "24h" });
  assert.equal(check(schema, "1h30m"), 5_400_000);
  assert.equal(check(schema, undefined), 86_400_000);
});

test("duration() refuses a bare number, and a text without a unit", () => {
  const schema = duration({ default: "24h" });
  for (const value of [15, null, true, ["15s"], {}]) {
    assert.deepEqual(check(schema, value), ['expected a text with a unit such as "15s"']);
  }
  assert.deepEqual(check(schema, "15"), [
    'Cannot read "15" as a duration: expected a text with a unit such as "15m" or "24h"',
  ]);
});

test("duration() refuses what is shorter than its bound", () => {
  const schema = duration({ default: "24h", atLeast: "1m" });
  assert.deepEqual(check(schema, "59s"), ['expected at least "1m"']);
  assert.equal(check(schema, "60s"), 60_000);
});

test("size() gives bytes and refuses a bare number, a wrong unit, and what is below its bound", () => {
  const schema = size({ default: "200 MiB", atLeast: "1 MiB" });
  assert.equal(check(schema, "2 GiB"), 2 ** 31);
  assert.equal(check(schema, undefined), 200 * 2 ** 20);
  assert.deepEqual(check(schema, 200), ['expected a text with a unit such as "200 MiB"']);
  assert.deepEqual(check(schema, "200 MB"), [
    'Cannot read "200 MB" as a size: expected a text with a unit such as "200 MiB"',
  ]);
  assert.deepEqual(check(schema, "1023 KiB"), ['expected at least "1 MiB"']);
});

test("section() has its defaults when it is left out or empty, and refuses what is no section", () => {
  const schema = section(z.strictObject({ every: duration({ default: "1m" }), on: z.boolean().default(true) }));
  for (const value of [undefined, null, {}]) assert.deepEqual(check(schema, value), { every: 60_000, on: true });
  assert.deepEqual(check(schema, { on: false }), { every: 60_000, on: false });
  for (const value of [[], "x", 1, false]) assert.equal((check(schema, value) as string[]).length, 1);
  assert.equal((check(schema, { of: true }) as string[]).length, 1);
});
