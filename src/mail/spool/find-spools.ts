/** Where mail spools lie. */
import { joinPath } from "#src/lib/raw-path.ts";
import { HeldFolder } from "#src/linux/held-folder.ts";
import { type Blind, type Mta, POSTFIX_QUEUES, type Spool, whyBlind } from "./walk.ts";

/** Where Debian, and where everyone else puts them. */
export const USUAL_SPOOLS = ["var/spool/exim4", "var/spool/exim", "var/spool/postfix"] as const;

/** Spools, and what could not be looked at. */
export interface FoundSpools {
  readonly spools: readonly Spool[];
  readonly blind: readonly Blind[];
}

/** The spools among these folders, which need not be there. @param paths raw */
export function findSpools(paths: readonly string[]): FoundSpools {
  const spools: Spool[] = [];
  const blind: Blind[] = [];
  for (const path of new Set(paths)) {
    try {
      const mta = whoseSpool(path);
      if (mta !== null) spools.push({ mta, path });
    } catch (error) {
      blind.push({ queue: null, path, reason: whyBlind(error) });
    }
  }
  return { spools, blind };
}

/** The usual places in a tree. @param root raw */
export function usualSpools(root: string): string[] {
  return USUAL_SPOOLS.map((path) => joinPath(root, path));
}

/** Whose spool a folder is, by the folders in it; `null`: nobody's, or it is not there. @throws GarrisonError `GARRISON_SYSCALL` */
export function whoseSpool(path: string): Mta | null {
  using folder = HeldFolder.open(path);
  if (folder === undefined) return null;
  if (has(folder, "input")) return "exim";
  return POSTFIX_QUEUES.filter((name) => has(folder, name)).length >= 2 ? "postfix" : null;
}

/** A folder that may not be entered is there all the same. */
function has(folder: HeldFolder, name: string): boolean {
  try {
    using inside = folder.openFolder(name);
    return inside !== undefined;
  } catch {
    return true;
  }
}
