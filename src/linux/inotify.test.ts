import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Inotify } from "./inotify.ts";
import {
  IN_CREATE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  parseInotifyEvents,
} from "./inotify-events.ts";
import { folderOf } from "./temp-folder.mts";

const O_PATH = 0o10000000;
const MASK = IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF;

function watch(inotify: Inotify, folder: string): number {
  const fd = openSync(folder, O_PATH | constants.O_DIRECTORY);
  const number = inotify.watch(fd, MASK);
  closeSync(fd);
  return number;
}

test("Inotify tells which name of a folder came, was written and was renamed, and that the folder went", (t) => {
  const folder = join(folderOf(t), "inner");
  mkdirSync(folder);
  using inotify = Inotify.open();
  assert.deepEqual(inotify.read(), []);
  const number = watch(inotify, folder);
  assert.equal(watch(inotify, folder), number);
  writeFileSync(join(folder, "é"), "");
  appendFileSync(join(folder, "é"), "x");
  renameSync(join(folder, "é"), join(folder, "..", "out"));
  renameSync(join(folder, "..", "out"), join(folder, "in"));
  const name = Buffer.from("é").toString("latin1");
  assert.deepEqual(inotify.read(), [
    { watch: number, mask: IN_CREATE, name },
    { watch: number, mask: IN_MODIFY, name },
    { watch: number, mask: IN_MOVED_FROM, name },
    { watch: number, mask: IN_MOVED_TO, name: "in" },
  ]);
  renameSync(join(folder, "in"), join(folder, "..", "out"));
  rmdirSync(folder);
  assert.deepEqual(
    inotify.read().map(({ mask }) => mask),
    [IN_MOVED_FROM, IN_DELETE_SELF, IN_IGNORED],
  );
  inotify.unwatch(number);
});

test("parseInotifyEvents() refuses an event that goes beyond the bytes", () => {
  const event = Buffer.alloc(32);
  event.writeUInt32LE(16, 12);
  assert.equal(parseInotifyEvents(event).length, 1);
  for (const length of [1, 15, 17, 31]) {
    assert.throws(() => parseInotifyEvents(event.subarray(0, length)), { code: "GARRISON_INOTIFY_MALFORMED" });
  }
});

test("parseInotifyEvents() takes any bytes: events, or GARRISON_INOTIFY_MALFORMED", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        assert.ok(parseInotifyEvents(Buffer.from(bytes)).every(({ name }) => !name.includes("\0")));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "GARRISON_INOTIFY_MALFORMED");
      }
    }),
  );
});
