/** Parsers of /proc text. Pure. @see proc(5) */

const NO_UID = 4_294_967_295;

/** Fields of /proc/PID/stat that we use. `comm` may hold spaces and parentheses: it ends at the last `)`. */
export interface ProcStat {
  readonly comm: string;
  readonly state: string;
  readonly parentPid: number;
  /** Clock ticks after boot (field 22). */
  readonly startTicks: number;
}

/** @returns `undefined` when the text is not of that form */
export function parseProcStat(text: string): ProcStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open === -1 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const parentPid = Number(fields[1]);
  const startTicks = Number(fields[19]);
  if (!Number.isSafeInteger(parentPid) || !Number.isSafeInteger(startTicks)) return undefined;
  return { comm: text.slice(open + 1, close), state: fields[0] ?? "?", parentPid, startTicks };
}

/** The effective uid, which acts, of /proc/PID/status (`Uid:` line: real, effective, saved, filesystem). */
export function parseEffectiveUid(text: string): number | null {
  return toUid(/^Uid:\t\d{1,10}\t(\d{1,10})/m.exec(text)?.[1]);
}

/** The process (`Tgid:` line) that a thread's /proc/TID/status belongs to. */
export function parseThreadGroup(text: string): number | null {
  const match = /^Tgid:\t(\d{1,10})$/m.exec(text);
  return match === null ? null : Number(match[1]);
}

/** /proc/PID/loginuid: 4294967295 (-1) means that no login set it. */
export function parseLoginUid(text: string): number | null {
  return toUid(/^(\d{1,10})\s*$/.exec(text)?.[1]);
}

// Outermost first: what a user names below his own session is not the unit.
const UNIT = /\/([^/\n]{1,247}\.(?:service|socket|scope))(?:\/|$)/m;
const CONTAINER =
  /\/(?:(?:docker|libpod|crio|cri-containerd)[-/]([0-9a-f]{12,64})|lxc(?:\.payload\.|\/)([\w.-]{1,64})|kubepods[^\n]*\/([0-9a-f]{64}))(?:\.scope)?(?:\/|$)/m;

/** systemd unit and container id of /proc/PID/cgroup (v1 `name=systemd` line or the v2 `0::` line). */
export function parseCgroup(text: string): { unit: string | null; container: string | null } {
  const paths = text.split("\n").map((line) => line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1));
  const joined = paths.join("\n");
  const [, hexId, lxcName, podId] = CONTAINER.exec(joined) ?? [];
  return { unit: UNIT.exec(joined)?.[1] ?? null, container: hexId ?? lxcName ?? podId ?? null };
}

function toUid(text: string | undefined): number | null {
  const uid = Number(text ?? NO_UID);
  return uid < NO_UID ? uid : null;
}
