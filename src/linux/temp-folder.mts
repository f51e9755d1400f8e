/** Helper of tests: a folder of their own. Not shipped (`.mts`). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A new folder, removed with all that is in it when the test has ended. */
export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "garrison-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
