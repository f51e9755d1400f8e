/** Plan and undo of restore-file-attributes, and how attributes compare. Pure. */
import { formatMode } from "#src/lib/file-mode.ts";
import type { Ownership } from "#src/linux/held-path.ts";
import { type Check, type Checked, integer, malformed, object } from "#src/wire/check.ts";

/** Longest path in bytes (PATH_MAX with its NUL). */
const MAX_PATH_BYTES = 4095;
/** 4,294,967,295 means "leave as it is" to chown(2). */
const id = integer(0, 4_294_967_294);

const attributes = object({
  /** Octal, four digits, with setuid, setgid and sticky: `0644`. */
  mode: matching(/^[0-7]{4}$/, "a mode of four octal digits"),
  uid: id,
  gid: id,
});
/** Owner and mode as they are written down. */
export type Attributes = Checked<typeof attributes>;

const target = {
  pathBase64: base64Path,
  /** Decimal: an inode number may be beyond 2^53. */
  inode: matching(/^[1-9]\d{0,19}$/, "an inode number"),
};

/** What is to be done: the file must be that inode and look as `from`; then it is made to look as `to`. */
export const restorePlan = object({ ...target, from: attributes, to: attributes });
/** See {@link restorePlan}. */
export type RestorePlan = Checked<typeof restorePlan>;

/** What undoes it: as it was and as we left it. */
export const restoreUndo = object({ ...target, before: attributes, after: attributes });
/** See {@link restoreUndo}. */
export type RestoreUndo = Checked<typeof restoreUndo>;

/** Attributes as they are written down. */
export function toAttributes({ mode, uid, gid }: Ownership): Attributes {
  return { mode: formatMode(mode), uid, gid };
}

/** Attributes as the kernel takes them. */
export function toOwnership({ mode, uid, gid }: Attributes): Ownership {
  return { mode: Number.parseInt(mode, 8), uid, gid };
}

/** Attributes in words, as ls(1) would be asked for them. */
export function describeAttributes({ mode, uid, gid }: Ownership): string {
  return `mode ${formatMode(mode)}, owner ${uid}:${gid}`;
}

/** Whether both are the same. */
export function isSame(a: Ownership, b: Ownership): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/**
 * Whether `now` is one of the states that a change from `a` to `b` goes through, in either direction: a crash may have left it.
 * The mode first loses what it must not keep, then the owner is changed, at once, then the mode gets what it lacks.
 */
export function isBetween(now: Ownership, a: Ownership, b: Ownership): boolean {
  const hasOwnerOf = (one: Ownership): boolean => now.uid === one.uid && now.gid === one.gid;
  return (hasOwnerOf(a) || hasOwnerOf(b)) && [a.mode, b.mode, a.mode & b.mode].includes(now.mode);
}

/** The path of plan or undo, bytes as latin1. */
export function rawPathOf({ pathBase64 }: { readonly pathBase64: string }): string {
  return Buffer.from(pathBase64, "base64").toString("latin1");
}

function base64Path(value: unknown, path: string): string {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
  if (bytes.length === 0 || bytes.length > MAX_PATH_BYTES || bytes.toString("base64") !== value || bytes.includes(0)) {
    throw malformed(path, `a path of 1 to ${MAX_PATH_BYTES} bytes in base64`);
  }
  return value;
}

function matching(pattern: RegExp, expected: string): Check<string> {
  return (value, path) => {
    if (typeof value !== "string" || !pattern.test(value)) throw malformed(path, expected);
    return value;
  };
}
