/** Starts a child that reads what strangers wrote, for the time of one command: unprivileged, with open files and nothing else. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { GarrisonError } from "#src/lib/errors.ts";
import { chooseIdentity, type Identity } from "./identity.ts";
import { copyCode } from "./prepare.ts";

const MAX_STDERR = 2000;
const CODE = join(import.meta.dirname, "../..");
const IS_SOURCE = import.meta.filename.endsWith(".ts");

/** Which child, and what it gets. */
export interface ReaderStart {
  /** Its entry: a file of `bin/`, such as `garrison-replay`. */
  readonly entry: string;
  readonly words: readonly string[];
  readonly maxHeapMiB: number;
  /** Its settings, as one line of JSON. */
  readonly settings: object;
  /** Open files and pipes that become its descriptors from {@link FIRST_READER_FD} on. */
  readonly fds: readonly number[];
}

/** The child, as the command sees it. */
export interface RunningReader {
  /** Frames of its table of messages. */
  readonly messages: Readable;
  /** @returns how it ended when it did not in order, with what it wrote to standard error; `null` when it did */
  ended(): Promise<string | null>;
}

/**
 * Whoever calls as root reads with a uid that owns nothing; anyone else as himself. The child ends with this process.
 * @param stateFolder where a copy of the build may lie, or be laid, that others can read
 * @throws GarrisonError `GARRISON_FOLDER` when no build can be had that the child can read
 */
export function startReader(start: ReaderStart, stateFolder: string): RunningReader {
  const identity = process.getuid?.() === 0 ? chooseIdentity(join(stateFolder, "mind")) : null;
  const own = join(CODE, `bin/${start.entry}.${IS_SOURCE ? "ts" : "js"}`);
  const entry = identity === null ? own : entryToRead(own, start.entry, stateFolder);
  const child = spawn("/proc/self/exe", [...flags(start.maxHeapMiB), entry, ...start.words], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", ...start.fds],
    env: childEnvironment(),
    cwd: "/",
    ...ids(identity),
  });
  const control = child.stdio[3] as Writable;
  // A child that dies while it starts takes the pipe with it: its end is told below.
  control.on("error", () => undefined);
  control.write(`${JSON.stringify(start.settings)}\n`);
  const end = endOf(child);
  return { messages: child.stdio[4] as Readable, ended: () => end };
}

function flags(maxHeapMiB: number): string[] {
  return [
    "--disable-warning=ExperimentalWarning",
    "--disable-sigusr1",
    "--max-semi-space-size=16",
    `--max-old-space-size=${maxHeapMiB}`,
  ];
}

function ids(identity: Identity | null): { uid?: number; gid?: number } {
  return identity === null ? {} : { uid: identity.uid, gid: identity.gid };
}

/** The code itself where others can read it, else a copy of the build. */
function entryToRead(own: string, name: string, stateFolder: string): string {
  if (isReadableToOthers(own)) return own;
  const copy = join(stateFolder, "code");
  mkdirSync(stateFolder, { recursive: true, mode: 0o755 });
  copyCode(IS_SOURCE ? join(CODE, "dist") : CODE, copy);
  const entry = join(copy, `bin/${name}.js`);
  if (isReadableToOthers(entry)) return entry;
  throw new GarrisonError(
    "GARRISON_FOLDER",
    `Cannot use "${stateFolder}": others cannot pass through it, expected a folder where the reader finds its code; give a --state elsewhere`,
  );
}

function isReadableToOthers(path: string): boolean {
  if ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) % 8 < 4) return false;
  for (let above = dirname(path); above !== "/"; above = dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Nothing of the caller's shell, but the zone in which times without one are meant. */
function childEnvironment(): NodeJS.ProcessEnv {
  const zone = process.env["TZ"];
  const isZone = zone !== undefined && /^[A-Za-z][\w+/-]{0,63}$/.test(zone);
  return { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", ...(isZone ? { TZ: zone } : {}) };
}

function endOf(child: ChildProcess): Promise<string | null> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(0, MAX_STDERR);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      resolve(code === 0 ? null : stderr === "" ? how : `${how}: ${stderr.trim()}`);
    });
  });
}
