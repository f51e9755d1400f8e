import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseYamlText } from "./yaml-text.ts";

const READ: readonly (readonly [text: string, value: unknown])[] = [
  ["", null],
  ["# nothing but a comment\n", null],
  ["---\n", null],
  ["learn: 24h", { learn: "24h" }],
  ["learn: 24h\r\nacceptFor: 0s\r\n", { learn: "24h", acceptFor: "0s" }],
  ["\ufefflearn: 24h", { learn: "24h" }],
  ['{"sensors": {"files": {"paths": ["/a", "/b"]}}}', { sensors: { files: { paths: ["/a", "/b"] } } }],
  ["a: &list [1, 2]\nb: *list\n", { a: [1, 2], b: [1, 2] }],
  ["a: &x 1\nb: &x 2\nc: *x\n", { a: 1, b: 2, c: 2 }],
  [
    "a: yes\nb: true\nc: 010\nd: 1_000\ne: 2026-11-24\nf: ~\n",
    { a: "yes", b: true, c: 10, d: "1_000", e: "2026-11-24", f: null },
  ],
  ["%YAML 1.1\n---\na: yes\n", { a: "yes" }],
  ["15: x", { 15: "x" }],
  ["a:\nb: ''\n", { a: null, b: "" }],
  ["<<: {a: 1}", { "<<": { a: 1 } }],
  ["a: |\n  line 1\n  line 2\n", { a: "line 1\nline 2\n" }],
  ["'a: b': 1", { "a: b": 1 }],
  ["a: !!str 15", { a: "15" }],
];

for (const [text, value] of READ) {
  test(`parseYamlText() reads ${JSON.stringify(text)}`, () => {
    const file = parseYamlText(text);
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.value, value);
  });
}

const REFUSED: readonly (readonly [text: string, line: number | null, problem: string])[] = [
  ["a: 1\nb: 2\na: 3\n", 3, '"a" is there twice, expected once'],
  ["a: {x: 1,\n x: 2}\n", 2, '"x" is there twice, expected once'],
  ['a: 1\n"a": 2\n', 2, '"a" is there twice, expected once'],
  ["1: a\n'1': b\n", 2, '"1" is there twice, expected once'],
  ["a: 1\n---\nb: 2\n", 2, "a second document begins, expected one"],
  ["a:\n\tb: 1\n", 2, "a tab stands before a key, expected spaces"],
  ["a: !secret x", 1, 'a value begins with "!", expected quotes around such a text'],
  ["\n\npassword: *hunter2", 3, 'a value begins with "*", expected quotes around such a text'],
  ["b: *a\na: &a 1", 1, 'a value begins with "*", expected quotes around such a text'],
  ['a: "C:\\q"', 1, "a backslash begins no escape sequence, expected single quotes around such a text"],
  ["? [a]\n: 1", 1, "a key is not a text, expected the name of a setting"],
  ["a: &a [*a]", 1, "it is nested too deeply, expected at most 16 levels"],
  [`a: ${"[".repeat(20)}${"]".repeat(20)}`, 1, "it is nested too deeply, expected at most 16 levels"],
  [
    "a: [1",
    1,
    'it is no YAML (Flow sequence in block collection must be sufficiently indented and end with a ]), expected "key: value"',
  ],
  [
    "password: @hunter2",
    1,
    'it is no YAML (Plain value cannot start with reserved character @), expected "key: value"',
  ],
  ["a: 1\n b: 2\n", 1, 'it is no YAML (Nested mappings are not allowed in compact mappings), expected "key: value"'],
];

for (const [text, line, problem] of REFUSED) {
  test(`parseYamlText() says "${problem}" of ${JSON.stringify(text.slice(0, 40))}`, () => {
    const file = parseYamlText(text);
    assert.deepEqual(file.problems[0], { line, text: problem });
  });
}

test("parseYamlText() tells of every duplicate key, and once of each line that is no YAML", () => {
  assert.equal(parseYamlText("a: 1\na: 2\na: 3\nb: {c: 1, c: 2}\n").problems.length, 3);
  assert.deepEqual(
    parseYamlText("[".repeat(100)).problems.map(({ line }) => line),
    [1],
  );
});

test("parseYamlText() does not repeat the source in a problem, which may be a password", () => {
  const values = [
    '"hunter2',
    "'hunter2",
    "@hunter2",
    "*hunter2",
    "&hunter2 *hunter2",
    "!hunter2",
    "%hunter2",
    "{hunter2",
    "[hunter2",
    "|hunter2",
    ">hunter2\n",
    "`hunter2",
    '"\\hunter2"',
    "a: hunter2: x",
    '"a" hunter2',
    "- hunter2",
    ", hunter2",
    "] hunter2",
    "} hunter2",
    "!<hunter2",
  ];
  for (const value of values) {
    for (const text of [`password: ${value}`, `notify:\n  password: ${value}\n`, value, `%${value}\n---\na: 1`]) {
      for (const problem of parseYamlText(text).problems) assert.doesNotMatch(problem.text, /hunter/, text);
    }
  }
});

test("parseYamlText() gives the keys of prototypes as keys of the file", () => {
  const { value } = parseYamlText("__proto__: {polluted: true}\nconstructor: 1\n");
  assert.deepEqual(Object.keys(value as object), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal((value as { polluted?: boolean }).polluted, undefined);
});

test("lineOf() gives the line of a key, of an item, and of the nearest thing that is there", () => {
  const file = parseYamlText(
    "# comment\nlearn: 1h\nsensors:\n  files:\n    paths:\n      - /a\n\n      - /b\n    x: *y\n".replace("*y", "1"),
  );
  assert.equal(file.lineOf(["learn"]), 2);
  assert.equal(file.lineOf(["sensors"]), 3);
  assert.equal(file.lineOf(["sensors", "files", "paths"]), 5);
  assert.equal(file.lineOf(["sensors", "files", "paths", 1]), 8);
  assert.equal(file.lineOf(["sensors", "files", "missing", 0, "x"]), 4);
  assert.equal(file.lineOf(["notify"]), null);
  assert.equal(file.lineOf([]), null);
});

test("lineOf() gives the line of the value that an alias stands for at the place of the anchor", () => {
  const file = parseYamlText("a: &list\n  - 1\n  - 2\nb: *list\n");
  assert.equal(file.lineOf(["b"]), 4);
  assert.equal(file.lineOf(["b", 1]), 3);
});

const MAX_BYTES = 1024 * 1024;
const fillWith = (text: string): string => text.repeat(Math.floor(MAX_BYTES / text.length));

const BOMBS: readonly (readonly [what: string, text: string])[] = [
  [
    "a billion laughs",
    ["a: &a [1,1,1,1,1,1,1,1,1]", ..."bcdefghi"]
      .map((name, index) =>
        index === 0
          ? name
          : `${name}: &${name} [${Array(9)
              .fill(`*${String.fromCharCode(96 + index)}`)
              .join(",")}]`,
      )
      .join("\n"),
  ],
  ["many aliases of one long list", `a: &a [${"1,".repeat(10_000)}]\nb: [${"*a,".repeat(20)}]`],
  ["many aliases", `a: &a 1\nb: [${"*a,".repeat(20_000)}]`],
  ["a list that holds itself many times", `a: &a [${"*a,".repeat(100)}]`],
  ["a list longer than its bound", `a: [${"1,".repeat(30_000)}]`],
  ["opened lists", fillWith("[")],
  ["opened maps", fillWith("{")],
  ["compact nested lists", fillWith("- ")],
  ["compact nested keys", fillWith("? ")],
  ["ever deeper keys", Array.from({ length: 1400 }, (_, index) => `${" ".repeat(index)}a:\n`).join("")],
  ["anchors", fillWith("&a ")],
  ["tags", fillWith("!a ")],
  ["commas", `[${fillWith(",")}`],
  [
    "many keys",
    Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`)
      .join("")
      .slice(0, MAX_BYTES),
  ],
  ["the same key again and again", fillWith("a: 1\n")],
  ["directives", fillWith("%a\n")],
  ["documents", fillWith("---\n")],
  ["quotes", `[${fillWith('""')}`],
];

for (const [what, text] of BOMBS) {
  test(`parseYamlText() refuses ${what} (${text.length} bytes) within bounds of time and memory`, () => {
    const startedMs = performance.now();
    const beforeBytes = process.memoryUsage.rss();
    const { problems } = parseYamlText(text);
    assert.ok(problems.length > 0);
    assert.ok(performance.now() - startedMs < 5000);
    assert.ok(process.memoryUsage.rss() - beforeBytes < 400 * 1024 * 1024);
  });
}

test("parseYamlText() reads one very long text in a short time", () => {
  for (const text of [
    fillWith("x"),
    fillWith("x "),
    `"${fillWith("\\x41")}"`,
    `a: |\n${fillWith(" x\n")}`,
    fillWith(" "),
    fillWith("\r"),
    `#${fillWith("#")}`,
  ]) {
    const startedMs = performance.now();
    parseYamlText(text);
    assert.ok(performance.now() - startedMs < 5000);
  }
});

// Pieces of YAML, so that most texts are nearly well-formed.
const PIECES = [
  "a",
  "b:",
  ": ",
  "- ",
  "\n",
  "  ",
  "\t",
  "[",
  "]",
  "{",
  "}",
  ",",
  "&x ",
  "*x",
  "!t ",
  '"',
  "'",
  "#",
  "|",
  ">",
  "?",
  "---\n",
  "...\n",
  "%YAML 1.2\n",
  "1",
  "~",
  "<<: ",
  "\\",
  "\r\n",
  "\0",
  "é",
  "__proto__: ",
];

test("parseYamlText() writes out the controls of a key that it names", () => {
  assert.deepEqual(parseYamlText("\0: a\n\0: b\n").problems, [
    { line: 2, text: '"\\x00" is there twice, expected once' },
  ]);
});

test("parseYamlText() gives a value or problems for any text", () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (one) => {
      const file = parseYamlText(one);
      for (const { line, text: problem } of file.problems) {
        assert.ok(line === null || (line >= 1 && line <= one.split(/\r\n|\n|\r/).length));
        assert.match(problem, /^[^\n\0]+, expected [^\n\0]+$/);
      }
      if (file.problems.length === 0) assert.doesNotThrow(() => JSON.stringify(file.value));
    }),
    { numRuns: 3000 },
  );
});

test("parseYamlText() reads small JSON as JSON.parse does", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseYamlText(text).value, JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});
