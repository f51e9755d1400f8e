/** Follows the recipe of ARCHITECTURE.md to the letter: a newcomer adds a poll sensor in one folder and one line. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Host } from "./e2e/host.ts";
import { build, copyOwnTree, makeTree, writeFiles } from "./tree.ts";

const ROOT = join(import.meta.dirname, "..");
const TABLE = "src/features.ts";
const FOLDER = "src/sensors/modules/";
const USUAL = "ext4 983040 1 - Live 0xffffffffc0458000\nnf_tables 372736 412 nft_compat, Live 0xffffffffc0b5e000\n";
const ROOTKIT = "diamorphine 16384 0 - Live 0xffffffffc0c11000 (OE)\n";

test("the recipe of ARCHITECTURE.md gives a sensor that is listed, learns and alerts", {
  timeout: 120_000,
}, async () => {
  const blocks = readRecipe(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8"));
  const files = Object.fromEntries([...blocks].filter(([path]) => path !== TABLE));
  assert.deepEqual(
    Object.keys(files).map((path) => path.slice(0, FOLDER.length)),
    Object.keys(files).map(() => FOLDER),
    "the recipe touches another folder than its own",
  );
  const line = blocks.get(TABLE) ?? "";
  assert.equal(line.trimEnd().split("\n").length, 1, "the recipe adds more than one line to the table");

  await using tree = await copyOwnTree(ROOT);
  writeFiles(tree.root, { ...files, [TABLE]: addLine(readFileSync(join(tree.root, TABLE), "utf8"), line) });
  check(tree.root, Object.keys(files));
  runTests(tree.root, Object.keys(files));
  build(tree.root);

  await using fixture = await makeTree({ "proc/modules": USUAL });
  await using folder = await makeTree({});
  await using host = await Host.start({
    program: join(tree.root, "dist/bin/garrison.js"),
    folder: folder.root,
    config: "notify: { syslog: false }\nsensors:\n  listeners: { enabled: false }\n  secrets: { enabled: false }\n",
    words: ["--root", fixture.root, "--learn", "0s"],
    early: true,
  });
  await host.until(({ event }) => event === "watching", "watching");
  const [status] = (await host.command("status", "--json")).items;
  const sensors = status?.["sensors"] as readonly SensorStatus[];
  const { state, members } = sensors.find(({ name }) => name === "modules")!;
  assert.deepEqual({ state, members }, { state: "watching", members: 2 });
  const known = (await host.command("ordinary", "modules", "--json")).items.filter(({ type }) => type === "member");
  assert.deepEqual(known.map(({ text }) => text).sort(), ["ext4", "nf_tables"]);

  writeFiles(fixture.root, { "proc/modules": `${USUAL}${ROOTKIT}` });
  const alert = await host.alert(({ kind }) => kind === "module.new", "module.new");
  assert.equal(alert.severity, "high");
  assert.equal(alert.observed, "module diamorphine is loaded and taints the kernel (OE)");
  assert.equal(alert.ordinary, "2 other modules are ordinary on this host");
});

interface SensorStatus {
  readonly name: string;
  readonly state: string;
  readonly members: number;
}

/** The blocks of the recipe by path: each stands behind a line that ends with its path. */
function readRecipe(page: string): ReadonlyMap<string, string> {
  const recipe = page.slice(page.indexOf("\n## A newcomer's recipe"));
  const blocks = [...recipe.matchAll(/`(src\/[^`\s]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)];
  return new Map(blocks.map(([, path = "", text = ""]) => [path, text]));
}

/** The table with one more line at its end. */
function addLine(text: string, line: string): string {
  const end = text.lastIndexOf("];");
  return `${text.slice(0, end)}${line}${text.slice(end)}`;
}

/** Type check and lint, as npm run check does, of the new files. */
function check(root: string, paths: readonly string[]): void {
  const types = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], { cwd: root });
  const faults = types.stdout.toString().split("\n");
  assert.deepEqual(
    faults.filter((fault) => fault.startsWith(FOLDER) || fault.startsWith(TABLE)),
    [],
  );
  const sources = paths.filter((path) => path.endsWith(".ts"));
  const lint = ["check", "--error-on-warnings", "--vcs-enabled=false", ...sources];
  const { status, stderr } = spawnSync("node_modules/.bin/biome", lint, { cwd: root });
  assert.equal(status, 0, stderr.toString());
}

function runTests(root: string, paths: readonly string[]): void {
  const tests = paths.filter((path) => path.endsWith(".test.ts"));
  assert.ok(tests.length > 0, "the recipe has no test");
  // A test process tells its children through the environment that they are tests of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  execFileSync(process.execPath, ["--test", ...tests], { cwd: root, stdio: "pipe", env });
}
