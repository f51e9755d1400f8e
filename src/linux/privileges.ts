/**
 * What a process may do from now on: mount namespace, capabilities, user, no_new_privs, Landlock.
 * Linux keeps these per thread and Node has threads before any script runs: set them on the main thread, then execve.
 * Since: capabilities 2.2, no_new_privs 3.5, mount_setattr 5.12, Landlock 5.13 (probed by trying).
 * Needs: root for all but no_new_privs and Landlock. Without: the caller must abort, except where a function says otherwise.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { checked, lastErrno, libcFunction } from "./ffi.ts";

const CLONE_NEWNS = 0x20000;
const MS_REC_SLAVE = 0x4000 | 0x80000;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const SYS_MOUNT_SETATTR = 442;
const SYS_LANDLOCK_CREATE_RULESET = 444;
const SYS_LANDLOCK_ADD_RULE = 445;
const SYS_LANDLOCK_RESTRICT_SELF = 446;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const O_PATH = 0o10000000;
const AT_FDCWD = -100;
const AT_RECURSIVE = 0x8000;
const MOUNT_ATTR_RDONLY = 1n;
const HIGHEST_CAPABILITY = 63;

/** Capability numbers of linux/capability.h that our processes keep. */
export const CAPABILITY = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const;

/** Name of a capability that we know. */
export type Capability = keyof typeof CAPABILITY;

// Everything that writes; reading and executing stay free. Bits of linux/landlock.h up to ABI 1.
const LANDLOCK_WRITES = 0b1_1111_1111_0010n;
const LANDLOCK_ACCESS_FS_WRITE_FILE = 2n;
const LANDLOCK_ACCESS_NET_BIND_TCP = 1n;

const unshare = libcFunction<(flags: number) => number>("int unshare(int flags)");
const mount = libcFunction<(source: string, target: string, type: string | null, flags: number, data: null) => number>(
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)",
);
const prctl = libcFunction<(option: number, a: number, b: number, c: number, d: number) => number>(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const capset = libcFunction<(header: Buffer, data: Buffer) => number>(
  "int capset(const uint8_t *header, const uint8_t *data)",
);
// syscall(2) by the shapes of argument that we use.
const mountSetattr = libcFunction<
  (number: number, dirFd: number, path: string, flags: number, attributes: Buffer, size: number) => number
>("long syscall(long number, long dirfd, const char *path, long flags, const uint8_t *attributes, size_t size)");
const createRuleset = libcFunction<(number: number, attributes: Buffer | null, size: number, flags: number) => number>(
  "long syscall(long number, const uint8_t *attributes, size_t size, long flags)",
);
const addRule = libcFunction<(number: number, ruleset: number, type: number, rule: Buffer, flags: number) => number>(
  "long syscall(long number, long ruleset, long type, const uint8_t *rule, long flags)",
);
const restrictSelf = libcFunction<(number: number, ruleset: number, flags: number) => number>(
  "long syscall(long number, long ruleset, long flags)",
);

/** A mount namespace of our own that still follows the host's mounts. @throws GarrisonError `GARRISON_SYSCALL` */
export function enterPrivateMounts(): void {
  checked(unshare(CLONE_NEWNS), "enter a mount namespace");
  checked(mount("none", "/", null, MS_REC_SLAVE, null), "make the mounts follow the host's");
}

/** Every mount of this namespace read-only for us. @returns whether the kernel could (5.12) */
export function makeMountsReadOnly(): boolean {
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(MOUNT_ATTR_RDONLY, 0);
  return mountSetattr(SYS_MOUNT_SETATTR, AT_FDCWD, "/", AT_RECURSIVE, attributes, attributes.length) === 0;
}

/** Mounts tracefs. @returns `null`, or the errno when the kernel or a container refuses */
export function mountTracefs(target: string): string | null {
  return mount("tracefs", target, "tracefs", 0, null) === 0 ? null : lastErrno();
}

/**
 * Drops every capability but `kept` from the bounding set and from this thread. Behind the next execve of root the process
 * has exactly `kept`.
 * @throws GarrisonError `GARRISON_SYSCALL`: the caller must abort
 */
export function keepCapabilities(kept: readonly Capability[]): void {
  const numbers = new Set<number>(kept.map((name) => CAPABILITY[name]));
  for (let number = 0; number <= HIGHEST_CAPABILITY; number++) {
    if (numbers.has(number)) continue;
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) === -1 && lastErrno() !== "EINVAL")
      checked(-1, `drop capability ${number}`);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const bits = [...numbers].reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
  setCapabilities(bits);
}

/** Sets the permitted and effective set of this thread; inheritable is emptied. */
function setCapabilities(bits: bigint): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  const low = Number(bits & 0xffffffffn);
  const high = Number(bits >> 32n);
  data.writeUInt32LE(low, 0);
  data.writeUInt32LE(low, 4);
  data.writeUInt32LE(high, 12);
  data.writeUInt32LE(high, 16);
  checked(capset(header, data), "set capabilities");
}

/** No execve gives more privileges from here on. @throws GarrisonError `GARRISON_SYSCALL` */
export function setNoNewPrivileges(): void {
  checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "set no_new_privs");
}

/** Landlock's version (its ABI); 0 when the kernel has none or it is switched off. */
export function landlockVersion(): number {
  return Math.max(0, createRuleset(SYS_LANDLOCK_CREATE_RULESET, null, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

/**
 * Landlock: this thread and what it becomes may write only beneath `paths` (folders, or files), mount nothing, and (from ABI 4) bind no TCP port. It also
 * closes /proc/PID of processes outside to what ptrace(2) governs, such as `exe`.
 * @returns whether the kernel has Landlock; other failures throw
 */
export function restrictWrites(paths: readonly string[]): boolean {
  const version = landlockVersion();
  if (version === 0) return false;
  const attributes = Buffer.alloc(version >= 4 ? 16 : 8);
  attributes.writeBigUInt64LE(LANDLOCK_WRITES, 0);
  if (version >= 4) attributes.writeBigUInt64LE(LANDLOCK_ACCESS_NET_BIND_TCP, 8);
  const ruleset = checked(
    createRuleset(SYS_LANDLOCK_CREATE_RULESET, attributes, attributes.length, 0),
    "make a Landlock ruleset",
  );
  try {
    for (const path of paths) allowBeneath(ruleset, path);
    checked(restrictSelf(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0), "enter Landlock");
  } finally {
    closeSync(ruleset);
  }
  return true;
}

function allowBeneath(ruleset: number, path: string): void {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  const rule = Buffer.alloc(12);
  rule.writeBigUInt64LE(fstatSync(fd).isDirectory() ? LANDLOCK_WRITES : LANDLOCK_ACCESS_FS_WRITE_FILE, 0);
  rule.writeInt32LE(fd, 8);
  try {
    checked(
      addRule(SYS_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0),
      `allow writes below "${path}"`,
    );
  } finally {
    closeSync(fd);
  }
}
