import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cleanText, isCleanText } from "./clean-text.ts";

const ANY_TEXT = fc.string({ unit: "binary", maxLength: 300 });
// Any UTF-16 units, lone surrogates too: what a file name or a log line may decode to.
const ANY_UNITS = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
  .map((units) => String.fromCharCode(...units));

const CLEAN = [
  "",
  "/etc/passwd",
  "naïve café",
  "日本語",
  "a  b",
  "50 % of <b>\"quotes\"</b> & 'more'",
  "C:\\x1b",
  "💾",
  "a\u0301",
];

for (const text of CLEAN) {
  test(`cleanText() leaves ${JSON.stringify(text)} as it is`, () => {
    assert.equal(cleanText(text), text);
    assert.equal(isCleanText(text), true);
  });
}

const UNSAFE: readonly (readonly [what: string, text: string, shown: string])[] = [
  ["a colour of a terminal", "a\x1b[31mb", "a\\x1b[31mb"],
  ["a line break that would forge a log line", "a\nerror: b", "a\\x0aerror: b"],
  ["a carriage return that would overwrite the line", "evil\rgood", "evil\\x0dgood"],
  ["a tab and NUL", "a\tb\0", "a\\x09b\\x00"],
  ["DEL and C1 controls (8-bit CSI)", "\x7f\x9b31m", "\\x7f\\x9b31m"],
  ["CVE-2021-42574: a right-to-left override", "invoice\u202efdp.exe", "invoice\\u{202e}fdp.exe"],
  ["bidi isolates and the Arabic letter mark", "\u2066a\u2069\u061c", "\\u{2066}a\\u{2069}\\u{61c}"],
  ["zero width space, joiner and byte order mark", "pass\u200bwd\u200d\ufeff", "pass\\u{200b}wd\\u{200d}\\u{feff}"],
  ["line and paragraph separators", "a\u2028b\u2029", "a\\u{2028}b\\u{2029}"],
  ["a soft hyphen", "ad\u00admin", "ad\\xadmin"],
  ["a Hangul filler that looks like nothing", "a\u3164b\u115f", "a\\u{3164}b\\u{115f}"],
  ["a combining grapheme joiner and a variation selector", "a\u034f\ufe0f", "a\\u{34f}\\u{fe0f}"],
  ["tag characters that hide a text", "a\u{e0041}", "a\\u{e0041}"],
  ["interlinear annotation", "\ufff9a\ufffb", "\\u{fff9}a\\u{fffb}"],
  ["what stands for bytes that are no UTF-8", "a\ufffd", "a\\u{fffd}"],
  ["lone surrogates", "\ud83d a \udcbe", "\\u{d83d} a \\u{dcbe}"],
];

for (const [what, text, shown] of UNSAFE) {
  test(`cleanText() writes out ${what}`, () => {
    assert.equal(cleanText(text), shown);
    assert.equal(isCleanText(text), false);
  });
}

test("cleanText() cuts a long text with an ellipsis before it writes it out", () => {
  assert.equal(cleanText("abcdef", 6), "abcdef");
  assert.equal(cleanText("abcdefg", 6), "abcde…");
  assert.equal(cleanText("\n\n\n", 2), "\\x0a…");
  assert.equal(cleanText("abc", 1), "…");
  assert.equal(cleanText("abc", 0), "…");
  assert.equal(cleanText("a".repeat(5000)).length, 4096);
});

test("cleanText() shows half of a character that the cut went through as what it is", () => {
  assert.equal(cleanText("a💾bc", 3), "a\\u{d83d}…");
});

test("cleanText() gives a clean text of bounded length for any text", () => {
  fc.assert(
    fc.property(fc.oneof(ANY_TEXT, ANY_UNITS), fc.integer({ min: 0, max: 400 }), (text, maxLength) => {
      const shown = cleanText(text, maxLength);
      assert.ok(isCleanText(shown));
      assert.equal(cleanText(shown, shown.length), shown);
      // The longest form of one unit is `\u{ffff}`.
      assert.ok(shown.length <= Math.max(1, maxLength) * 8 + 1);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    }),
  );
});

test("isCleanText() is true exactly when cleanText() changes nothing, call after call", () => {
  fc.assert(
    fc.property(fc.oneof(ANY_TEXT, ANY_UNITS), (text) => {
      assert.equal(isCleanText(text), cleanText(text) === text);
      assert.equal(isCleanText(text), cleanText(text) === text);
    }),
  );
});
