// Writes docs/reference/ anew from the code: npm run reference. Run it behind a change of kinds, settings, errors or commands;
// test/reference.test.ts fails while the pages and the code differ.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { referencePages } from "./reference/pages.ts";

const root = join(import.meta.dirname, "..");
for (const [path, text] of await referencePages(root)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
