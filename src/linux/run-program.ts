/**
 * Programs of the system: started from an argument list with a clean environment, fed, and read to their end.
 * Kernel interface: none of its own. Needs: the program. Cost: 3 to 10 ms each. At most 1 MiB of output and a minute.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { GarrisonError } from "#src/lib/errors.ts";

const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
const MAX_OUTPUT_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const MAX_ERROR = 500;

/** Path of a program of the system; `null` when it is not installed. */
export function findProgram(name: string): string | null {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null;
}

/**
 * Runs a program to its end.
 * @param input for its standard input, piece by piece
 * @returns its standard output
 * @throws GarrisonError `GARRISON_PROGRAM_FAILED` with what it said when it ended otherwise than by 0, or did not end within a minute
 */
export async function runProgram(
  path: string,
  words: readonly string[],
  input: Iterable<string> = [],
): Promise<string> {
  const child = spawn(path, words, { stdio: "pipe", env: { LC_ALL: "C", PATH: FOLDERS.join(":") }, cwd: "/" });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("latin1").on("data", (text: string) => {
      if (said[name].length < MAX_OUTPUT_BYTES) said[name] += text;
    });
  }
  const ended = new Promise<string | null>((resolve) => {
    // Signals to others may be refused to us: it is left alone then, and ends when nobody reads what it says.
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      for (const pipe of child.stdio) pipe?.destroy();
      resolve(`it did not end within ${TIMEOUT_MS / 1000} s`);
    }, TIMEOUT_MS);
    child.once("close", () => clearTimeout(timer));
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? null : `it ended by ${code ?? signal}`));
  });
  // It may end before it has read all: how it ended says why.
  child.stdin.on("error", () => {});
  for (const piece of input) {
    if (!child.stdin.write(piece))
      await Promise.race([new Promise((resolve) => child.stdin.once("drain", resolve)), ended]);
  }
  child.stdin.end();
  const failure = await ended;
  if (failure === null) return said.stdout;
  const text = said.stderr.trim().slice(0, MAX_ERROR);
  throw new GarrisonError("GARRISON_PROGRAM_FAILED", `Cannot run ${path} ${words.join(" ")}: ${failure}: ${text}`);
}
