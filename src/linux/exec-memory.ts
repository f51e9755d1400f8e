/**
 * Who a process was that ended before we could look: the kernel records forks and execs in a ring of our own, and only when
 * somebody is missing it is read. A process of 0.3 ms is known by its program and its parents all the same.
 * Kernel interface: an own tracefs instance with sched/sched_process_exec and sched/sched_process_fork. Since: 3.11. Needs: root and
 * tracefs. Without: such actors stay unknown. Cost: about 1 µs to the host a fork and an exec, nothing to us while nobody is
 * missing. Memory: 128 KiB a CPU in the kernel, 4096 processes here.
 * Blinded by: more than some 2,000 forks a CPU between the event and the look; a program started by a relative path, which is not
 * resolved; a path of another mount namespace or chroot, which is taken for one of ours.
 */
import { realpathSync } from "node:fs";
import { LruMap } from "#src/lib/lru.ts";
import type { Actor, Parent } from "#src/model/actor.ts";
import { ExecLines } from "./exec-text.ts";
import { readActor } from "./proc.ts";
import { findTracefs, TraceInstance } from "./tracefs.ts";

const MAX_PROCESSES = 4096;
const MAX_PARENTS = 8;
const MAX_READS = 16;

interface Birth {
  readonly exe: string | null;
  readonly parentPid: number | null;
}

let shared: ExecMemory | null | undefined;

/** The memory of this process, made at its first use; `null` where the kernel or the lack of rights refuses. */
export function sharedExecMemory(): ExecMemory | null {
  shared ??= ExecMemory.open();
  return shared;
}

/** Lets the shared memory go: the kernel records forks and execs no longer. */
export function closeSharedExecMemory(): void {
  shared?.[Symbol.dispose]();
  shared = undefined;
}

/** Holds a tracefs instance until it is disposed; of a process that was killed the next start removes what is left. */
export class ExecMemory implements Disposable {
  readonly #trace: TraceInstance;
  readonly #lines = new ExecLines();
  readonly #births = new LruMap<number, Birth>(MAX_PROCESSES);

  private constructor(trace: TraceInstance) {
    this.#trace = trace;
  }

  static open(): ExecMemory | null {
    const tracefs = findTracefs();
    if (tracefs === undefined) return null;
    try {
      const events = [{ event: "sched/sched_process_exec" }, { event: "sched/sched_process_fork" }];
      return new ExecMemory(TraceInstance.open(tracefs, "garrison-exec", events, { bufferKiB: 128 }));
    } catch {
      return null;
    }
  }

  /**
   * Who a process that has ended was, as far as the kernel's record goes. Its user is taken to be its parent's; `startTicks` and
   * `comm` are `null`, which tells such an actor from one that was seen.
   * @returns `null` when it is not in the record
   */
  recall(pid: number): Actor | null {
    this.#drain();
    const birth = this.#births.get(pid);
    if (birth === undefined) return null;
    const ancestors = this.#ancestors(birth.parentPid);
    const { living } = ancestors;
    return {
      pid,
      uid: living?.uid ?? null,
      user: null,
      loginUid: living?.loginUid ?? null,
      exe: resolved(birth.exe),
      comm: null,
      startTicks: null,
      unit: living?.unit ?? null,
      container: living?.container ?? null,
      parents: ancestors.parents,
    };
  }

  [Symbol.dispose](): void {
    this.#trace[Symbol.dispose]();
  }

  /** From the record while they are dead, from /proc from the first living one on. */
  #ancestors(firstPid: number | null): { readonly parents: readonly Parent[]; readonly living: Actor | null } {
    const parents: Parent[] = [];
    for (let pid = firstPid; pid !== null && pid > 0 && parents.length < MAX_PARENTS; ) {
      const living = readActor(pid);
      if (living !== null && living.exe !== null) {
        const own: Parent = { pid, exe: living.exe, comm: living.comm ?? "" };
        return { parents: [...parents, own, ...living.parents].slice(0, MAX_PARENTS), living };
      }
      const birth = this.#births.get(pid);
      parents.push({ pid, exe: resolved(birth?.exe ?? null) ?? "", comm: "" });
      pid = birth?.parentPid ?? null;
    }
    return { parents, living: null };
  }

  #drain(): void {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const lines = this.#trace.readLines();
      for (const line of lines) this.#remember(line);
      if (lines.length === 0) return;
    }
  }

  #remember(line: string): void {
    const birth = this.#lines.parse(line);
    if (birth === null) return;
    if (birth.type === "fork") {
      // A fork runs its parent's program until it calls exec.
      this.#births.set(birth.pid, { exe: this.#births.get(birth.parentPid)?.exe ?? null, parentPid: birth.parentPid });
    } else {
      this.#births.set(birth.pid, { exe: birth.exe, parentPid: this.#births.get(birth.pid)?.parentPid ?? null });
    }
  }
}

/** The path that /proc/PID/exe would have shown: `/bin/sh` is often a link. */
function resolved(exe: string | null): string | null {
  if (exe === null || !exe.startsWith("/")) return exe;
  try {
    return realpathSync(Buffer.from(exe, "latin1"), "utf8");
  } catch {
    return Buffer.from(exe, "latin1").toString("utf8");
  }
}
