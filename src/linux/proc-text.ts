/** Parsers of /proc text. Pure. @see proc(5) */

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

/** Real uid of /proc/PID/status (`Uid:` line: real, effective, saved, filesystem); the effective one, which acts. */
export function parseEffectiveUid(text: string): number | null {
  const match = /^Uid:\t\d+\t(\d+)/m.exec(text);
  return match === null ? null : Number(match[1]);
}

/** /proc/PID/loginuid: 4294967295 (-1) means that no login set it. */
export function parseLoginUid(text: string): number | null {
  const uid = Number(text.trim());
  return text.trim() === "" || !Number.isInteger(uid) || uid === 4_294_967_295 ? null : uid;
}

/** systemd unit and container id of /proc/PID/cgroup (v1 `name=systemd` line or the v2 `0::` line). */
export function parseCgroup(text: string): { unit: string | null; container: string | null } {
  const paths = text.split("\n").map((line) => line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1));
  const joined = paths.join("\n");
  const unit = /\/([^/\n]{1,256}\.(?:service|socket|scope))(?:\/|$)/m.exec(joined);
  const container =
    /(?:docker|libpod|crio|cri-containerd|lxc(?:\.payload)?)[-/.]([0-9a-zA-Z_.-]{4,64}?)(?:\.scope)?(?:\/|$)/m.exec(
      joined,
    );
  return { unit: unit?.[1] ?? null, container: container?.[1] ?? null };
}
