import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareAge, parseRotatedName } from "./rotated.ts";
import { expandBrackets, Sources } from "./sources.ts";

const file = (name: string, ...paths: readonly string[]) => ({ name, kind: "file", paths }) as const;

test("parseRotatedName() knows the names that logrotate, cPanel and others give", () => {
  for (const [name, stem, mark, compression] of [
    ["auth.log.1", "auth.log", "1", ""],
    ["auth.log.12.gz", "auth.log", "12", ".gz"],
    ["secure-20261124", "secure", "20261124", ""],
    ["secure-20261124.xz", "secure", "20261124", ".xz"],
    ["access_log-20261124-1764000000", "access_log", "20261124-1764000000", ""],
    ["mainlog.2026-11-24", "mainlog", "2026-11-24", ""],
    ["error_log.old", "error_log", null, ""],
    ["access_log.gz", "access_log", null, ".gz"],
  ] as const) {
    assert.deepEqual(parseRotatedName(name), { stem, mark, compression }, name);
  }
  for (const name of ["auth.log", "access_log", "site1.log", "example.com-ssl_log", "1", ".gz"]) {
    assert.equal(parseRotatedName(name), undefined, name);
  }
});

test("compareAge() puts the older first: higher numbers, earlier dates, else the earlier last write", () => {
  const aged = (mark: string | null, mtimeNs: bigint) => ({ mark, mtimeNs });
  const order = (...all: ReturnType<typeof aged>[]): (string | null)[] => all.sort(compareAge).map(({ mark }) => mark);
  assert.deepEqual(order(aged("1", 1n), aged("10", 2n), aged("2", 3n)), ["10", "2", "1"]);
  assert.deepEqual(order(aged("20261201", 1n), aged("20261124", 2n)), ["20261124", "20261201"]);
  assert.deepEqual(order(aged("1", 9n), aged("20261124", 2n), aged(null, 5n)), ["20261124", null, "1"]);
});

test("Sources.find() tells source and glob of a path, and leaves what rotation made of a log to that log", () => {
  const sources = new Sources([
    file("auth", "/var/log/auth.log*", "/var/log/secure"),
    file("web", "/var/log/httpd/*-[0-9]_log", "/home/*/logs/*.log"),
    { name: "journal", kind: "journal", paths: ["_UID=0"] },
  ]);
  assert.equal(sources.find("/var/log/auth.log")?.source, "auth");
  assert.equal(sources.find("/var/log/httpd/a-7_log")?.source, "web");
  assert.notEqual(sources.find("/var/log/auth.log")?.key, sources.find("/var/log/secure")?.key);
  assert.equal(sources.keys.length, 4);
  for (const path of ["/var/log/auth.log.1", "/var/log/auth.log.2.gz", "/var/log/httpd/a-x_log", "/etc/shadow", "/"]) {
    assert.equal(sources.find(path), undefined, path);
  }
});

test("expandBrackets() writes out lists of characters, and refuses what it cannot", () => {
  assert.deepEqual(expandBrackets("/a/[0-2x].log"), ["/a/0.log", "/a/1.log", "/a/2.log", "/a/x.log"]);
  assert.deepEqual(expandBrackets("/a/*.log"), ["/a/*.log"]);
  for (const glob of ["/a/[!0]", "/a/[^0]", "/a/[]", "/a/[/]", "/a/[0-9][0-9]", "/a/[\0-\uffff]"]) {
    assert.throws(() => expandBrackets(glob), SyntaxError, glob);
  }
});

test("Sources refuses more than 1,000 globs", () => {
  const paths = Array.from({ length: 101 }, (_, index) => `/a/${index}/[0-9]`);
  assert.throws(() => new Sources([file("a", ...paths)]), RangeError);
});

test("parseRotatedName() and expandBrackets() take any text: a value, or a SyntaxError", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (text) => {
      assert.ok(text.startsWith(parseRotatedName(text)?.stem ?? ""));
      try {
        assert.ok(expandBrackets(text).length <= 64);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
  );
});
