/** A whole Garrison for a test: `garrison up` from the build, with folders of its own, and what it prints as events. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Alert } from "#src/model/alert.ts";

const PROGRAM = join(import.meta.dirname, "../../dist/bin/garrison.js");
const WAIT_MS = 20_000;

/** One JSON line of `up`. */
export type HostEvent = { readonly event: string; readonly type?: string; readonly alert?: Alert } & Readonly<
  Record<string, unknown>
>;

/** What a command gave. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON lines. */
  readonly items: readonly Record<string, unknown>[];
}

/** How a host is started. */
export interface HostOptions {
  /** YAML. @default none: no configuration */
  readonly config?: string;
  /** @default a new folder */
  readonly folder?: string;
  /** More words behind `up`. @default none */
  readonly words?: readonly string[];
  /** Program and words in front of node, such as setpriv. @default none */
  readonly wrapper?: readonly string[];
  /** The built command line. @default that of this checkout */
  readonly program?: string;
  readonly node?: string;
  /** Leave before `garrison: watching`. @default false */
  readonly early?: boolean;
}

/** Starts on construction by {@link Host.start}; stops, and removes its folder, when disposed. */
export class Host implements AsyncDisposable {
  readonly folder: string;
  readonly events: HostEvent[] = [];
  readonly up: ChildProcess;
  stderr = "";
  readonly #options: HostOptions;
  readonly #waiting = new Set<() => void>();

  private constructor(options: HostOptions) {
    this.#options = options;
    this.folder = options.folder ?? mkdtempSync("/tmp/garrison-e2e-");
    if (process.getuid?.() === 0) chmodSync(this.folder, 0o755);
    if (options.config !== undefined)
      writeFileSync(join(this.folder, "garrison.yaml"), options.config, { mode: 0o600 });
    this.up = this.#spawn(["up", "--json", ...(options.words ?? [])]);
    createInterface({ input: this.up.stdout! }).on("line", (line) => this.#onLine(line));
    this.up.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.up.once("exit", () => this.#wake());
  }

  static async start(options: HostOptions = {}): Promise<Host> {
    const host = new Host(options);
    if (options.early !== true) await host.until(({ event }) => event === "watching", "watching");
    return host;
  }

  get run(): string {
    return join(this.folder, "run");
  }

  get state(): string {
    return join(this.folder, "state");
  }

  /** The first event, past or to come, that fits. */
  async until(fits: (event: HostEvent) => boolean, what: string, from = 0): Promise<HostEvent> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const found = this.events.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.up.exitCode !== null) throw new Error(`up ended before ${what}: ${this.stderr}`);
      if (Date.now() > deadline)
        throw new Error(
          `no ${what} within ${WAIT_MS} ms; ${this.stderr}\n${this.events
            .slice(-20)
            .map((event) => JSON.stringify(event))
            .join("\n")}`,
        );
      await this.#change(deadline - Date.now());
    }
  }

  /** The first new alert that fits. */
  async alert(fits: (alert: Alert) => boolean, what: string, from = 0): Promise<Alert> {
    const { alert } = await this.until(
      (event) => event.event === "alert" && event.type === "new" && fits(event.alert!),
      what,
      from,
    );
    return alert!;
  }

  /** New alerts so far. */
  get alerts(): readonly Alert[] {
    return this.events.filter(({ event, type }) => event === "alert" && type === "new").map(({ alert }) => alert!);
  }

  /** Runs a command with the folders of this host. */
  async command(...words: string[]): Promise<CommandResult> {
    const child = this.#spawn(words);
    let stdout = "";
    let stderr = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number | null];
    const lines = words.includes("--json") ? stdout.split("\n").filter(Boolean) : [];
    return { code, stdout, stderr, items: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  }

  /** Pid of a running process of ours by its name, such as `garrison-mind`. */
  pidOf(name: string): number {
    const found = childrenOf(this.up.pid!).find(
      (pid) => readFileSync(`/proc/${pid}/comm`, "latin1").trim() === name.slice(0, 15),
    );
    if (found === undefined) throw new Error(`${name} does not run`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.up.exitCode === null && this.up.signalCode === null) {
      const ended = once(this.up, "exit");
      this.up.kill("SIGINT");
      await ended;
    }
    if (this.#options.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(words: readonly string[]): ChildProcess {
    const { wrapper = [], program = PROGRAM, node = process.execPath } = this.#options;
    const config = existsSync(join(this.folder, "garrison.yaml"))
      ? ["--config", join(this.folder, "garrison.yaml")]
      : [];
    const folders = ["--state", this.state, "--run", this.run];
    const [first, ...rest] = [...wrapper, node, program, ...words, ...folders, ...config];
    return spawn(first!, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], HOME: this.folder },
    });
  }

  #onLine(line: string): void {
    this.events.push(JSON.parse(line) as HostEvent);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #change(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
  }
}

/** Pids of the children of a process. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((one) => one > 0 && parentOf(one) === pid);
}

/** Parent of a process; -1 when it has ended. */
export function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return -1;
  }
}

/** A field of /proc/PID/status. */
export function statusField(pid: number, name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, "latin1");
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1] ?? "";
}

/** Waits until a condition holds. */
export async function waitFor(isTrue: () => boolean, what: string, timeoutMs = WAIT_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * A program of the system that listens until its standard input ends. The Node of a clone below /tmp would be suspicious by itself:
 * anyone can write there.
 */
export async function listenAsPython(port: number, address = "127.0.0.1"): Promise<ChildProcess> {
  const script =
    "import socket,sys; s=socket.socket(); s.setsockopt(1,2,1); s.bind((sys.argv[1],int(sys.argv[2]))); s.listen(); print(1,flush=True); sys.stdin.read()";
  const child = spawn("python3", ["-c", script, address, String(port)], { stdio: ["pipe", "pipe", "ignore"] });
  await once(child.stdout!, "data");
  return child;
}
