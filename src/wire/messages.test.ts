import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Check } from "./check.ts";
import { encodeFrame } from "./frames.ts";
import { fromSentry, toSentry } from "./sentry-messages.ts";
import { fromWarden, toWarden } from "./warden-messages.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

/**
 * The tables with messages in the shape that the processes send. Most facts of the sentry were recorded on Linux 6.18 and then
 * shortened; rarer shapes, and all of the warden, were written by hand.
 */
const TABLES: readonly (readonly [name: string, check: Check<unknown>, samples: Json[]])[] = [
  ["toSentry", toSentry, readSamples("to-sentry")],
  ["fromSentry", fromSentry, readSamples("from-sentry")],
  ["toWarden", toWarden, readSamples("to-warden")],
  ["fromWarden", fromWarden, readSamples("from-warden")],
];

function readSamples(name: string): Json[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "testdata", `${name}.json`), "utf8"));
}

function isAccepted(check: Check<unknown>, value: unknown): boolean {
  try {
    check(value, "message");
    return true;
  } catch (error) {
    assert.ok(error instanceof GarrisonError, String(error));
    assert.equal(error.code, "GARRISON_WIRE_MALFORMED");
    assert.ok(error.message.length < 500);
    return false;
  }
}

function isContainer(value: Json | undefined): value is Json[] | { [key: string]: Json } {
  return typeof value === "object" && value !== null;
}

/** Every place in a message, the message itself first. */
function placesOf(value: Json, path: Path = []): Path[] {
  if (!isContainer(value)) return [path];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [path, ...steps.flatMap((step) => placesOf((value as Record<string | number, Json>)[step]!, [...path, step]))];
}

/** A copy in which `change` has been made to what holds the place. */
function changed(
  message: Json,
  path: Path,
  change: (holder: Record<string | number, Json>, step: string | number) => void,
): Json {
  const holder = { message: structuredClone(message) } as Record<string | number, Json>;
  const steps = ["message", ...path];
  let at = holder;
  for (const step of steps.slice(0, -1)) at = at[step] as unknown as Record<string | number, Json>;
  change(at, steps.at(-1)!);
  return holder["message"] as Json;
}

for (const [name, check, samples] of TABLES) {
  test(`${name} accepts every sample and gives it unchanged`, () => {
    for (const message of samples) {
      assert.deepEqual(check(message, "message"), message);
      encodeFrame(message);
    }
  });

  test(`${name} has a sample for each of its kinds`, () => {
    const tags = new Set(samples.map((message) => (message as { t: string }).t));
    const others = ["hello", "facts", "dropped", "status", "ack", "rescan", "record", "perform", "undo", "answer"];
    for (const tag of others.filter((one) => !tags.has(one))) assert.equal(isAccepted(check, { t: tag }), false);
  });

  test(`${name} refuses unknown tags`, () => {
    const [first] = samples as [{ [key: string]: Json }];
    for (const t of ["", "exec", "HELLO", "__proto__", "constructor", "toString", null, 1, ["ack"], { t: "ack" }]) {
      assert.equal(isAccepted(check, { ...first, t }), false);
    }
    const { t: _t, ...untagged } = first;
    assert.equal(isAccepted(check, untagged), false);
  });

  test(`${name} refuses a message in which any value is of another type`, () => {
    for (const message of samples) {
      for (const path of placesOf(message).filter((one) => !isFree(one))) {
        const wrong = changed(message, path, (holder, step) => {
          holder[step] = isContainer(holder[step]) ? 1 : [[]];
        });
        assert.equal(isAccepted(check, wrong), false, JSON.stringify(path));
      }
    }
  });

  test(`${name} refuses a message that lacks any field of its own`, () => {
    for (const message of samples) {
      for (const path of placesOf(message).filter((one) => !isFree(one) && typeof one.at(-1) === "string")) {
        if (path.at(-1) === "pathBase64") continue; // the one field that may be away
        const lacking = changed(message, path, (holder, step) => void delete holder[step]);
        assert.equal(isAccepted(check, lacking), false, JSON.stringify(path));
      }
    }
  });

  test(`${name} refuses a message with a key too many in any object of its own`, () => {
    for (const message of samples) {
      for (const path of placesOf(message).filter((one) => !isFree([...one, ""]))) {
        for (const key of ["extra", "__proto__", "constructor", "toJSON", ""]) {
          const more = changed(message, path, (holder, step) => {
            const value = holder[step];
            if (isContainer(value) && !Array.isArray(value))
              Object.defineProperty(value, key, { value: {}, enumerable: true });
            else holder[step] = { [key]: 1 };
          });
          assert.equal(isAccepted(check, more), false, JSON.stringify([...path, key]));
        }
      }
    }
  });

  test(`${name} refuses any text or number that is beyond its bounds`, () => {
    for (const message of samples) {
      for (const path of placesOf(message).filter((one) => !isFree(one))) {
        const huge = changed(message, path, (holder, step) => {
          const value = holder[step];
          if (typeof value === "string") holder[step] = "x".repeat(20_000);
          else if (typeof value === "number") holder[step] = 2 ** 53;
          else holder[step] = 1;
        });
        if (typeof valueAt(message, path) === "boolean" || valueAt(message, path) === null) continue;
        assert.equal(isAccepted(check, huge), false, JSON.stringify(path));
      }
    }
  });

  test(`${name} gives a value or GARRISON_WIRE_MALFORMED for any JSON`, () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void isAccepted(check, value)));
    const tags = [...new Set(samples.map((message) => (message as { t: string }).t))];
    const tagged = fc.tuple(fc.constantFrom(...tags), fc.dictionary(fc.string(), fc.jsonValue()));
    fc.assert(fc.property(tagged, ([t, rest]) => void isAccepted(check, { ...rest, t })));
  });

  test(`${name} gives a value or GARRISON_WIRE_MALFORMED for any message of which one part was replaced`, () => {
    const target = fc
      .constantFrom(...samples)
      .chain((message) => fc.tuple(fc.constant(message), fc.constantFrom(...placesOf(message)), fc.jsonValue()));
    fc.assert(
      fc.property(target, ([message, path, replacement]) => {
        const mutant = changed(message, path, (holder, step) => {
          holder[step] = replacement as Json;
        });
        // What is accepted survives the way over the wire as it is.
        if (isAccepted(check, mutant))
          assert.deepEqual(check(JSON.parse(JSON.stringify(mutant)), "m"), JSON.parse(JSON.stringify(mutant)));
      }),
      { numRuns: 500 },
    );
  });
}

function valueAt(message: Json, path: Path): Json {
  return path.reduce<Json>((at, step) => (at as Record<string | number, Json>)[step]!, message);
}

/** Whether a place is within what may be any JSON: the facts of an observation, plans and undo data. */
function isFree(path: Path): boolean {
  return ["facts", "data", "plan", "undo"].some((name) => path.slice(0, -1).includes(name));
}
