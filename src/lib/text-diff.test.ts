import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diffText } from "./text-diff.ts";

const ALL = { maxLines: 10_000, context: 0 };

const TABLE: readonly (readonly [what: string, before: string, now: string, diff: string])[] = [
  ["nothing for equal texts", "a\nb\n", "a\nb\n", ""],
  ["a changed line", "a\nb\n", "a\nc\n", "@@ line 2 @@\n-b\n+c"],
  ["an added line", "root:x:0:0\n", "root:x:0:0\nevil:x:0:0\n", "@@ line 2 @@\n+evil:x:0:0"],
  ["two places", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", "@@ line 1 @@\n-a\n+A\n@@ line 5 @@\n-e\n+E"],
  ["a new text", "", "a\nb\n", "@@ line 1 @@\n+a\n+b"],
  [
    "lines that look like the marks of a diff",
    "x\n",
    "@@ line 9 @@\n--- a\n\\ x\n",
    "@@ line 1 @@\n-x\n+@@ line 9 @@\n+--- a\n+\\ x",
  ],
  ["a missing last line break as a changed line", "a", "a\n", "@@ line 1 @@\n-a\n+a"],
];

for (const [what, before, now, diff] of TABLE) {
  test(`diffText() shows ${what}`, () => {
    assert.equal(diffText(before, now, ALL), diff);
  });
}

test("diffText() shows unchanged lines around a change", () => {
  assert.equal(diffText("a\nb\nc\nd\n", "a\nb\nX\nd\n", { maxLines: 9, context: 1 }), "@@ line 2 @@\n b\n-c\n+X\n d");
});

test("diffText() counts the lines that it does not show", () => {
  const now = Array.from({ length: 10 }, (_, index) => `line ${index}\n`).join("");
  assert.equal(diffText("", now, { maxLines: 2, context: 0 }), "@@ line 1 @@\n+line 0\n(9 more lines)");
});

test("diffText() sums up texts that differ in too many lines, in bounded time", () => {
  const before = Array.from({ length: 20_000 }, (_, index) => `before ${index}\n`).join("");
  const now = Array.from({ length: 20_000 }, (_, index) => `now ${index}\n`).join("");
  const startedMs = performance.now();
  assert.equal(diffText(before, now, ALL), "more than 2000 lines differ");
  assert.ok(performance.now() - startedMs < 5000);
});

const LINE = fc.constantFrom("a", "b", "c", "", " ", "\\", "-x", "+x", "@@ line 1 @@", "\r");
const TEXT = fc.array(LINE, { maxLength: 12 }).map((lines) => lines.map((line) => `${line}\n`).join(""));

test("diffText() says nothing exactly when the texts are the same, and its lines rebuild the later text", () => {
  fc.assert(
    fc.property(TEXT, TEXT, (before, now) => {
      const shown = diffText(before, now, { maxLines: 1000, context: 100 });
      assert.equal(shown === "", before === now);
      if (shown === "") return;
      // With all lines as context there is one hunk, which is the whole of both texts.
      const [head, ...lines] = shown.split("\n");
      assert.match(head!, /^@@ line \d+ @@$/);
      const side = (mark: string): string =>
        lines.flatMap((line) => (line.startsWith(" ") || line.startsWith(mark) ? [`${line.slice(1)}\n`] : [])).join("");
      assert.equal(side("-"), before);
      assert.equal(side("+"), now);
    }),
  );
});

test("diffText() keeps to the bound of lines for any two texts", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), fc.nat(5), (before, now, maxLines) => {
      const shown = diffText(before.replaceAll("a", "\n"), now.replaceAll("a", "\n"), { maxLines, context: 1 });
      assert.ok(shown.split("\n").length <= maxLines + 1);
    }),
  );
});
