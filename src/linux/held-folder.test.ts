import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { entryName, HeldFolder } from "./held-folder.ts";
import { folderOf } from "./temp-folder.mts";

const head = Buffer.alloc(64);

function open(path: string): HeldFolder {
  const folder = HeldFolder.open(path);
  assert.ok(folder !== undefined);
  return folder;
}

function names(path: string): string[] {
  using folder = open(path);
  const found: string[] = [];
  folder.list((entry) => {
    found.push(`${entry.type} ${entryName(entry)}`);
    return true;
  });
  return found.sort();
}

function read(path: string, name: string): string | null {
  using folder = open(path);
  const bytes = folder.readHead(Buffer.from(`${name}\0`, "latin1"), head, 0, head.length);
  return bytes === -1 ? null : head.toString("latin1", 0, bytes);
}

test("list() gives files and folders by their bytes, and neither links, FIFOs nor sockets", async (t) => {
  const path = folderOf(t);
  writeFileSync(join(path, "file"), "");
  writeFileSync(Buffer.from(`${path}/\xff\x1b[31m`, "latin1"), "");
  mkdirSync(join(path, "folder"));
  symlinkSync("/etc/passwd", join(path, "link"));
  execFileSync("mkfifo", [join(path, "fifo")]);
  const server = createServer().listen(join(path, "socket"));
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  assert.deepEqual(names(path), ["file file", "file \xff\x1b[31m", "folder folder"].sort());
});

test("list() gives each of 20,000 names once, and ends when it is told to", (t) => {
  const path = folderOf(t);
  for (let index = 0; index < 20_000; index++) writeFileSync(join(path, `a-name-that-is-not-short-${index}`), "");
  const found = names(path);
  assert.equal(found.length, 20_000);
  assert.equal(new Set(found).size, 20_000);
  using folder = open(path);
  let taken = 0;
  folder.list(() => ++taken < 5);
  assert.equal(taken, 5);
});

test("readHead() gives no more than it has room for, and follows no link, waits for no FIFO and reads no folder", (t) => {
  const path = folderOf(t);
  writeFileSync(join(path, "short"), "abc");
  writeFileSync(join(path, "sparse"), "begin");
  truncateSync(join(path, "sparse"), 2 ** 40);
  symlinkSync("short", join(path, "link"));
  mkdirSync(join(path, "folder"));
  execFileSync("mkfifo", [join(path, "fifo")]);
  assert.equal(read(path, "short"), "abc");
  assert.equal(read(path, "sparse"), `begin${"\0".repeat(59)}`);
  for (const name of ["link", "folder", "fifo", "nothing", "a".repeat(300)]) assert.equal(read(path, name), null, name);
});

test("readHead() leaves the atime as it is", (t) => {
  const path = folderOf(t);
  writeFileSync(join(path, "file"), "abc");
  utimesSync(join(path, "file"), 1, 2_000_000_000);
  read(path, "file");
  assert.equal(statSync(join(path, "file")).atimeMs, 1000);
});

test("openFolder() follows no link, and a folder stays what it was when its name leads elsewhere", (t) => {
  const path = folderOf(t);
  mkdirSync(join(path, "one"));
  writeFileSync(join(path, "one", "inside"), "abc");
  symlinkSync("one", join(path, "link"));
  linkSync(join(path, "one", "inside"), join(path, "file"));
  using folder = open(path);
  assert.equal(folder.openFolder("link"), undefined);
  assert.equal(folder.openFolder("file"), undefined);
  assert.equal(folder.openFolder("nothing"), undefined);
  using one = folder.openFolder("one");
  renameSync(join(path, "one"), join(path, "other"));
  symlinkSync("/etc", join(path, "one"));
  assert.equal(one?.readHead(Buffer.from("inside\0"), head, 0, 64), 3);
  rmSync(join(path, "other"), { recursive: true });
  assert.equal(one?.readHead(Buffer.from("inside\0"), head, 0, 64), -1);
});

test("HeldFolder.open() says why a folder may not be read", (t) => {
  const path = folderOf(t);
  mkdirSync(join(path, "closed"), { mode: 0o700 });
  assert.equal(HeldFolder.open(join(path, "nothing")), undefined);
  // The folder of the test is 0700 too.
  execFileSync("chmod", ["755", path]);
  process.seteuid?.(65_534);
  try {
    assert.throws(() => HeldFolder.open(join(path, "closed")), /^GarrisonError: Cannot open a folder: EACCES$/);
  } finally {
    process.seteuid?.(0);
  }
});
