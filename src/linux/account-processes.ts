/**
 * How many processes each uid has.
 * Kernel interface: owners of the folders /proc/PID, the effective uid. Since: always. Needs: nothing; under hidepid CAP_SYS_PTRACE. Without:
 * processes of others are missing. Cost: 3 µs a process. Blinded by: a process that is not dumpable counts as root's.
 */
import { readdirSync, statSync } from "node:fs";

/** Processes by effective uid. */
export function countProcesses(): Map<number, number> {
  const counts = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const uid = statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid;
    if (uid !== undefined) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  }
  return counts;
}
