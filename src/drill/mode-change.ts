/** Changes the mode of a file and puts it back, also behind a kill: a note of what must be put back is written first. */
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "#src/lib/errors.ts";

const NOTE = /^drill-(\d+)\.json$/;

/** @returns what puts the mode back */
export async function changeMode(path: string, toMode: (mode: number) => number, runFolder: string): Promise<() => Promise<void>> {
  const mode = statSync(path).mode & 0o7777;
  const note = join(runFolder, `drill-${process.pid}.json`);
  writeFileSync(note, JSON.stringify({ path, mode }), { mode: 0o600 });
  chmodSync(path, toMode(mode));
  return async () => {
    chmodSync(path, mode);
    rmSync(note, { force: true });
  };
}

/** Puts back what killed drills have left. The folder is root's own, so its notes are trusted. @returns the paths */
export function putBackLeftovers(runFolder: string): readonly string[] {
  return listFolder(runFolder).flatMap((name) => {
    const pid = NOTE.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) return [];
    const note = join(runFolder, name);
    const { path, mode } = JSON.parse(readFileSync(note, "utf8")) as { path: string; mode: number };
    chmodSync(path, mode);
    rmSync(note);
    return [path];
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}
