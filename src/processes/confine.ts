/**
 * Dropping of privileges. Linux keeps them per thread, and Node has threads before any script runs: each process sets them on its
 * main thread, becomes itself anew by execve, and checks there that they hold. A failed drop ends the process.
 */

import { GarrisonError } from "#src/lib/errors.ts";
import { keepAcrossExec } from "#src/linux/descriptor.ts";
import {
  CAPABILITY,
  type Capability,
  enterPrivateMounts,
  keepCapabilities,
  makeMountsReadOnly,
  mountTracefs,
  restrictWrites,
  setNoNewPrivileges,
} from "#src/linux/privileges.ts";
import { readProcText } from "#src/linux/proc.ts";
import { refuseSystemCalls } from "#src/linux/seccomp.ts";
import { CONTROL_FD, LISTEN_FD } from "./descriptors.ts";

const MARK = "--confined";
const INHERITED = [CONTROL_FD, LISTEN_FD];
const TRACEFS = "/sys/kernel/tracing";

/** What a process keeps. */
export interface Confinement {
  /** Capabilities of a root process; an ordinary user has none to keep. */
  readonly capabilities: readonly Capability[];
  /**
   * Folders and files that may be written to, where the kernel has Landlock. `null`: no Landlock, because it also hides /proc/PID/exe of
   * processes outside of it, which the sentry is there to read.
   */
  readonly writes: readonly string[] | null;
  /** `true`: every mount is read-only for it. */
  readonly readOnlyMounts: boolean;
  /** `true`: internet sockets may be made; `"raw"`: only raw ones. */
  readonly internet: boolean | "raw";
  /** Descriptors besides those that each child has. @default none */
  readonly inherited?: readonly number[];
}

/** Returns in the confined process only. @throws GarrisonError `GARRISON_NOT_CONFINED` when a privilege is left that should not be */
export function becomeConfined(confinement: Confinement): void {
  if (process.argv.includes(MARK)) return verify(confinement);
  const isRoot = process.getuid?.() === 0;
  if (isRoot && confinement.readOnlyMounts) closeMounts();
  if (isRoot) keepCapabilities(confinement.capabilities);
  setNoNewPrivileges();
  if (confinement.writes !== null) restrictWrites(confinement.writes);
  refuseSystemCalls({ internet: confinement.internet });
  for (const fd of [...INHERITED, ...(confinement.inherited ?? [])]) keepAcrossExec(fd);
  // /proc/self/exe is reached without walking a path: the program may lie under a folder that we cannot enter any more.
  const script = process.argv[1] ?? "";
  process.execve?.(
    "/proc/self/exe",
    [process.argv0, ...process.execArgv, script, ...process.argv.slice(2), MARK],
    process.env as Record<string, string>,
  );
  throw new GarrisonError("GARRISON_NOT_CONFINED", "Cannot drop privileges: execve has returned");
}

/** Mounts of our own, all read-only but tracefs, which is mounted for us when the host has not. */
function closeMounts(): void {
  enterPrivateMounts();
  makeMountsReadOnly();
  mountTracefs(TRACEFS);
}

function verify({ capabilities }: Confinement): void {
  const status = readProcText("/proc/self/status") ?? "";
  const left =
    BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? "f"}`) |
    BigInt(`0x${/^CapBnd:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? "f"}`);
  const allowed = capabilities.reduce((bits, name) => bits | (1n << BigInt(CAPABILITY[name])), 0n);
  const isOver = process.getuid?.() === 0 && (left & ~allowed) !== 0n;
  if (isOver || !/^NoNewPrivs:\t1$/m.test(status) || !/^Seccomp:\t2$/m.test(status)) {
    throw new GarrisonError(
      "GARRISON_NOT_CONFINED",
      `Cannot start: privileges are left that should have been dropped (capabilities ${left.toString(16)})`,
    );
  }
}
