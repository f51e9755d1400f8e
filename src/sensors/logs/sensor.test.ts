import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { until } from "#src/mind/fake-peer.mts";
import { FakeMind, FakeSentry, FakeStore } from "./fake-mind.mts";

test("the sensor sends what is written to a file behind what lay in it, and a file that comes later from its start", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "a.log"), "old\n");
  const socket = join(folder, "logs.sock");
  await using sentry = new FakeSentry(socket, { sources: [{ name: "a", kind: "file", paths: [`${folder}/*.log`] }] });
  const store = new FakeStore();
  using _mind = new FakeMind(socket, store);
  await until(() => store.known.length === 1);
  appendFileSync(join(folder, "a.log"), "one\ntwo\n");
  writeFileSync(join(folder, "b.log"), "new\n");
  await until(() => store.lines.length === 3);
  assert.deepEqual(store.texts(), ["one", "two", "new"]);
  assert.deepEqual(sentry.refused, []);
});
