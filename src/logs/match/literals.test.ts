import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { literalsOf } from "./literals.ts";

const EXPECTED: readonly (readonly [source: string, flags: string, literals: readonly string[] | null])[] = [
  // What rules look like.
  [
    "^Failed (?:password|publickey) for (?:invalid user )?(?<user>.{0,100}) from (?<address>\\S+) port \\d+ ssh2$",
    "",
    ["failed password for ", "failed publickey for "],
  ],
  ["^Invalid user .* from \\S+ port \\d+$", "", ["invalid user "]],
  [
    "^\\d+ dovecot_(?:login|plain) authenticator failed for H=",
    "",
    [" dovecot_login authenticator failed for h=", " dovecot_plain authenticator failed for h="],
  ],
  ['^\\S+ - - \\[[^\\]]+\\] "POST /wp-login\\.php HTTP/1\\.1" 200', "", ['] "post /wp-login.php http/1.1" 200']],
  // The better of two.
  [
    "sshd\\[\\d+\\]: error: maximum authentication attempts exceeded",
    "",
    ["]: error: maximum authentication attempts exceeded"],
  ],
  // What may be left out proves nothing.
  ["(?:invalid )?user", "", ["user"]],
  ["(?:abcdef)*x", "", null],
  ["(?:abcdef){0,3}x", "", null],
  ["(?:abcdef)+", "", ["abcdef"]],
  ["(?:abc){2}", "", ["abcabc"]],
  ["(?:abc){2,}d", "", ["abcabc"]],
  // Each way of a choice must have one.
  ["^(?:refused|\\d+)$", "", null],
  ["^(?:refused|denied) \\d+", "", ["refused ", "denied "]],
  ["abcdef|", "", null],
  // Classes.
  ["[Ff]ailed", "", ["failed"]],
  ["fail[a-z]ed", "", ["fail"]],
  ["pas[^s]word", "", ["word"]],
  ["abc[]d", "", ["abc"]],
  ["abc[^]def", "", ["abc"]],
  ["x[-y]z1", "", ["x-z1", "xyz1"]],
  ["x[+--]z", "", ["x+z", "x,z", "x-z"]],
  ["x[\\]a]z", "", ["x]z", "xaz"]],
  // Assertions and lookarounds: what must stand there stands in the line.
  ["^(?=.*authentication)x", "", ["authentication"]],
  ["(?<=relay )\\d+", "", ["relay "]],
  ["(?!authentication)\\d+", "", null],
  ["(?<!authentication)\\d+", "", null],
  ["(?:(?=authentication)a)?\\d", "", null],
  ["\\bword\\B", "", ["word"]],
  // Escapes.
  ["\\x41\\u0042C", "", ["abc"]],
  ["\\u{3}abc", "", ["uuuabc"]],
  ["\\u{41}BC", "u", ["abc"]],
  ["tab\\there", "", ["tab\there"]],
  ["one\\ntwo-three", "", ["two-three"]],
  ["caf\\u00e9 closed", "", [" closed"]],
  ["(?<a>x+)abc\\k<a>", "", ["abc"]],
  ["(x+)abc\\1", "", ["abc"]],
  ["abc\\12", "", ["abc"]],
  ["abc\\0", "", ["abc"]],
  ["a{2,b", "", ["a{2,b"]],
  // Upper and lower case.
  ["-1A-", "i", ["-1a-"]],
  ["(?i:AB)Cd", "", ["abcd"]],
  ["(?-i:Failed) x", "i", ["failed x"]],
  ["(?:\\.\\.|%2E%2e)(?:/|%5C)x", "i", ["../x", "..%5cx", "%2e%2e/x", "%2e%2e%5cx"]],
  // Each of many short words is better than what stands in every line.
  ['\\] "\\S+/\\.(?:hg|rc)/', "i", ["/.hg/", "/.rc/"]],
  ["skk", "iu", null],
  ["failed", "v", null],
  ["\\w+", "", null],
  ["ab", "", null],
  ["", "", null],
  [`${"(".repeat(300)}failed${")".repeat(300)}`, "", null],
];

for (const [source, flags, literals] of EXPECTED) {
  test(`literalsOf() gives ${JSON.stringify(literals)} for /${source.slice(0, 90)}/${flags}`, () => {
    const found = literalsOf(source, flags);
    assert.deepEqual(found === null ? null : [...found].sort(), literals === null ? null : [...literals].sort());
  });
}

test("literalsOf() throws a SyntaxError for what is no regular expression", () => {
  for (const source of ["(", "[z-a]", "a{3,1}", "(?<a>x)(?<a>y)"])
    assert.throws(() => literalsOf(source, ""), SyntaxError);
});

test("literalsOf() gives few texts whatever the expression", () => {
  const words = Array.from({ length: 600 }, (_, index) => `word-number-${index}`).join("|");
  assert.equal(literalsOf(`(?:${words})`, ""), null);
  assert.ok((literalsOf("(?:[ab][cd][ef][gh]){8}", "i") ?? []).length <= 512);
});

/** A source, and a text that it ought to match. */
interface Grown {
  readonly source: string;
  readonly text: string;
}

const letter = fc.constantFrom("a", "b", "K", "s", "-", " ", "1");
const word: fc.Arbitrary<Grown> = fc
  .array(letter, { minLength: 1, maxLength: 6 })
  .map((letters) => ({ source: letters.join(""), text: letters.join("") }));
const piece: fc.Arbitrary<Grown> = fc.oneof(
  { weight: 4, arbitrary: word },
  fc.constantFrom<Grown>(
    { source: ".", text: "\u00e9" },
    { source: "\\d", text: "7" },
    { source: "[ab]", text: "b" },
    { source: "[^ab]", text: "q" },
    { source: "[a-c-]", text: "-" },
    { source: "\\x61", text: "a" },
    { source: "^", text: "" },
    { source: "\\b", text: "" },
    { source: "(?!zzz)", text: "" },
    { source: "\\1", text: "" },
    { source: "\\.", text: "." },
    { source: "\\141", text: "a" },
  ),
);
const { tree } = fc.letrec<{ tree: Grown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    piece,
    fc.array(tie("tree"), { maxLength: 4 }).map((parts) => ({
      source: parts.map(({ source }) => `(?:${source})`).join(""),
      text: parts.map(({ text }) => text).join(""),
    })),
    fc
      .array(tie("tree"), { minLength: 1, maxLength: 3 })
      .map((parts) => ({ source: `(${parts.map(({ source }) => source).join("|")})`, text: parts.at(-1)?.text ?? "" })),
    fc
      .tuple(tie("tree"), fc.constantFrom(["*", 0], ["?", 0], ["+", 2], ["{2}", 2], ["{1,3}", 3], ["{2,}?", 2]))
      .map(([{ source, text }, [quantifier, times]]) => ({
        source: `(?:${source})${quantifier}`,
        text: text.repeat(Number(times)),
      })),
    fc
      .tuple(tie("tree"), fc.constantFrom("(?=", "(?<=", "(?i:", "(?<n>"))
      .map(([{ source, text }, open]) => ({ source: `(?:${open}${source}))`, text })),
  ),
}));

test("literalsOf() proves nothing that is not so: each text that an expression matches holds one of its literals", () => {
  let proven = 0;
  fc.assert(
    fc.property(tree, fc.constantFrom("", "i", "u", "iu", "s"), fc.string(), ({ source, text }, flags, other) => {
      let regex: RegExp;
      try {
        regex = new RegExp(source, flags);
      } catch {
        return; // a name twice, or \1 without a group and with u
      }
      const literals = literalsOf(source, flags);
      for (const candidate of [text, text.toUpperCase(), text + text, other, other + text, text.slice(1)]) {
        if (literals === null || !regex.test(candidate)) continue;
        proven++;
        assert.ok(
          literals.some((literal) => candidate.toLowerCase().includes(literal)),
          JSON.stringify({ source, flags, candidate, literals }),
        );
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(proven > 500, `only ${proven} texts were matched and had literals`);
});
