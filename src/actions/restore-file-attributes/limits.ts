/**
 * What restore-file-attributes never does, whoever asks. Pure. README.md in this folder gives the reason of each limit.
 */
import { GarrisonError } from "#src/lib/errors.ts";
import { formatMode } from "#src/lib/file-mode.ts";
import { type HeldPath, type Ownership, quotePath } from "#src/linux/held-path.ts";
import type { ActionLimits } from "../contract.ts";
import { findListing } from "../watched-paths.ts";

const SPECIAL = 0o7000;
const GROUP_WRITE = 0o020;
const OWNER_READ_WRITE = 0o600;
const GROUP_READ = 0o040;
const LAST_SYSTEM_GID = 999;
/** An undo that gives more than any restore may is done within this time only. */
const LOOSE_UNDO_MS = 24 * 3_600_000;

/** A change of attributes. */
export interface AttributeChange {
  readonly rawPath: string;
  readonly from: Ownership;
  readonly to: Ownership;
}

/** @throws GarrisonError `GARRISON_ACTION_REFUSED` */
export function checkRestore(change: AttributeChange, limits: ActionLimits): void {
  const listing = findListing(limits.watchedFiles, change.rawPath);
  if (listing === undefined) throw refused(change, "it is not on the list of watched files");
  checkBits(change, listing.secret);
  checkOwner(change, listing.secret, limits);
}

/**
 * The way back is bounded as the way there, but for a day: an admin who restored by mistake must be able to take it back.
 * @throws GarrisonError `GARRISON_ACTION_REFUSED`
 */
export function checkRestoreUndo(change: AttributeChange, limits: ActionLimits, ageMs: number): void {
  if (ageMs >= 0 && ageMs <= LOOSE_UNDO_MS) return;
  const secret = findListing(limits.watchedFiles, change.rawPath)?.secret ?? true;
  try {
    checkBits(change, secret);
    checkOwner(change, secret, limits);
  } catch (error) {
    const { mode, uid, gid } = change.to;
    const byHand = `chown ${uid}:${gid}, then chmod ${formatMode(mode)}, by root himself`;
    throw new GarrisonError(
      "GARRISON_ACTION_REFUSED",
      `Cannot undo the restore of ${quotePath(change.rawPath)}: it is older than 24 hours, ${byHand} is wanted`,
      { cause: error },
    );
  }
}

/**
 * What only the open file tells: where others decide what lies at a path, nobody is given anything there.
 * @throws GarrisonError `GARRISON_ACTION_REFUSED`
 */
export function checkPlace(held: HeldPath, change: AttributeChange): void {
  if (held.isRootsOwn) return;
  const { from, to } = change;
  if (to.uid !== from.uid || to.gid !== from.gid) {
    throw refused(
      change,
      "others than root can write to a folder on the way, its owner is only changed below root's own",
    );
  }
  if ((to.mode & ~from.mode) !== 0) {
    throw refused(change, "others than root can write to a folder on the way, its mode may only lose bits there");
  }
  checkLinks(held, change);
}

/** @throws GarrisonError `GARRISON_ACTION_REFUSED` when another name of the file may be in a place that matters */
export function checkLinks(held: HeldPath, change: AttributeChange): void {
  if (held.isRootsOwn || held.type === "folder" || held.links === 1) return;
  throw refused(change, `it has ${held.links} hard links and others than root can write to a folder on the way`);
}

function checkBits(change: AttributeChange, secret: boolean): void {
  const { from, to } = change;
  const isOwnerChanged = to.uid !== from.uid || to.gid !== from.gid;
  const added = to.mode & ~from.mode;
  if ((added & SPECIAL) !== 0) throw refused(change, "setuid, setgid and sticky are never added");
  if (isOwnerChanged && (to.mode & SPECIAL) !== 0) {
    throw refused(change, "a file with setuid, setgid or sticky is never given to another owner");
  }
  if ((added & 0o022) !== 0) throw refused(change, "write for group or others is never added");
  if (secret && (added & 0o077) !== 0) throw refused(change, "a secret is never opened to group or others");
  if ((added & 0o004) !== 0) throw refused(change, "read for others is never added");
  if ((added & ~(OWNER_READ_WRITE | GROUP_READ)) !== 0) throw refused(change, "execute is never added");
}

function checkOwner(change: AttributeChange, secret: boolean, limits: ActionLimits): void {
  const { from, to } = change;
  if (to.uid !== 0 && to.uid !== from.uid) throw refused(change, `uid ${to.uid} is neither 0 nor its present owner`);
  if (to.gid === 0 || to.gid === from.gid) return;
  if (to.gid > LAST_SYSTEM_GID)
    throw refused(change, `gid ${to.gid} is neither 0, its present group nor a system group`);
  if (to.gid === limits.mindGid) throw refused(change, "no file is given to the group of Garrison's mind");
  if ((to.mode & GROUP_WRITE) !== 0) throw refused(change, "its new group could write");
  if (secret && to.gid !== limits.groupId("shadow")) throw refused(change, "a secret is only given to root or shadow");
}

function refused({ rawPath, from, to }: AttributeChange, why: string): GarrisonError {
  const text = (one: Ownership): string => `${formatMode(one.mode)} ${one.uid}:${one.gid}`;
  return new GarrisonError(
    "GARRISON_ACTION_REFUSED",
    `Cannot change ${quotePath(rawPath)} from ${text(from)} to ${text(to)}: ${why}`,
  );
}
