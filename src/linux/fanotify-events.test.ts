import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import {
  FAN_ACCESS,
  FAN_ATTRIB,
  FAN_CREATE,
  FAN_DELETE_SELF,
  FAN_MOVE_SELF,
  FAN_MOVED_TO,
  FAN_ONDIR,
  FAN_OPEN,
  FAN_Q_OVERFLOW,
  parseFanotifyEvents,
} from "./fanotify-events.ts";

// Reads of a group with FAN_REPORT_DFID_NAME, _FID and _PIDFD on linux 6.18 (ext4), with the handles of the folder and the file.
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, "testdata/fanotify.json"), "utf8")) as {
  handles: { folder: string; file: string };
  acts: { act: string; bytes: string }[];
};
const bytesOf = (act: string): Buffer => Buffer.from(RECORDED.acts.find((one) => one.act === act)!.bytes, "base64");
const hex = (handle: string | null): string | null => handle && Buffer.from(handle, "latin1").toString("hex");
const { folder, file } = RECORDED.handles;

const EXPECTED = {
  chmod: [[FAN_ATTRIB, file, folder, "f"]],
  read: [[FAN_OPEN | FAN_ACCESS, file, folder, "f"]],
  "create and rename": [
    [FAN_CREATE, null, folder, "n"],
    [FAN_MOVED_TO, null, folder, "a\tb"],
  ],
  remove: [[FAN_ATTRIB | FAN_DELETE_SELF, file, null, null]],
  "move the folder": [[FAN_MOVE_SELF | FAN_ONDIR, null, folder, "."]],
  overflow: [[FAN_Q_OVERFLOW, null, null, null]],
} as const;

test("parseFanotifyEvents() reads what the kernel wrote, with the same handles as name_to_handle_at(2) gives", () => {
  for (const [act, expected] of Object.entries(EXPECTED)) {
    const events = parseFanotifyEvents(bytesOf(act));
    assert.deepEqual(
      events.map((event) => [event.mask, hex(event.object), hex(event.folder), event.name]),
      expected,
      act,
    );
  }
  assert.deepEqual(
    parseFanotifyEvents(bytesOf("chmod")).map(({ pid, pidfd }) => [pid > 0, pidfd]),
    [[true, -1]],
  );
});

test("parseFanotifyEvents() reads the pidfd of a process that lives", () => {
  const bytes = bytesOf("chmod");
  const at = bytes.lastIndexOf(Buffer.from([4, 0, 8, 0]));
  bytes.writeInt32LE(17, at + 4);
  assert.equal(parseFanotifyEvents(bytes)[0]?.pidfd, 17);
});

test("parseFanotifyEvents() says where a length or version is wrong", () => {
  const malformed = { code: "GARRISON_FANOTIFY_MALFORMED" };
  const chmod = bytesOf("chmod");
  assert.throws(() => parseFanotifyEvents(chmod.subarray(0, 10)), malformed);
  assert.throws(() => parseFanotifyEvents(chmod.subarray(0, chmod.length - 1)), malformed);
  for (const [offset, byte] of [
    [0, 3],
    [4, 2],
    [6, 1],
    [26, 2],
    [36, 255],
  ] as const) {
    const bytes = Buffer.from(chmod);
    bytes[offset] = byte;
    assert.throws(() => parseFanotifyEvents(bytes), malformed, `byte ${offset}`);
  }
});

test("parseFanotifyEvents() gives events or a named error for any bytes", () => {
  const recorded = RECORDED.acts.map(({ bytes }) => Buffer.from(bytes, "base64"));
  const broken = fc
    .tuple(
      fc.constantFrom(...recorded),
      fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    )
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(broken, bytes), (buffer) => {
      try {
        for (const { name, folder: at } of parseFanotifyEvents(buffer))
          assert.ok((name?.length ?? 0) + (at?.length ?? 0) <= buffer.length);
      } catch (error) {
        assert.ok(error instanceof GarrisonError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
