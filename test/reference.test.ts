/** The pages of docs/reference/ say what the code says, and docs/dependencies.md names every dependency. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { describeErrors, findCodes } from "../tools/reference/errors.ts";
import { referencePages } from "../tools/reference/pages.ts";
import { makeTree } from "./tree.ts";

const ROOT = join(import.meta.dirname, "..");

suite("docs/reference/", () => {
  test("referencePages() gives what lies in docs/reference/: run npm run reference when it does not", async () => {
    const pages = await referencePages(ROOT);
    const lying = readdirSync(join(ROOT, "docs/reference")).map((name) => `docs/reference/${name}`);
    assert.deepEqual(lying.sort(), [...pages.keys()].sort());
    for (const [path, text] of pages) assert.equal(readFileSync(join(ROOT, path), "utf8"), text, `${path} is stale`);
  });

  test("findCodes() finds codes that are raised, and none that are compared, commented or of the environment", async () => {
    await using tree = await makeTree({
      "src/a.ts": 'throw new GarrisonError("GARRISON_ONE", "x");\n// "GARRISON_TWO"\n * @throws "GARRISON_TWO"\n',
      "src/b/c.ts": 'if (error.code === "GARRISON_TWO") env["GARRISON_TWO"];\nnew Set([\n  "GARRISON_TWO",\n]);\n',
      "src/b/d.ts": 'const code = isFull ? "GARRISON_THREE" : "GARRISON_ONE";\n',
      "src/b/d.test.ts": '"GARRISON_FOUR"\n',
    });
    assert.deepEqual(
      findCodes(tree.root),
      new Map([
        ["GARRISON_ONE", new Set(["src/a.ts", "src/b/d.ts"])],
        ["GARRISON_THREE", new Set(["src/b/d.ts"])],
      ]),
    );
    assert.throws(() => describeErrors(tree.root), /Cannot describe GARRISON_ONE, GARRISON_THREE: no sentence in/);
  });
});

suite("docs/dependencies.md", () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  ) as Record<string, Record<string, string>>;
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });

  test("every dependency has an exact version and one line on the page", () => {
    const page = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");
    for (const [name, version] of all) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned`);
      const rows = page.split("\n").filter((line) => line.startsWith(`| ${name} | ${version} |`));
      assert.equal(
        rows.length,
        1,
        `docs/dependencies.md has ${rows.length} lines for ${name} ${version}, one is wanted`,
      );
    }
  });
});

suite("links between pages", () => {
  test("every relative link of a page leads to a file", () => {
    const pages = findPages();
    assert.ok(pages.length > 20, `only ${pages.length} pages were found`);
    assert.equal(pages.flatMap(brokenLinks).join("\n"), "");
  });
});

function findPages(): string[] {
  const below = ["docs", "src"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  return [...readdirSync(ROOT), ...below].filter((name) => name.endsWith(".md"));
}

function brokenLinks(page: string): string[] {
  const text = readFileSync(join(ROOT, page), "utf8").replace(/^```[\s\S]*?^```/gm, "");
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? "");
  return targets
    .filter((target) => !/^(?:https?:|mailto:|#)/.test(target))
    .filter((target) => !existsSync(join(ROOT, dirname(page), target.replace(/#.*$/, ""))))
    .map((target) => `${page} links to "${target}", which is not there`);
}
