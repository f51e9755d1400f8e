import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { expectation } from "./expectation.ts";
import { configError, describeIssues } from "./problems.ts";
import { shapeAt, shapeOf } from "./shape.ts";
import { duration } from "./values.ts";
import { parseYamlText } from "./yaml-text.ts";

/** The problems of a text whose one key `a` has this schema, without their lines. */
function problemsOf(schema: z.ZodType, text: string): string[] {
  const whole = z.strictObject({ a: schema });
  const file = parseYamlText(text);
  assert.deepEqual(file.problems, []);
  const checked = whole.safeParse(file.value, { error: expectation });
  return describeIssues(checked.error?.issues ?? [], file, shapeOf(whole)).map((one) => one.text);
}

const limits = z.union([z.literal("none"), z.strictObject({ rate: z.number(), burst: z.number().optional() })]);

const TABLE: readonly (readonly [schema: z.ZodType, text: string, ...problems: string[]])[] = [
  [z.string(), "a: 1", '"a" is 1, expected a text'],
  [z.boolean(), "a: 1", '"a" is 1, expected true or false'],
  [z.number(), "a: x", '"a" is "x", expected a number'],
  [z.number().int(), "a: 1.5", '"a" is 1.5, expected a whole number'],
  [z.number().min(2).max(5), "a: 1", '"a" is 1, expected at least 2'],
  [z.number().min(2).max(5), "a: 6", '"a" is 6, expected at most 5'],
  [z.number().gt(2), "a: 2", '"a" is 2, expected more than 2'],
  [z.number().multipleOf(5), "a: 7", '"a" is 7, expected a multiple of 5'],
  [z.string().min(1), "a: ''", '"a" is "", expected at least 1 character'],
  [z.string().max(3), "a: long", '"a" is "long", expected at most 3 characters'],
  [z.array(z.string()).max(1), "a: [x, y]", '"a" is a list, expected at most 1 item'],
  [z.array(z.string()), "a: {}", '"a" is a section, expected a list'],
  [z.enum(["x", "y"]), "a: z", '"a" is "z", expected one of "x", "y"'],
  [z.literal("x"), "a: z", '"a" is "z", expected "x"'],
  [z.email(), "a: z", '"a" is "z", expected a mail address'],
  [z.url(), "a: z", '"a" is "z", expected a URL'],
  [z.string().regex(/^b+$/), "a: z", '"a" is "z", expected a text of the form /^b+$/'],
  [z.string(), "{}", '"a" is missing, expected a text'],
  [z.string().refine(() => false, "expected luck"), "a: z", '"a" is "z", expected luck'],
  [z.strictObject({}), "a: {b: 1}", '"a.b" is not known, expected no key here'],
  [limits, "a: some", '"a" is "some", expected "none" or a section with keys of its own'],
  [limits, "a: {rate: x}", '"a.rate" is "x", expected a number'],
  [limits, "a: {rate: 1, brust: 2}", '"a.brust" is not known, did you mean "burst"?'],
  [
    z.union([z.number(), duration({ default: "1s" })]),
    "a: 5x",
    '"a" is "5x", expected a text with a unit such as "15m" or "24h"',
  ],
  [
    z.strictObject({}).refine(() => false, '"user" is alone, expected "password" too'),
    "a: {}",
    '"a": "user" is alone, expected "password" too',
  ],
];

for (const [schema, text, ...problems] of TABLE) {
  test(`describeIssues() says ${problems[0]} of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(problemsOf(schema, text), problems);
  });
}

test("describeIssues() cuts and cleans the value that it repeats", () => {
  const [problem] = problemsOf(z.number(), `a: "\\x1b[31m${"x".repeat(500)}"`);
  assert.ok(problem!.startsWith('"a" is "\\x1b[31mxxx') && problem!.length < 150);
});

test("shapeAt() finds the shape of a place, through lists and alternatives", () => {
  const shape = shapeOf(z.strictObject({ a: z.array(limits).describe("Limits") }));
  assert.equal(shapeAt(shape, ["a"])?.description, "Limits");
  assert.equal(shapeAt(shape, ["a", 7, "rate"])?.type, "number");
  assert.equal(shapeAt(shape, ["a", 7, "none"]), undefined);
  assert.equal(shapeAt(shape, ["a", "b", "c"]), undefined);
  assert.equal(shapeAt(shape, ["__proto__"]), undefined);
});

test("configError() has a line of text for each problem, in the order of the file", () => {
  const error = configError("/etc/g\n.yaml", [
    { line: 7, text: "c" },
    { line: null, text: "a" },
    { line: 2, text: "b" },
  ]);
  assert.equal(error.code, "GARRISON_CONFIG");
  assert.deepEqual(error.message.split("\n"), [
    'Cannot load "/etc/g\\x0a.yaml": a',
    'Cannot load "/etc/g\\x0a.yaml" line 2: b',
    'Cannot load "/etc/g\\x0a.yaml" line 7: c',
  ]);
});
