/**
 * Parser of trace_pipe lines of `sched/sched_process_exec` and `sched/sched_process_fork`. Pure.
 * A file name may hold a newline and behind it a whole forged line. A line of exec that does not end in its own pid begins such a
 * name: what follows is passed over until the line that ends in the pid of its head.
 */

/** What one line tells. */
export type ProcessBirth =
  | { readonly type: "exec"; readonly pid: number; readonly exe: string }
  | { readonly type: "fork"; readonly pid: number; readonly parentPid: number };

const HEAD = /-(\d{1,10})\s+\[\d+\]\s+\S+\s+[\d.]+: sched_process_(exec|fork): (.*)$/s;
const EXEC = /^filename=(.*) pid=(\d{1,10}) old_pid=\d{1,10}$/s;
const EXEC_END = / pid=(\d{1,10}) old_pid=\d{1,10}$/;
const FORK = / pid=(\d{1,10}) child_comm=.{0,15} child_pid=(\d{1,10})$/s;

/** Reads lines in order; one per trace_pipe. */
export class ExecLines {
  /** Pid of an exec whose name goes on in the next line. */
  #unfinishedPid: number | null = null;

  /** @returns `null` for any other line */
  parse(line: string): ProcessBirth | null {
    if (this.#unfinishedPid !== null) {
      if (Number(EXEC_END.exec(line)?.[1]) === this.#unfinishedPid) this.#unfinishedPid = null;
      return null;
    }
    const head = HEAD.exec(line);
    if (head === null) return null;
    const [, pidText, kind, body = ""] = head;
    return kind === "exec" ? this.#parseExec(Number(pidText), body) : parseFork(Number(pidText), body);
  }

  #parseExec(pid: number, body: string): ProcessBirth | null {
    const match = EXEC.exec(body);
    if (match !== null && Number(match[2]) === pid) return { type: "exec", pid, exe: match[1] ?? "" };
    if (body.startsWith("filename=")) this.#unfinishedPid = pid;
    return null;
  }
}

/** The head names the process that forks. */
function parseFork(headPid: number, body: string): ProcessBirth | null {
  const match = FORK.exec(body);
  if (match === null || Number(match[1]) !== headPid) return null;
  return { type: "fork", pid: Number(match[2]), parentPid: headPid };
}
