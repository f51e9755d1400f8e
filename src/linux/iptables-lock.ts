/**
 * The lock that all iptables-legacy of a host share: without it two that change rules at once lose one of the changes.
 * Kernel interface: flock(2), by iptables itself. Needs: the folder /run. Cost: two system calls.
 */
import { closeSync, constants, openSync } from "node:fs";

const LOCK = "/run/xtables.lock";

/** Makes the lock's file where it is missing. @returns its path; nothing when it cannot be had: iptables then says so */
export function prepareIptablesLock(): string[] {
  try {
    closeSync(openSync(LOCK, constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    return [LOCK];
  } catch {
    return [];
  }
}
