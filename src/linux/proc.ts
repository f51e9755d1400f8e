/**
 * /proc/PID of a process that has just done something: who it is, read at once because it may end within a millisecond.
 * Since: always. Needs: CAP_SYS_PTRACE for the exe of others, CAP_DAC_READ_SEARCH under hidepid; no Landlock domain of our own
 * (it forbids the exe of every process outside it). Without: fields are `null`.
 * Cost: 5 reads for the process and 2 a parent, 0.1 to 0.25 ms. Blinded by: the process ending first; a forged comm (never used
 * for a decision).
 */
import { openSync, readFileSync, readlinkSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import type { Actor, Parent } from "#src/model/actor.ts";
import {
  type ProcStat,
  parseCgroup,
  parseEffectiveUid,
  parseLoginUid,
  parseProcStat,
  parseThreadGroup,
} from "./proc-text.ts";

const MAX_PARENTS = 8;

/** Text of a file below /proc, or `undefined` when the process has ended or may not be read. */
export function readProcText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

/** Path of the executable, bytes as UTF-8, or `null`. The kernel's ` (deleted)` is kept. */
export function readExe(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** An fd of the executable itself, also when its path is gone; `undefined` when the process has ended. The caller closes it. */
export function openExe(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}/exe`, "r");
  } catch {
    return undefined;
  }
}

/** The process that a thread belongs to; the number itself when the thread has ended. */
export function readThreadGroup(threadId: number): number {
  return parseThreadGroup(readProcText(`/proc/${threadId}/status`) ?? "") ?? threadId;
}

/**
 * Why the programs of other processes cannot be known, in words; `null` when they can. Probed on our parent: a Landlock domain of
 * our own hides even that.
 */
export function whyExesAreHidden(): string | null {
  if (process.geteuid?.() !== 0) return "not run as root";
  try {
    readlinkSync(`/proc/${process.ppid}/exe`);
    return null;
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? null : `/proc/PID/exe gives ${errnoOf(error)}`;
  }
}

/**
 * Who a process is, or `null` when nothing of it can be read any more.
 * @param known the same process as it was seen a moment ago: its ancestry, login and unit are taken over
 */
export function readActor(pid: number, known?: Actor): Actor | null {
  if (pid <= 0) return null;
  const exe = readExe(pid);
  const stat = readStat(pid);
  if (stat === undefined) return null;
  const uid = parseEffectiveUid(readProcText(`/proc/${pid}/status`) ?? "");
  const isSame = known !== undefined && known.startTicks === stat.startTicks && (exe === null || exe === known.exe);
  const around = isSame ? known : readAround(pid, stat);
  const { loginUid, unit, container, parents } = around;
  return {
    pid,
    uid,
    user: null,
    loginUid,
    exe,
    comm: stat.comm,
    startTicks: stat.startTicks,
    unit,
    container,
    parents,
  };
}

function readStat(pid: number): ProcStat | undefined {
  return parseProcStat(readProcText(`/proc/${pid}/stat`) ?? "");
}

/** What stays as it is while a process runs one program. */
function readAround(pid: number, stat: ProcStat): Pick<Actor, "loginUid" | "unit" | "container" | "parents"> {
  return {
    loginUid: parseLoginUid(readProcText(`/proc/${pid}/loginuid`) ?? ""),
    ...parseCgroup(readProcText(`/proc/${pid}/cgroup`) ?? ""),
    parents: readParents(stat.parentPid),
  };
}

function readParents(firstPid: number): Parent[] {
  const parents: Parent[] = [];
  let pid = firstPid;
  while (pid > 0 && parents.length < MAX_PARENTS) {
    const stat = readStat(pid);
    if (stat === undefined) break;
    parents.push({ pid, exe: readExe(pid) ?? "", comm: stat.comm });
    pid = stat.parentPid;
  }
  return parents;
}
