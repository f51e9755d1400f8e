/**
 * Starts the children and starts them again when they end: at once at first, then with back-off. Holds a pipe to each, whose end
 * stops the child however the supervisor ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 30_000;
// A run that held this long was a good one.
const GOOD_RUN_MS = 60_000;
const STOP_WITHIN_MS = 5000;

// SIGUSR1 would open a debugger port.
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--disable-sigusr1", "--max-semi-space-size=1"];

/** One child. */
export interface ChildPlan {
  readonly name: string;
  /** The entry file, and its arguments. */
  readonly script: string;
  readonly parameters: readonly string[];
  /** Sent as one JSON line on fd 3. */
  readonly settings: unknown;
  /** Listening sockets, handed on as fd 4 and so on at each start. */
  readonly listenFds: readonly number[];
  readonly maxOldSpaceMiB: number;
  /** `null`: the caller's own. */
  readonly identity: { readonly uid: number; readonly gid: number } | null;
  readonly cwd: string;
}

/** What the owner is told. */
export interface SupervisorHandlers {
  onEnd(name: string, how: string, restartInMs: number): void;
}

/** Keeps one child running until stopped. */
export class Supervisor {
  readonly #plan: ChildPlan;
  readonly #handlers: SupervisorHandlers;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #backoffMs = FIRST_BACKOFF_MS;
  #isStopping = false;

  constructor(plan: ChildPlan, handlers: SupervisorHandlers) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#start();
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Asks the child to stop, and kills it when it does not. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    (child.stdio[3] as Writable).destroy();
    await ended;
    clearTimeout(killer);
  }

  #start(): void {
    const { script, parameters, settings, listenFds, maxOldSpaceMiB, identity, cwd } = this.#plan;
    const startedMs = performance.now();
    const child = spawn(
      "/proc/self/exe",
      [...NODE_FLAGS, `--max-old-space-size=${maxOldSpaceMiB}`, script, ...parameters],
      {
        stdio: ["ignore", "inherit", "inherit", "pipe", ...listenFds],
        env: childEnvironment(),
        cwd,
        ...(identity ?? {}),
      },
    );
    this.#child = child;
    const control = child.stdio[3] as Writable;
    // A child that dies while it starts takes the pipe with it: its end is told below.
    control.on("error", () => undefined);
    control.write(`${JSON.stringify(settings)}\n`);
    const onEnd = (how: string): void => {
      if (this.#child !== child) return;
      this.#child = null;
      control.destroy();
      if (!this.#isStopping) this.#again(how, performance.now() - startedMs);
    };
    child.once("error", (error) => onEnd(error.message));
    child.once("exit", (code, signal) => onEnd(signal ?? `exit code ${code}`));
  }

  #again(how: string, livedMs: number): void {
    if (livedMs > GOOD_RUN_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#handlers.onEnd(this.#plan.name, how, this.#backoffMs);
    this.#timer = setTimeout(() => this.#start(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS);
  }
}

/** A clean environment: nothing of the admin's shell reaches a process with privileges. */
function childEnvironment(): NodeJS.ProcessEnv {
  const debug = process.env["GARRISON_DEBUG"];
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    ...(debug === undefined ? {} : { GARRISON_DEBUG: debug }),
  };
}
