/** What the path of a running program gives away, as /proc/PID/exe shows it. Pure. */

const SHARED_FOLDERS = /^\/(?:tmp|var\/tmp|dev\/shm|run\/user)\//;
// The kernel's mark on a program whose file is gone or was replaced by an upgrade.
const DELETED = / \(deleted\)$/;

/** Whether anyone can write where it lies. */
export function isInSharedFolder(exe: string): boolean {
  return SHARED_FOLDERS.test(exe);
}

/** Whether it has no file at all: memfd_create(2). */
export function isInMemory(exe: string): boolean {
  return exe.startsWith("/memfd:");
}

/** Whether its file is gone. */
export function isDeleted(exe: string): boolean {
  return DELETED.test(exe);
}

/** The path without the kernel's mark on a deleted file. */
export function withoutDeleted(exe: string): string {
  return exe.replace(DELETED, "");
}
