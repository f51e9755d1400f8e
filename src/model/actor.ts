/** Who did it: the process seen behind an event, read from /proc in the same tick as the event. */

/** One ancestor of the acting process, nearest first. */
export interface Parent {
  readonly pid: number;
  /** Absolute path of the executable, or `""` when it could not be read. */
  readonly exe: string;
  readonly comm: string;
}

/** The acting process. Fields that could not be read in time are `null`: the process may have ended. */
export interface Actor {
  readonly pid: number;
  readonly uid: number | null;
  /** Name of `uid` in passwd, filled in by the mind. */
  readonly user: string | null;
  /** Audit login uid (proc(5), /proc/pid/loginuid); `null` when never set (a daemon) or unknown. */
  readonly loginUid: number | null;
  /** Absolute path; a trailing ` (deleted)` of the kernel is kept, because it is a finding. */
  readonly exe: string | null;
  readonly comm: string | null;
  /** Start time in clock ticks after boot (proc(5), stat field 22): with `pid` it names one process for ever. */
  readonly startTicks: number | null;
  /** systemd unit from the cgroup path, such as `ssh.service`. */
  readonly unit: string | null;
  /** Container id from the cgroup path. */
  readonly container: string | null;
  /** At most 8, nearest first. */
  readonly parents: readonly Parent[];
}
