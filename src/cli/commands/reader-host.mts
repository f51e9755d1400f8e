/** Helper of tests of commands that have a reader: their output, and the reader as the kernel sees it. Not shipped (`.mts`). */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";

// Linux cuts the name of a process there (TASK_COMM_LEN).
const COMM_LENGTH = 15;

/** How a command has ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of an output that is JSON, its lines. */
  readonly items: readonly Record<string, unknown>[];
}

/** A folder that the reader, who is nobody, may pass through. */
export function openFolderOf(t: TestContext): string {
  const folder = folderOf(t);
  chmodSync(folder, 0o755);
  return folder;
}

/** Waits for the end of a command. */
export async function finish(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number];
  const lines = stdout.startsWith("{") ? stdout.trim().split("\n") : [];
  return { code, stdout, stderr, items: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

/** The child of a command that has become the reader of this name. @returns its pid */
export async function readerOf(command: ChildProcess, name: string): Promise<number> {
  for (;;) {
    assert.equal(command.exitCode, null, "the command has ended");
    const children = readFileSync(`/proc/${command.pid}/task/${command.pid}/children`, "latin1").trim();
    if (children !== "" && readFileSync(`/proc/${children}/comm`, "latin1").trim() === name.slice(0, COMM_LENGTH)) {
      return Number(children);
    }
    await turn();
  }
}

/** That it can do nothing but read what it was given. */
export function assertConfined(pid: number): void {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^CapPrm:\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, /^Seccomp:\t2$/m);
  assert.doesNotMatch(status, /^Uid:\t0\t/m);
}

/** Waits until a process is there no more, or only its exit code is. */
export async function untilGone(pid: number): Promise<void> {
  while (readdirSync("/proc").includes(String(pid)) && !isZombie(pid)) await turn();
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return true;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
