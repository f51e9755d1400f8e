import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesComponent, parsePathPattern, pathComponents, relate } from "./path-pattern.ts";

test("parsePathPattern() takes a path apart", () => {
  assert.deepEqual(parsePathPattern("/etc/cron.d/*").components, ["etc", "cron.d", "*"]);
  assert.deepEqual(parsePathPattern("/etc/systemd/**"), {
    text: "/etc/systemd/**",
    components: ["etc", "systemd"],
    isDeep: true,
  });
});

test("parsePathPattern() refuses what is not absolute, ambiguous or too long", () => {
  for (const text of [
    "",
    "/",
    "etc/passwd",
    "/a//b",
    "/a/../b",
    "/a/./b",
    "/a/**/b",
    "/a/b**",
    "/a/",
    "/**",
    "/a\0b",
    `/${"a".repeat(4096)}`,
  ])
    assert.throws(() => parsePathPattern(text), SyntaxError, JSON.stringify(text));
});

const RELATIONS = [
  ["/etc/passwd", "/etc/passwd", "match"],
  ["/etc/passwd", "/etc", "onward"],
  ["/etc/passwd", "/", "onward"],
  ["/etc/passwd", "/etc/passwd-", "none"],
  ["/etc/passwd", "/etc/passwd/x", "none"],
  ["/home/*/.accesshash", "/home/kim/.accesshash", "match"],
  ["/home/*/.accesshash", "/home/kim", "onward"],
  ["/home/*/.accesshash", "/home/kim/mail", "none"],
  ["/etc/systemd/**", "/etc/systemd", "onward"],
  ["/etc/systemd/**", "/etc/systemd/system/a.wants/b.service", "match"],
  ["/root/.ssh/id_*", "/root/.ssh/id_ed25519", "match"],
  ["/a/?b", "/a/xb", "match"],
  ["/a/?b", "/a/b", "none"],
] as const;

test("relate() tells what a path is to a pattern", () => {
  for (const [pattern, path, expected] of RELATIONS)
    assert.equal(relate(parsePathPattern(pattern), pathComponents(path)), expected, `${pattern} ${path}`);
});

test("matchesComponent() agrees with the same pattern as a regular expression", () => {
  const component = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "."), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "\n"), maxLength: 8 });
  fc.assert(
    fc.property(component, name, (pattern, text) => {
      const expression = pattern.replaceAll(".", "\\.").replaceAll("*", "[^]*").replaceAll("?", "[^]");
      assert.equal(matchesComponent(pattern, text), new RegExp(`^${expression}$`).test(text));
    }),
    { numRuns: 2000 },
  );
});

test("matchesComponent() ends soon on a name made to be slow", () => {
  const startMs = performance.now();
  assert.equal(matchesComponent("*a".repeat(100), "a".repeat(254).concat("b")), false);
  assert.ok(performance.now() - startMs < 100);
});

test("parsePathPattern() gives a pattern or a SyntaxError for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("/", "*", "?", ".", "a", "\0", "ü") }), (text) => {
      try {
        assert.ok(parsePathPattern(text).components.length > 0);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
  );
});
