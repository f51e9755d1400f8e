/**
 * How many processes each uid has.
 * Kernel interface: owners of the folders /proc/PID, the effective uid. Since: always. Needs: nothing; under hidepid CAP_SYS_PTRACE. Without:
 * processes of others are missing. Cost: 3 µs a process. Blinded by: a process that is not dumpable counts as root's.
 */
import { statSync } from "node:fs";
import { listPids } from "./socket-owners.ts";

/** Processes by effective uid. */
export function countProcesses(): Map<number, number> {
  const counts = new Map<number, number>();
  for (const pid of listPids()) {
    const uid = ownerOf(pid);
    if (uid !== null) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  }
  return counts;
}

/** The effective uid of a process; `null` when it has ended. */
export function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch {
    return null;
  }
}
