/** Whose rights the mind has. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { GarrisonError } from "#src/lib/errors.ts";

/** systemd's range of dynamic users: no passwd entry of a distribution lies in it. */
const FIRST_DYNAMIC_UID = 61_184;
const LAST_DYNAMIC_UID = 65_519;

/** User and group of the mind; the group of people who may talk to it. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Group of the command socket: `garrison` where it exists. */
  readonly adminGid: number;
}

/**
 * The `garrison` user where packaging made it, else a free uid of the dynamic range: that of the state folder again, when it has
 * one. Never `nobody`, whom everyone else uses.
 * @throws GarrisonError `GARRISON_NO_FREE_UID`
 */
export function chooseIdentity(mindFolder: string, passwdPath = "/etc/passwd", groupPath = "/etc/group"): Identity {
  const passwd = parseIds(readFileSync(passwdPath, "utf8"));
  const group = parseIds(readFileSync(groupPath, "utf8"));
  const adminGid = group.get("garrison");
  const uid = passwd.get("garrison") ?? freeUid(new Set([...passwd.values(), ...group.values()]), ownerOf(mindFolder));
  return { uid, gid: passwd.has("garrison") ? (adminGid ?? uid) : uid, adminGid: adminGid ?? 0 };
}

/** Ids by name of passwd(5) or group(5): name:password:id. */
function parseIds(text: string): Map<string, number> {
  const fields = text.split("\n").map((line) => line.split(":"));
  return new Map(fields.filter(({ length }) => length >= 3).map(([name, , id]) => [name ?? "", Number(id)]));
}

function freeUid(taken: ReadonlySet<number>, last: number | undefined): number {
  const running = runningUids();
  if (last !== undefined && last >= FIRST_DYNAMIC_UID && last <= LAST_DYNAMIC_UID && !taken.has(last)) return last;
  for (let uid = FIRST_DYNAMIC_UID; uid <= LAST_DYNAMIC_UID; uid++) {
    if (!taken.has(uid) && !running.has(uid)) return uid;
  }
  throw new GarrisonError(
    "GARRISON_NO_FREE_UID",
    "Cannot start the mind: no uid from 61184 to 65519 is free; make a system user garrison",
  );
}

function runningUids(): Set<number> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return new Set(pids.flatMap((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? []));
}

function ownerOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.uid;
}
