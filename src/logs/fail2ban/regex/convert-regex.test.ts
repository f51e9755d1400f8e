import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { convertRegex } from "./convert-regex.ts";
import { resolveFailureTags } from "./failure-tags.ts";
import { groupsOf, RegexPair } from "./regex-pair.ts";

const SAME: readonly (readonly [python: string, text: string, groups: Record<string, string> | null])[] = [
  ["(?P<user>\\w+)$", "bob\n", { user: "bob" }],
  ["a$", "a\n\n", null],
  ["a\\Z", "a\n", null],
  [".", "\u2028", {}],
  ["^.$", "\r", {}],
  ["[]x]+$", "]x]", {}],
  ["[^]x]", "]", null],
  ["a{,2}$", "aa", {}],
  ["a{}", "a{}", {}],
  ["(?P<q>[\"'])x(?P=q)", "'x'", { q: "'" }],
  // A reference to a group that took no part fails in Python, and would match in JavaScript.
  ['^(?P<q>")?x(?P=q)$', "x", null],
  ['^(?P<q>")?x(?P=q)$', '"x"', { q: '"' }],
  ["^(?P<c>inv )?(?(c)u1|u2)$", "inv u1", { c: "inv " }],
  ["^(?P<c>inv )?(?(c)u1|u2)$", "u2", {}],
  ["^(?P<c>inv )?(?(c)u1|u2)$", "inv u2", null],
  ["(?i:ROOT) x", "root x", {}],
  ["(?i:ROOT) x", "root X", null],
  ["(?i)É", "é", {}],
  ["\\s", "\x1c", {}],
  ["\\s", "\ufeff", null],
  ["^\\w+$", "é9_", {}],
  ["^\\w$", "-", null],
  ["\\d", "\u0663", {}],
  ["[^\\W_]$", "é", {}],
  ["\\bé\\b", "xé", null],
  ["(?>a+)a", "aaa", null],
  ["a++b", "aab", {}],
  ["(?#hi)a", "a", {}],
  ["\\x41\\u0042\\103", "ABC", {}],
  ["(?x) a # one\n b", "ab", {}],
  ["(?:(?P<u>a)|b)*c", "abc", { u: "a" }],
  ["(?:(?P<u>a)|b)*c", `${"b".repeat(30)}c`, {}],
];

for (const [python, text, groups] of SAME) {
  test(`convertRegex() answers as Python does: ${python} on ${JSON.stringify(text)}`, () => {
    const converted = convertRegex(python);
    const match = new RegexPair(converted).exec(text, false);
    const found = match === null ? null : groupsOf(match, converted.ascii.captures);
    if (found !== null) {
      for (const { of, more } of converted.copies.values()) {
        const last = of.findLast((copy) => found[copy] !== undefined);
        if (last !== undefined) found["u"] = found[last];
        for (const copy of [...of, more]) delete found[copy];
      }
      delete found["_atomic"];
    }
    assert.deepEqual(found, groups);
  });
}

const REFUSED: readonly (readonly [python: string, reason: RegExp])[] = [
  ["(", /a parenthesis is not closed/],
  [")", /a parenthesis is closed that was not opened/],
  ["[a", /a class is not closed/],
  ["[b-a]", /a range of a class has no order/],
  ["*a", /has nothing to repeat/],
  ["^*", /has nothing to repeat/],
  ["a**", /a repeat is repeated/],
  ["a{3,2}", /is no count of repeats/],
  ["\\y", /"\\y" is not known/],
  ["\\N{DIGIT ONE}", /"\\N" is not known/],
  ["a(?i)b", /"\(\?i\)b" is not known/],
  ["(?L)a", /depends on the locale/],
  ["(?P<a>x)(?P<a>y)", /group "a" is defined twice/],
  ["(?P<a-b>x)", /"a-b" is no name of a group/],
  ["(?P=a)", /group "a" is not there/],
  ["(?P<a>(?P=a))", /is referred to from within itself/],
  ["(?<=a+)b", /look-behind has no fixed width/],
  ["(?:(?P<ip4>a)|b)*", /group "ip4" is repeated/],
  ["(?:|a)*", /an empty round before another one/],
  ["(?:a*?)*", /an empty round before another one/],
  ["(?:(?P<c>a)|b){2}(?(c)x|y)", /is repeated and may be left out/],
  ["(?(1)a|b|c)(d)", /is not there/],
  ["\\ud800", /is no character/],
  ["(".repeat(150) + ")".repeat(150), /nested deeper than/],
  ["a".repeat(70_000), /at most 65536 are taken/],
];

for (const [python, reason] of REFUSED) {
  test(`convertRegex() refuses ${python.slice(0, 30)}`, () => {
    assert.throws(
      () => convertRegex(python),
      (error) =>
        error instanceof GarrisonError && error.code === "GARRISON_FAIL2BAN_REGEX" && reason.test(error.message),
    );
  });
}

test("convertRegex() tells what a line must hold also where the expression has characters above ASCII", () => {
  const { outlines } = convertRegex("Échec (?:é|ü) de connexion");
  assert.match(outlines[0]?.source ?? "", /chec .* de connexion/);
});

test("resolveFailureTags() knows the tags of fail2ban and leaves others alone", () => {
  const all = { withNames: true };
  assert.equal(resolveFailureTags("<F-USER>x</F-USER>", all), "(?P<user>x)");
  assert.equal(resolveFailureTags("<F-ID>x</F-ID> <F-PORT/>", all), "(?P<fid>x) (?P<fport>\\w+)");
  assert.equal(resolveFailureTags("</F-USER> <W> <co ts=", all), "</F-USER> <W> <co ts=");
  assert.match(resolveFailureTags("<HOST>", all), /\(\?P<dns>/);
  assert.doesNotMatch(resolveFailureTags("<HOST>", { withNames: false }), /\(\?P<dns>/);
  assert.equal(resolveFailureTags("((?i)x)", all), "(?i:x)");
});

test("convertRegex() converts or refuses any text, and what it converts can be searched with", () => {
  const piece = fc.constantFrom(
    ..."abé.^$*+?()[]{}|\\-,<>=!:#PiLmsx019 \n",
    ..."(?:|(?P<a>|(?P=a)|(?(a)|(?=|(?!|(?<=|(?<!|(?i:|(?>|[^|\\w|\\S|\\b|\\1|{1,3}|{,2}|*?|++|<HOST>|</F-A>|<F-A>".split(
      "|",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), fc.string({ unit: "grapheme", maxLength: 20 }), (pieces, text) => {
      try {
        const pair = new RegexPair(convertRegex(resolveFailureTags(pieces.join(""), { withNames: true })));
        pair.exec(text, false);
      } catch (error) {
        assert.ok(error instanceof GarrisonError && error.code === "GARRISON_FAIL2BAN_REGEX", String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
