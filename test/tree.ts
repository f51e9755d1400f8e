/** Trees of files in a temporary folder, removed when disposed. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PARTS = ["bin", "src", "tools", "package.json", "package-lock.json", "tsconfig.json", "biome.json", "garrison"];

/** A temporary folder. */
export interface Tree extends AsyncDisposable {
  readonly root: string;
}

/** A folder with these files, by path from its root. */
export async function makeTree(files: Readonly<Record<string, string>>): Promise<Tree> {
  // Short: a unix socket's path has at most 107 bytes.
  const root = mkdtempSync(join(tmpdir(), "garrison-"));
  // The mind, which is another user, must get to its part.
  chmodSync(root, 0o755);
  writeFiles(root, files);
  return { root, [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }) };
}

/** A copy of Garrison's own tree that shares its node_modules. */
export async function copyOwnTree(from: string): Promise<Tree> {
  const tree = await makeTree({});
  for (const part of PARTS) cpSync(join(from, part), join(tree.root, part), { recursive: true });
  symlinkSync(join(from, "node_modules"), join(tree.root, "node_modules"));
  return tree;
}

/** Builds a tree of Garrison's with its own tools. @throws Error with what the build says */
export function build(root: string): void {
  execFileSync(process.execPath, [join(root, "tools/build.mjs")], { stdio: "pipe" });
}

/** A built copy: a build of the original that is under way meanwhile does not disturb it. */
export async function buildOwnTree(from: string): Promise<Tree> {
  const tree = await copyOwnTree(from);
  build(tree.root);
  return tree;
}

/** Writes files by path from `root`, in place of what is there. */
export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
