// Runs the benchmarks one after the other, on the build, and prints JSON lines. Root, and a machine at rest, are wanted.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
const chosen = process.argv.slice(2);
const run = (script) => spawnSync(node, [join(root, script)], { cwd: root, stdio: "inherit" }).status ?? 1;
if (run("tools/build.mjs") !== 0) process.exit(1);
const scripts = chosen.length > 0 ? chosen : globSync("bench/*.ts", { cwd: root }).sort();
process.exit(scripts.map(run).some((status) => status !== 0) ? 1 : 0);
