import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import {
  type Check,
  flag,
  integer,
  json,
  jsonObject,
  list,
  malformed,
  nullable,
  number,
  object,
  oneOf,
  tagged,
  text,
} from "./check.ts";

/** That `check` refuses `value`, saying that `what` is not `expected`. */
function assertRefused(check: Check<unknown>, value: unknown, expected: string, what = "m"): void {
  assert.throws(() => check(value, "m"), {
    name: "GarrisonError",
    code: "GARRISON_WIRE_MALFORMED",
    message: `Cannot accept message: "${what}" is not ${expected}`,
  });
}

const NO_OBJECTS = [undefined, null, true, 0, "", "text", 1n, Symbol("s"), [], () => {}];
const point = object({ x: integer(0, 9), y: integer(0, 9) });

interface Row {
  readonly name: string;
  readonly check: Check<unknown>;
  readonly expected: string;
  readonly accepts: readonly unknown[];
  readonly refuses: readonly unknown[];
}

const TABLE: readonly Row[] = [
  {
    name: "text(3)",
    check: text(3),
    expected: "a text of at most 3 characters",
    accepts: ["", "abc", "a💾", "\0", "\ud800"],
    refuses: ["abcd", "💾💾", undefined, null, 3, ["a"], new String("a"), { length: 1 }],
  },
  {
    name: "integer(-1, 5)",
    check: integer(-1, 5),
    expected: "an integer from -1 to 5",
    accepts: [-1, 0, 5],
    refuses: [-2, 6, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "3", 3n, null, undefined, [3], new Number(3)],
  },
  {
    name: "integer(0)",
    check: integer(0),
    expected: "an integer from 0 to 9007199254740991",
    accepts: [0, Number.MAX_SAFE_INTEGER],
    refuses: [-1, 2 ** 53, 1e300],
  },
  {
    name: "number",
    check: number,
    expected: "a finite number",
    accepts: [0, -0.5, 1e300],
    refuses: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, "1", 1n, null, undefined],
  },
  {
    name: "flag",
    check: flag,
    expected: "true or false",
    accepts: [true, false],
    refuses: [0, 1, "true", null, undefined],
  },
  {
    name: 'oneOf(["tcp", "udp"])',
    check: oneOf(["tcp", "udp"]),
    expected: "one of tcp, udp",
    accepts: ["tcp", "udp"],
    refuses: ["TCP", "", "tcp ", "__proto__", "length", null, undefined, 0, ["tcp"]],
  },
  {
    name: "nullable(flag)",
    check: nullable(flag),
    expected: "true or false",
    accepts: [null, true],
    refuses: [undefined, 0, "null", {}],
  },
  {
    name: "list(flag, 2)",
    check: list(flag, 2),
    expected: "a list of at most 2",
    accepts: [[], [true], [true, false]],
    refuses: [[true, true, true], undefined, null, "ab", { length: 1, 0: true }, new Set([true])],
  },
  {
    name: "object()",
    check: object({}),
    expected: "an object",
    accepts: [{}],
    refuses: NO_OBJECTS,
  },
  {
    name: "tagged()",
    check: tagged("t", { a: object({ t: oneOf(["a"]) }), b: object({ t: oneOf(["b"]), n: integer(0) }) }),
    expected: "a permitted message",
    accepts: [{ t: "a" }, { t: "b", n: 1 }],
    refuses: [
      ...NO_OBJECTS,
      {},
      { t: "c" },
      { t: 1 },
      { t: ["a"] },
      { t: "__proto__" },
      { t: "constructor" },
      { t: "toString" },
      { T: "a" },
      [{ t: "a" }],
    ],
  },
  {
    name: "json(1, 3)",
    check: json(1, 3),
    expected: "JSON of at most 3 values, 1 deep",
    accepts: [null, true, "x".repeat(10_000), -0.5, [], {}, [1, "a"], { a: 1, b: [] }],
    refuses: [[[1]], { a: { b: 1 } }, [1, 2, 3], { a: 1, b: 2, c: 3 }],
  },
  {
    name: "json(9, 99)",
    check: json(9, 99),
    expected: "JSON",
    accepts: [{ constructor: 1, prototype: 2, hasOwnProperty: 3, "": 4 }],
    refuses: [
      undefined,
      1n,
      Symbol("s"),
      () => {},
      Number.NaN,
      [Number.POSITIVE_INFINITY],
      { a: undefined },
      new Array(1),
    ],
  },
  {
    name: "json(9, 99) with keys",
    check: json(9, 99),
    expected: "JSON with short, harmless keys",
    accepts: [{ ["k".repeat(256)]: 1 }],
    refuses: [{ ["k".repeat(257)]: 1 }, JSON.parse('{"__proto__":1}'), JSON.parse('[{"a":{"__proto__":{}}}]')],
  },
  {
    name: "jsonObject(9, 99)",
    check: jsonObject(9, 99),
    expected: "an object",
    accepts: [{}, { a: [1, { b: null }] }],
    refuses: NO_OBJECTS,
  },
];

for (const { name, check, expected, accepts, refuses } of TABLE) {
  test(`${name} gives what it accepts unchanged`, () => {
    for (const value of accepts) assert.deepEqual(check(value, "m"), value);
  });
  test(`${name} refuses what is not ${expected}`, () => {
    for (const value of refuses) assertRefused(check, value, expected);
  });
}

test("malformed() does not repeat the value, which may be a secret", () => {
  const error = malformed("message.t", "a permitted message");
  assert.ok(error instanceof GarrisonError);
  assert.equal(error.message, 'Cannot accept message: "message.t" is not a permitted message');
  for (const check of [text(2), integer(0), flag, oneOf(["a"]), list(flag, 1), point, tagged("t", {}), json(1, 1)]) {
    assert.throws(
      () => check({ hunter2: ["hunter2", "hunter2"] }, "m"),
      (thrown: Error) => !thrown.message.includes("hunter2"),
    );
  }
});

test("list() names the place of the item that it refuses, and passes over no hole", () => {
  assertRefused(list(flag, 5), [true, 1], "true or false", "m[1]");
  assertRefused(list(flag, 5), new Array(1), "true or false", "m[0]");
});

test("object() names the field that it refuses, whether wrong or missing", () => {
  assertRefused(point, { x: 1, y: 10 }, "an integer from 0 to 9", "m.y");
  assertRefused(point, { x: 1 }, "an integer from 0 to 9", "m.y");
  assertRefused(
    object({ inner: list(point, 3) }),
    {
      inner: [
        { x: 0, y: 0 },
        { x: 0, y: -1 },
      ],
    },
    "an integer from 0 to 9",
    "m.inner[1].y",
  );
});

test("object() refuses keys that it does not know, those of prototypes too", () => {
  for (const text of [
    '{"x":1,"y":2,"z":3}',
    '{"x":1,"y":2,"__proto__":{"z":3}}',
    '{"x":1,"y":2,"constructor":1}',
    '{"x":1,"y":2,"":0}',
  ]) {
    assertRefused(point, JSON.parse(text), "an object without other keys");
  }
});

test("object() takes no field from a prototype, and gives no prototype on", () => {
  assertRefused(point, Object.create({ x: 1, y: 2 }), "an integer from 0 to 9", "m.x");
  assertRefused(point, Object.assign(Object.create({ y: 2 }), { x: 1 }), "an integer from 0 to 9", "m.y");
  const bare = Object.assign(Object.create(null), { x: 1, y: 2 });
  const checked = point(bare, "m");
  assert.deepEqual(checked, { x: 1, y: 2 });
  assert.equal(Object.getPrototypeOf(checked), Object.prototype);
});

test("object() with a field named like a method of objects wants its own", () => {
  assertRefused(object({ toString: flag }), {}, "true or false", "m.toString");
  assert.deepEqual(object({ toString: flag })({ toString: true }, "m"), { toString: true });
});

test("object() gives a copy: what the sender's value becomes later does not matter", () => {
  const value = { x: 1, y: 2 };
  const checked = point(value, "m");
  value.x = 99;
  assert.equal(checked.x, 1);
});

test("tagged() refuses a tag that is inherited", () => {
  const check = tagged("t", { a: object({ t: oneOf(["a"]) }) });
  assertRefused(check, Object.create({ t: "a" }), "one of a", "m.t");
});

test("json() refuses a ring and great depth at its bound, not with a full stack", () => {
  const ring: unknown[] = [];
  ring.push(ring);
  assertRefused(json(20, 1000), ring, "JSON of at most 1000 values, 20 deep");
  const deep = JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
  assertRefused(json(20, 1000), deep, "JSON of at most 1000 values, 20 deep");
  assertRefused(jsonObject(20, 1000), { a: deep }, "JSON of at most 1000 values, 20 deep");
});

test("json() ends at its bound of values however many there are", () => {
  const many = Array.from({ length: 1_000_000 }, () => 0);
  const startedMs = performance.now();
  assertRefused(json(3, 1000), many, "JSON of at most 1000 values, 3 deep");
  assert.ok(performance.now() - startedMs < 100);
});

test("json() accepts exactly the JSON within its bounds", () => {
  const depthOf = (value: unknown): number =>
    typeof value !== "object" || value === null ? 0 : 1 + Math.max(-1, ...Object.values(value).map(depthOf));
  const countOf = (value: unknown): number =>
    typeof value !== "object" || value === null
      ? 1
      : Object.values(value).reduce((sum: number, one) => sum + countOf(one), 1);
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(4), fc.integer({ min: 1, max: 20 }), (value, maxDepth, maxNodes) => {
      const check = json(maxDepth, maxNodes);
      const isHarmless = !JSON.stringify(value).includes('"__proto__":');
      if (depthOf(value) <= maxDepth && countOf(value) <= maxNodes && isHarmless)
        assert.equal(check(value, "m"), value);
      else assert.throws(() => check(value, "m"), { code: "GARRISON_WIRE_MALFORMED" });
    }),
  );
});

test("every check gives a value or GARRISON_WIRE_MALFORMED for any value", () => {
  const anything = fc.anything({
    withNullPrototype: true,
    withBigInt: true,
    withSparseArray: true,
    withMap: true,
    withDate: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      for (const { check } of TABLE) {
        try {
          check(value, "m");
        } catch (error) {
          assert.ok(error instanceof GarrisonError && error.code === "GARRISON_WIRE_MALFORMED");
        }
      }
    }),
  );
});
