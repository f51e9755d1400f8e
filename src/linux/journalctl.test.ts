import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { persistentJournal } from "./journalctl.ts";
import { folderOf } from "./temp-folder.mts";

const ID = "0123456789abcdef0123456789abcdef";

test("persistentJournal() names the folder that outlives a restart, and none while journald writes to /run", (t) => {
  const root = folderOf(t);
  assert.equal(persistentJournal(root), undefined);
  mkdirSync(join(root, "etc"));
  mkdirSync(join(root, "var/log/journal", ID), { recursive: true });
  for (const text of ["", "uninitialized\n", "../../etc\n", `${ID}0\n`]) {
    writeFileSync(join(root, "etc/machine-id"), text);
    assert.equal(persistentJournal(root), undefined, text);
  }
  writeFileSync(join(root, "etc/machine-id"), `${ID}\n`);
  assert.equal(persistentJournal(root), join(root, "var/log/journal", ID));
  mkdirSync(join(root, "run/log/journal", ID), { recursive: true });
  assert.equal(persistentJournal(root), join(root, "var/log/journal", ID));
  writeFileSync(join(root, "run/log/journal", ID, "system.journal"), "");
  assert.equal(persistentJournal(root), undefined);
});
