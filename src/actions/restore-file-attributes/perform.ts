/** The warden's side of restore-file-attributes: gives a watched file the mode and owner back that it had. */
import { GarrisonError } from "#src/lib/errors.ts";
import { HeldPath, type Ownership, quotePath } from "#src/linux/held-path.ts";
import type { ActionKind } from "../contract.ts";
import {
  describeAttributes,
  isBetween,
  isSame,
  type RestorePlan,
  type RestoreUndo,
  rawPathOf,
  restorePlan,
  restoreUndo,
  toAttributes,
  toOwnership,
} from "./data.ts";
import { type AttributeChange, checkLinks, checkPlace, checkRestore, checkRestoreUndo } from "./limits.ts";

/** The kind, as the warden sees it. */
export const restoreFileAttributes: ActionKind<RestorePlan, RestoreUndo> = {
  kind: "restore-file-attributes",

  check(plan, limits) {
    const checked = refuseMalformed(() => restorePlan(plan, "plan"));
    checkRestore(forward(checked), limits);
    return checked;
  },

  prepare(plan) {
    const change = forward(plan);
    using held = openTarget(plan, change.rawPath);
    const now = held.readOwnership();
    if (!isSame(now, change.from) && !isSame(now, change.to)) throw isOtherwise(change.rawPath, now, change.from);
    checkPlace(held, change);
    const { pathBase64, inode, to } = plan;
    return { pathBase64, inode, before: toAttributes(now), after: to };
  },

  perform(plan) {
    const change = forward(plan);
    using held = openTarget(plan, change.rawPath);
    checkPlace(held, change);
    changeOwnership(held, change);
  },

  verify(plan) {
    using held = openTarget(plan, rawPathOf(plan));
    return isSame(held.readOwnership(), toOwnership(plan.to));
  },

  checkUndo(undo, { limits, ageMs }) {
    const checked = refuseMalformed(() => restoreUndo(undo, "undo"));
    checkRestoreUndo(backward(checked), limits, ageMs);
    return checked;
  },

  undo(undo) {
    const change = backward(undo);
    using held = openTarget(undo, change.rawPath);
    checkLinks(held, change);
    changeOwnership(held, change);
  },

  verifyUndone(undo) {
    using held = openTarget(undo, rawPathOf(undo));
    return isSame(held.readOwnership(), toOwnership(undo.before));
  },
};

function forward(plan: RestorePlan): AttributeChange {
  return { rawPath: rawPathOf(plan), from: toOwnership(plan.from), to: toOwnership(plan.to) };
}

function backward(undo: RestoreUndo): AttributeChange {
  return { rawPath: rawPathOf(undo), from: toOwnership(undo.after), to: toOwnership(undo.before) };
}

/** The file while it is still the one that was meant. The caller disposes it. */
function openTarget({ inode }: { readonly inode: string }, rawPath: string): HeldPath {
  const held = HeldPath.open(rawPath);
  if (String(held.inode) === inode) return held;
  held[Symbol.dispose]();
  throw new GarrisonError(
    "GARRISON_ACTION_FAILED",
    `Cannot change ${quotePath(rawPath)}: it was replaced and is now inode ${held.inode}, ${inode} is wanted`,
  );
}

/**
 * From any state on the way to the last one. What must go goes first, the owner second, because chown(2) takes setuid and setgid
 * away, the rest of the mode last: nobody has in between what he has neither before nor behind.
 */
function changeOwnership(held: HeldPath, { rawPath, from, to }: AttributeChange): void {
  const now = held.readOwnership();
  if (!isBetween(now, from, to)) throw isOtherwise(rawPath, now, from);
  try {
    setOwnership(held, now, to);
  } catch (error) {
    putBack(held, now);
    throw new GarrisonError("GARRISON_ACTION_FAILED", `Cannot give ${quotePath(rawPath)} ${describeAttributes(to)}`, {
      cause: error,
    });
  }
}

function setOwnership(held: HeldPath, now: Ownership, to: Ownership): void {
  const kept = now.mode & to.mode;
  if (kept !== now.mode) held.setMode(kept);
  if (now.uid !== to.uid || now.gid !== to.gid) held.setOwner(to.uid, to.gid);
  if (held.readOwnership().mode !== to.mode) held.setMode(to.mode);
}

function putBack(held: HeldPath, before: Ownership): void {
  try {
    setOwnership(held, held.readOwnership(), before);
  } catch {
    // What kept us from going on keeps us from going back: the error that is thrown says what it was.
  }
}

function isOtherwise(rawPath: string, now: Ownership, expected: Ownership): GarrisonError {
  return new GarrisonError(
    "GARRISON_ACTION_FAILED",
    `Cannot change ${quotePath(rawPath)}: it has ${describeAttributes(now)} by now, ${describeAttributes(expected)} is wanted`,
  );
}

function refuseMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new GarrisonError("GARRISON_ACTION_REFUSED", "Cannot restore: the plan is malformed", { cause: error });
  }
}
