/** Starts the child that reads recorded logs, for the time of one command: unprivileged, with open files and nothing else. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { GarrisonError } from "#src/lib/errors.ts";
import type { ReplaySettings } from "#src/logs/replay/settings.ts";
import { chooseIdentity, type Identity } from "./identity.ts";
import { copyCode } from "./prepare.ts";

const FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--disable-sigusr1",
  "--max-semi-space-size=16",
  "--max-old-space-size=160",
];
const MAX_STDERR = 2000;
const CODE = join(import.meta.dirname, "../..");
const IS_SOURCE = import.meta.filename.endsWith(".ts");
const OWN_ENTRY = join(CODE, `bin/garrison-replay.${IS_SOURCE ? "ts" : "js"}`);

/** The child, as the command sees it. */
export interface RunningReplay {
  /** Frames of `logs/replay/messages.ts`. */
  readonly messages: Readable;
  /** @returns how it ended when it did not in order, with what it wrote to standard error; `null` when it did */
  ended(): Promise<string | null>;
}

/**
 * Whoever calls as root reads with a uid that owns nothing; anyone else as himself. The child ends with this process.
 * @param stateFolder where a copy of the build may lie, or be laid, that others can read
 * @throws GarrisonError `GARRISON_FOLDER` when no build can be had that the child can read
 */
export function startReplay(settings: ReplaySettings, stateFolder: string): RunningReplay {
  const identity = process.getuid?.() === 0 ? chooseIdentity(join(stateFolder, "mind")) : null;
  const entry = identity === null ? OWN_ENTRY : entryToRead(stateFolder);
  // The child has the files as descriptors 5 and on.
  const files = settings.files.map((file, index) => ({ ...file, fd: 5 + index }));
  const child = spawn("/proc/self/exe", [...FLAGS, entry, String(files.length)], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", ...settings.files.map(({ fd }) => fd)],
    env: childEnvironment(),
    cwd: "/",
    ...ids(identity),
  });
  const control = child.stdio[3] as Writable;
  // A child that dies while it starts takes the pipe with it: its end is told below.
  control.on("error", () => undefined);
  control.write(`${JSON.stringify({ ...settings, files })}\n`);
  const end = endOf(child);
  return { messages: child.stdio[4] as Readable, ended: () => end };
}

function ids(identity: Identity | null): { uid?: number; gid?: number } {
  return identity === null ? {} : { uid: identity.uid, gid: identity.gid };
}

/** The code itself where others can read it, else a copy of the build. */
function entryToRead(stateFolder: string): string {
  if (isReadableToOthers(OWN_ENTRY)) return OWN_ENTRY;
  const copy = join(stateFolder, "code");
  mkdirSync(stateFolder, { recursive: true, mode: 0o755 });
  copyCode(IS_SOURCE ? join(CODE, "dist") : CODE, copy);
  const entry = join(copy, "bin/garrison-replay.js");
  if (isReadableToOthers(entry)) return entry;
  throw new GarrisonError(
    "GARRISON_FOLDER",
    `Cannot use "${stateFolder}": others cannot pass through it, expected a folder where the reader of logs finds its code; give a --state elsewhere`,
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
