// Makes dist/: every .ts of src/ and bin/ as .js with the types stripped (line numbers stay true). Tests stay behind.
// Shipping .js saves 18 MB and 60 ms per process against running the .ts.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

process.removeAllListeners("warning");
process.on("warning", (warning) => warning.name === "ExperimentalWarning" || console.warn(warning));

const root = join(import.meta.dirname, "..");
const fresh = join(root, `dist.${process.pid}`);
const isShipped = (path) => path.endsWith(".ts") && !path.endsWith(".test.ts");

for (const folder of ["src", "bin"]) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !isShipped(source)) continue;
    const target = join(fresh, source.slice(root.length + 1)).replace(/\.ts$/, ".js");
    const code = stripTypeScriptTypes(readFileSync(source, "utf8"), { mode: "strip" });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code.replace(/((?:from|import)\s*\(?\s*"(?:\.|#)[^"]*)\.ts"/g, '$1.js"'));
  }
}
const { name, version, type, imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
writeFileSync(join(fresh, "package.json"), `${JSON.stringify({ name, version, type, imports }, null, 2)}\n`);
cpSync(join(root, "package.json"), join(fresh, ".built"));
rmSync(join(root, "dist"), { recursive: true, force: true });
renameSync(fresh, join(root, "dist"));
