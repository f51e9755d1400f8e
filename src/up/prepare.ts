/** Makes the folders of a run: who owns what is the first fence between the processes. */

import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { GarrisonError } from "#src/lib/errors.ts";
import { formatMode } from "#src/lib/file-mode.ts";
import type { Folders } from "#src/processes/folders.ts";
import type { Identity } from "./identity.ts";

// What the mind imports besides our own code.
const MIND_PACKAGES = ["koffi", "@koromix", "diff", "nodemailer"];

/** Paths of one run. */
export interface Prepared {
  /** The mind's own folder, the only one that it may write to. */
  readonly mind: string;
  readonly actions: string;
  /** Blocks for the web server, which runs as nobody in particular. */
  readonly web: string;
  /** Where the build lies for the mind. */
  readonly mindCode: string;
}

/**
 * @param code folder of the running build
 * @param identity of the mind; `null`: everything runs as the calling user
 */
export function prepareFolders(folders: Folders, code: string, identity: Identity | null): Prepared {
  const { state, run, journal, canaries } = folders;
  const prepared = {
    mind: join(state, "mind"),
    actions: join(state, "actions"),
    web: join(state, "web"),
    mindCode: identity === null ? code : join(state, "code"),
  };
  for (const folder of [state, run]) {
    makeFolder(folder, 0o755);
    if (identity !== null) checkReach(folder, identity.uid);
  }
  makeFolder(prepared.mind, 0o700, identity?.uid, identity?.gid);
  makeFolder(journal, 0o750, identity === null ? undefined : 0, identity?.gid);
  makeFolder(prepared.actions, 0o700);
  makeFolder(prepared.web, 0o755);
  makeFolder(dirname(canaries.file), 0o755);
  writeCanary(canaries.file, 0o644, "Nothing changes this file but garrison drill.\n");
  writeCanary(canaries.secret, 0o600, "Nothing reads this file but garrison drill.\n");
  if (identity !== null) copyCode(code, prepared.mindCode);
  return prepared;
}

function makeFolder(path: string, mode: number, uid?: number, gid?: number): void {
  mkdirSync(path, { recursive: true, mode });
  const { uid: owner } = lstatSync(path);
  const self = process.getuid?.() ?? 0;
  if (!lstatSync(path).isDirectory() || (owner !== self && owner !== uid && owner !== 0)) {
    throw new GarrisonError(
      "GARRISON_FOLDER",
      `Cannot use "${path}": it is owned by uid ${owner}, expected a folder of uid ${self}`,
    );
  }
  chmodSync(path, mode);
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** The mind walks to its folder and to the sockets as nobody in particular: every folder above must let others through. */
function checkReach(path: string, uid: number): void {
  for (let above = dirname(path); above !== "/"; above = dirname(above)) {
    const { mode } = statSync(above);
    if ((mode & 0o001) !== 0) continue;
    const shown = formatMode(mode);
    throw new GarrisonError(
      "GARRISON_FOLDER",
      `Cannot use "${path}": "${above}" has mode ${shown}, and the mind runs as uid ${uid}, which must pass through it; give a --state and a --run elsewhere`,
    );
  }
}

function writeCanary(path: string, mode: number, text: string): void {
  if (!existsSync(path)) writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}

/**
 * The build may lie under a home of mode 0700: the mind runs a copy that only root can change. The program itself is reached through
 * /proc/self/exe and needs none. Not below /run: systemd mounts that noexec, and koffi is a shared library.
 */
export function copyCode(code: string, target: string): void {
  const stamp = join(target, ".copied");
  const wanted = `${code} ${lstatSync(join(code, ".built")).mtimeMs}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  rmSync(target, { recursive: true, force: true });
  makeFolder(target, 0o755);
  for (const part of ["src", "bin", "package.json"]) copyReadable(join(code, part), join(target, part));
  for (const name of MIND_PACKAGES) {
    copyReadable(join(code, "../node_modules", name), join(target, "node_modules", name));
  }
  writeFileSync(stamp, wanted);
}

function copyReadable(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (source) => !/\/koffi\/(?:vendor|doc)$/.test(source),
  });
  const inside = lstatSync(to).isDirectory() ? readdirSync(to, { recursive: true, encoding: "utf8" }) : [];
  for (const path of [to, ...inside.map((name) => join(to, name))])
    chmodSync(path, lstatSync(path).isDirectory() ? 0o755 : 0o644);
}
