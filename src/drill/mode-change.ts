/** Changes the mode of a file and puts it back, also behind a kill: a note of what must be put back is written first. */
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "#src/lib/errors.ts";
import { readProcText } from "#src/linux/proc.ts";
import { type ProcStat, parseProcStat } from "#src/linux/proc-text.ts";

const NOTE = /^drill-(\d+)\.json$/;

/** @returns what puts the mode back */
export async function changeMode(
  path: string,
  toMode: (mode: number) => number,
  runFolder: string,
): Promise<() => Promise<void>> {
  const mode = statSync(path).mode & 0o7777;
  const note = join(runFolder, `drill-${process.pid}.json`);
  writeFileSync(note, JSON.stringify({ path, mode, startTicks: statOf(process.pid)?.startTicks }), { mode: 0o600 });
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
    if (pid === undefined) return [];
    const note = join(runFolder, name);
    const { path, mode, startTicks } = JSON.parse(readFileSync(note, "utf8")) as Note;
    if (isRunning(Number(pid), startTicks)) return [];
    chmodSync(path, mode);
    rmSync(note);
    return [path];
  });
}

interface Note {
  readonly path: string;
  readonly mode: number;
  /** With the pid in the note's name it names one process for ever. */
  readonly startTicks: number;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** A process that has ended and waits for its parent puts nothing back any more. */
function isRunning(pid: number, startTicks: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== "Z" && stat.startTicks === startTicks;
}

function statOf(pid: number): ProcStat | undefined {
  return parseProcStat(readProcText(`/proc/${pid}/stat`) ?? "");
}
