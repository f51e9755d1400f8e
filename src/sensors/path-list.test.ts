import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { GroupMembers } from "./group-members.ts";
import { HandleIndex } from "./handle-index.ts";
import { openFolder, PathList, walkList } from "./path-list.ts";

const root = mkdtempSync(join(tmpdir(), "garrison-list-"));
after(() => rmSync(root, { recursive: true, force: true }));

function interest(patterns: readonly string[], folder: string) {
  const found = new PathList(patterns).interestIn(folder);
  if (found === undefined) return undefined;
  const names = ["a", "b", "c", ".accesshash", "etc", "home"];
  return {
    deep: found.isDeep,
    listed: names.filter((name) => found.listed.has(name)),
    onward: names.filter((name) => found.onward.has(name)),
  };
}

test("PathList.interestIn() tells what the names in a folder mean", () => {
  const patterns = ["/etc/a", "/etc/b/*", "/home/*/.accesshash", "/etc/c/**"];
  assert.deepEqual(interest(patterns, "/"), { deep: false, listed: [], onward: ["etc", "home"] });
  assert.deepEqual(interest(patterns, "/etc"), { deep: false, listed: ["a"], onward: ["b", "c"] });
  assert.deepEqual(interest(patterns, "/home/kim"), { deep: false, listed: [".accesshash"], onward: [] });
  assert.deepEqual(interest(patterns, "/etc/c/x/y"), { deep: true, listed: [], onward: [] });
  assert.equal(interest(patterns, "/var"), undefined);
  assert.equal(interest(patterns, "/home/kim/mail"), undefined);
});

test("PathList.patternOf() gives the first pattern that names a path", () => {
  const list = new PathList(["/etc/shadow", "/etc/*", "/etc/größe/*"]);
  assert.equal(list.patternOf("/etc/shadow"), "/etc/shadow");
  assert.equal(list.patternOf("/etc/x"), "/etc/*");
  assert.equal(list.patternOf(Buffer.from("/etc/größe/x").toString("latin1")), "/etc/größe/*");
  assert.equal(list.patternOf("/etc"), undefined);
  assert.throws(() => new PathList(["relative"]), SyntaxError);
});

test("walkList() visits each folder before the names in it, and goes nowhere else", () => {
  mkdirSync(join(root, "walk/home/kim/mail"), { recursive: true });
  mkdirSync(join(root, "walk/deep/x/y"), { recursive: true });
  writeFileSync(join(root, "walk/home/kim/.accesshash"), "");
  symlinkSync("..", join(root, "walk/deep/x/up"));
  const visited: string[] = [];
  const list = new PathList([`${root}/walk/home/*/.accesshash`, `${root}/walk/deep/**`, `${root}/walk/missing/x`]);
  const walk = walkList(list, `${root}/walk`, {
    folder: (path) => {
      visited.push(`folder ${path.slice(root.length)}`);
      return !path.endsWith("missing");
    },
    thing: (path) => void visited.push(path.slice(root.length)),
  });
  for (const _ of walk);
  assert.deepEqual(visited.slice(0, 4), [
    "folder /walk",
    "folder /walk/home",
    "folder /walk/home/kim",
    "/walk/home/kim/.accesshash",
  ]);
  assert.deepEqual(visited.slice(4).sort(), [
    "/walk/deep/x",
    "/walk/deep/x/up",
    "/walk/deep/x/y",
    "folder /walk/deep",
    "folder /walk/deep/x",
    "folder /walk/deep/x/y",
    "folder /walk/missing",
  ]);
});

test("openFolder() follows a link of root, not one of a user", {
  skip: process.getuid?.() !== 0 && "needs root",
}, () => {
  mkdirSync(join(root, "real"));
  for (const name of ["by-root", "by-user"]) symlinkSync("real", join(root, name));
  lchownSync(join(root, "by-user"), 1000, 1000);
  const opens = (name: string): boolean => {
    const fd = openFolder(join(root, name));
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  };
  assert.deepEqual(["real", "by-root", "by-user", "nothing"].map(opens), [true, true, false, false]);
  writeFileSync(join(root, "file"), "");
  chmodSync(join(root, "file"), 0o600);
  chownSync(join(root, "file"), 0, 0);
  assert.equal(opens("file"), false);
});

test("HandleIndex knows paths by handle, several of one handle, and forgets what a walk did not meet", () => {
  const index = new HandleIndex<number>();
  index.set("/a", ["h1"], 1);
  index.set("/b", ["h1", "h2"], 2);
  assert.deepEqual(
    [...index.at("h1")],
    [
      ["/a", 1],
      ["/b", 2],
    ],
  );
  index.set("/b", ["h3"], 3);
  assert.deepEqual([[...index.at("h1")], [...index.at("h2")], [...index.at("h3")]], [[["/a", 1]], [], [["/b", 3]]]);
  assert.deepEqual([...index.at(null)], []);
  const generation = index.nextGeneration();
  index.set("/a/x", ["h4"], 4);
  index.sweep("/a", generation);
  assert.deepEqual([...index.paths()], ["/b", "/a/x"]);
  index.sweep("/", generation);
  assert.deepEqual([...index.paths()], ["/a/x"]);
  index.delete("/a/x");
  assert.deepEqual([index.size, [...index.at("h4")]], [0, []]);
});

test("HandleIndex answers as a list of pairs would, whatever is done to it", () => {
  const path = fc.constantFrom("/a", "/b", "/a/c");
  const handles = fc.uniqueArray(fc.constantFrom("1", "2", "3"), { maxLength: 2 });
  fc.assert(
    fc.property(fc.array(fc.tuple(path, fc.option(handles))), (acts) => {
      const index = new HandleIndex<null>();
      const expected = new Map<string, string[]>();
      for (const [at, given] of acts) {
        if (given === null) index.delete(at);
        else index.set(at, given, null);
        if (given === null) expected.delete(at);
        else expected.set(at, given);
      }
      for (const handle of ["1", "2", "3"]) {
        const paths = [...expected].filter(([, one]) => one.includes(handle)).map(([at]) => at);
        assert.deepEqual([...index.at(handle)].map(([at]) => at).sort(), paths.sort());
      }
    }),
  );
});

test("GroupMembers takes paths until a census of the group would be too long for a frame", () => {
  const members = new GroupMembers(["/a/*", "/b/*"]);
  assert.equal(members.add("/c", "/c"), false);
  let count = 0;
  while (members.add(`/a/${"x".repeat(200)}${count}`, "/a/*")) count++;
  assert.ok(count > 1000 && count < 3000, String(count));
  assert.ok(members.add("/b/1", "/b/*"), "other groups have their own room");
  assert.ok(members.add("/b/1", "/b/*"), "a member stays one");
  members.delete(`/a/${"x".repeat(200)}0`, "/a/*");
  assert.ok(members.add(`/a/${"x".repeat(200)}!`, "/a/*"), "there is room again");
  const [a, b] = members.censuses("files", 5);
  assert.ok(Buffer.byteLength(JSON.stringify(a)) < 1024 * 1024);
  assert.deepEqual(b, { sensor: "files", group: "/b/*", type: "census", keys: ["/b/1"], atUnixMs: 5 });
});
