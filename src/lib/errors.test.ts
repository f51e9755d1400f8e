import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { errnoOf, errorText, GarrisonError } from "./errors.ts";

test("GarrisonError keeps code, message and cause, and is an Error", () => {
  const cause = new Error("disk full");
  const error = new GarrisonError("GARRISON_STORE", 'Cannot open "store.db"', { cause });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "GarrisonError");
  assert.equal(error.code, "GARRISON_STORE");
  assert.equal(error.message, 'Cannot open "store.db"');
  assert.equal(error.cause, cause);
  assert.match(inspect(error), /GARRISON_STORE/);
});

test("GarrisonError without a cause has none", () => {
  assert.equal(Object.hasOwn(new GarrisonError("GARRISON_X", "x"), "cause"), false);
});

const TEXTS: readonly (readonly [what: string, thrown: unknown, text: string])[] = [
  ["an error", new Error("a"), "a"],
  ["an error with causes", new Error("a", { cause: new TypeError("b", { cause: new Error("c") }) }), "a: b: c"],
  ["a cause that is no error", new Error("a", { cause: "b" }), "a: b"],
  ["an error without a message", new RangeError(), "RangeError"],
  ["a text", "gone", "gone"],
  ["nothing", undefined, "undefined"],
  ["a number", 5, "5"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["an object that has no text", Object.create(null), "a value that has no text"],
  ["an object whose text throws", { toString: () => assert.fail() }, "a value that has no text"],
  ["an aggregate without a message", new AggregateError([new Error("a"), new Error("b")]), "a; b"],
  ["an aggregate with a message", new AggregateError([new Error("a")], "all failed"), "all failed"],
  ["an aggregate of nothing", new AggregateError([]), "AggregateError"],
];

for (const [what, thrown, text] of TEXTS) {
  test(`errorText() gives ${JSON.stringify(text)} for ${what}`, () => {
    assert.equal(errorText(thrown), text);
  });
}

test("errorText() ends when an error is its own cause, and when an aggregate holds itself", () => {
  const ring = new Error("a");
  ring.cause = ring;
  assert.equal(errorText(ring), Array.from({ length: 9 }, () => "a").join(": "));
  const nested: unknown[] = [];
  const aggregate = new AggregateError(nested, "");
  aggregate.errors.push(aggregate);
  assert.equal(errorText(aggregate), "AggregateError");
});

test("errorText() says which addresses of a host did not answer", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  // Node 20+ tries all addresses and gives an AggregateError whose message is empty.
  const lookup = (_host: string, _options: unknown, done: (error: null, addresses: object[]) => void): void =>
    done(null, [
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.2", family: 4 },
    ]);
  connect({ host: "two.invalid", port: 1, lookup: lookup as never }).on("error", resolve);
  const text = errorText(await promise);
  assert.match(text, /ECONNREFUSED 127\.0\.0\.1:1; .*ECONNREFUSED 127\.0\.0\.2:1/);
});

test("errorText() gives a text for anything thrown", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
      assert.equal(typeof errorText(thrown), "string");
      assert.equal(typeof errorText(new Error("a", { cause: thrown })), "string");
    }),
  );
});

test("errnoOf() names the errno of a system error", () => {
  assert.equal(existsSync("/nonexistent"), false);
  let thrown: unknown;
  try {
    readFileSync("/nonexistent");
  } catch (error) {
    thrown = error;
  }
  assert.equal(errnoOf(thrown), "ENOENT");
  assert.equal(errnoOf(Object.assign(new Error("getaddrinfo"), { code: "EAI_AGAIN" })), "EAI_AGAIN");
  assert.equal(errnoOf(Object.assign(new Error("x"), { code: "E2BIG" })), "E2BIG");
});

for (const other of [
  new Error("plain"),
  Object.assign(new TypeError("x"), { code: "ERR_INVALID_ARG_TYPE" }),
  new GarrisonError("GARRISON_CONFIG", "x"),
  Object.assign(new Error("x"), { code: 2 }),
  Object.assign(new Error("x"), { code: "enoent" }),
  { code: "ENOENT" },
  "ENOENT",
  null,
  undefined,
]) {
  test(`errnoOf() knows none for ${inspect(other, { breakLength: Number.POSITIVE_INFINITY }).split("\n")[0]}`, () => {
    assert.equal(errnoOf(other), undefined);
  });
}
