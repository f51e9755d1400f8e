/** The server of a rig: its namespaces, and the daemons in them, kept by keeper.py. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { waitFor } from "../host.ts";
import {
  DAEMONS,
  type Daemon,
  type DaemonName,
  JOURNALD,
  RSYSLOGD,
  writeDaemonFiles,
  writeJournalFiles,
  writeServerFiles,
} from "./daemons.ts";
import { entering, PATH, runProgram, TIED, whenEnded } from "./namespaces.ts";

/** What keeper.py says. */
type Notice = { readonly name: string; readonly pid: number } | { readonly ended: number };

/** Its namespaces exist behind {@link Server.start}; all that it ran is gone when disposed. */
export class Server implements AsyncDisposable {
  readonly #keeper: ChildProcess;
  readonly #pids = new Map<string, number>();
  readonly #ended = new Set<number>();
  #said = "";

  private constructor() {
    const words = ["unshare", "--net", "--mount", "--propagation", "private", "--uts", "sh"];
    const files = ["server-tree.sh", "keeper.py"].map((name) => join(import.meta.dirname, name));
    // Not tied: it ends by itself, and ends the others first, when this process closes its standard input, however it ends.
    this.#keeper = spawn(words[0]!, [...words.slice(1), ...files], { stdio: "pipe", env: { PATH } });
    createInterface({ input: this.#keeper.stdout! }).on("line", (line) => this.#onNotice(JSON.parse(line) as Notice));
    // Whoever waits for an answer is told that it has ended.
    this.#keeper.stdin!.on("error", () => {});
    this.#keeper.stderr!.on("data", (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  /** A tree and namespaces, without daemons and network. */
  static async start(): Promise<Server> {
    const server = new Server();
    try {
      await server.#until("keeper", () => server.#pids.has("keeper"));
      writeServerFiles(server.path("/"));
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#keeper.pid!;
  }

  /** Pid of a daemon that was started. */
  pidOf(name: string): number {
    return this.#pids.get(name)!;
  }

  /** Where a file of the server is to be found from outside. */
  path(path: string): string {
    return join(`/proc/${this.pid}/root`, path);
  }

  /** Words in front of a program of the server. It is no child of the keeper's, and ends with this process. */
  get inside(): string[] {
    return [...TIED, ...entering(this.pid, ["net", "mount", "uts"])];
  }

  /** Runs a program to its end. @returns what it wrote. @throws Error with what it said when it failed */
  run(words: readonly string[], user: string): Promise<string> {
    return runProgram([...this.inside, "setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", ...words]);
  }

  /** Starts what reads /dev/log. */
  async startLogging(hasJournal: boolean): Promise<void> {
    if (hasJournal) {
      writeJournalFiles(this.path("/"));
      this.#order("journald", JOURNALD);
      await this.#until("journald", () => existsSync(this.path("/run/systemd/journal/dev-log")));
    }
    const socket = hasJournal ? "/run/systemd/journal/syslog" : "/dev/log";
    this.#order("rsyslogd", RSYSLOGD);
    await this.#until("rsyslogd", () => existsSync(this.path(socket)));
  }

  /** Starts a daemon; it listens then. */
  async startDaemon(name: DaemonName): Promise<void> {
    const { words, environment, port, ...daemon }: Daemon = DAEMONS[name];
    writeDaemonFiles(this.path("/"), daemon);
    this.#order(name, words, environment);
    await this.#until(name, () => this.#isListening(port));
  }

  /** As logrotate does for rsyslogd: another name for the old file, then the signal to open a new one. */
  rotate(log: string): void {
    const path = this.path(`/var/log/${log}`);
    renameSync(path, `${path}.1`);
    process.kill(this.pidOf("rsyslogd"), "SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keeper.stdin!.destroy();
    await whenEnded(this.#keeper);
  }

  #order(name: string, words: readonly string[], environment: Daemon["environment"] = {}): void {
    this.#keeper.stdin!.write(`${JSON.stringify({ name, words, environment: { PATH, ...environment } })}\n`);
  }

  #onNotice(notice: Notice): void {
    if ("ended" in notice) this.#ended.add(notice.ended);
    else this.#pids.set(notice.name, notice.pid);
  }

  async #until(name: string, isReady: () => boolean): Promise<void> {
    const hasEnded = (): boolean => this.#keeper.exitCode !== null || this.#ended.has(this.#pids.get(name) ?? 0);
    await waitFor(() => isReady() || hasEnded(), `${name} of the server`);
    if (!isReady()) throw new Error(`Cannot start ${name}: ${this.#said}`);
  }

  /** Looked up, for a connection would be in the logs. */
  #isListening(port: number): boolean {
    const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
    const sockets = ["tcp", "tcp6"].map((name) => readFileSync(`/proc/${this.pid}/net/${name}`, "latin1"));
    return sockets.some((text) => text.split("\n").some((line) => line.includes(local) && / 0A /.test(line)));
  }
}
