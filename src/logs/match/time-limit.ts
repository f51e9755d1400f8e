/**
 * Runs a function for at most so long, whatever it does: V8 interrupts loops and regular expressions alike, which nothing else in
 * a process can. The only file with node:vm; the script is a constant text that calls what was handed to it, no code is made of anything.
 * Costs 0.4 ms a call: a thread is started that watches the clock.
 */
import { Script } from "node:vm";

const HANDED_OVER = Symbol.for("garrison.logs.run-within");
const holder = globalThis as { [HANDED_OVER]?: () => void };

let script: Script | null = null;

/** What came of it. */
export interface TimedRun {
  readonly isCut: boolean;
  /** CPU time that this thread used, which a busy machine makes no longer. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/**
 * Runs it in this context, not in another one. When it is cut it stops between any two instructions: what it has written must be
 * of use all the same. Not to be nested. Throws what it throws.
 */
export function runWithin(limitMs: number, run: () => void): TimedRun {
  script ??= new Script('globalThis[Symbol.for("garrison.logs.run-within")]()');
  const startedMs = performance.now();
  const before = process.threadCpuUsage();
  let isCut = false;
  holder[HANDED_OVER] = run;
  try {
    script.runInThisContext({ timeout: limitMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    isCut = true;
  } finally {
    delete holder[HANDED_OVER];
  }
  const { user, system } = process.threadCpuUsage(before);
  return { isCut, cpuMs: (user + system) / 1000, wallMs: performance.now() - startedMs };
}
