/** Helper of tests: a real, confined warden in the network namespace of this thread, and a mind that asks it. Not shipped (`.mts`). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { WardenBlockOptions } from "#src/blocks/options.ts";
import type { JournalEntry } from "#src/journal/chain.ts";
import { readJournal } from "#src/journal/verify.ts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import type { WardenSettings } from "#src/processes/settings.ts";
import { FrameReader } from "#src/wire/frames.ts";
import { type FromWarden, fromWarden, type ToWarden } from "#src/wire/warden-messages.ts";

const ENTRY = join(import.meta.dirname, "../../bin/garrison-warden.ts");

type Answer = Extract<FromWarden, { t: "answer" }>;
type Status = Extract<FromWarden, { t: "firewall" }>;
type BlockRequest = Extract<ToWarden, { t: "block" }>["blocks"][number];
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** Where a warden keeps its state; it may be started several times. */
export class WardenProcess {
  readonly folder: string;
  readonly #options: WardenBlockOptions;
  #child: ChildProcess | null = null;
  #socket: Socket | null = null;
  #id = 0;
  readonly #answers: Answer[] = [];
  /** What it said of blocking, the newest last. */
  readonly statuses: Status[] = [];
  stderr = "";
  #wake: () => void = () => {};

  constructor(t: TestContext, folder: string, options: Partial<WardenBlockOptions> = {}) {
    this.folder = folder;
    this.#options = { backend: "auto", allow: [], proxies: [], hub: [], web: false, ...options };
    for (const name of ["journal", "actions", "web"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
    t.after(() => this.stop("SIGKILL"));
  }

  get actions(): string {
    return join(this.folder, "actions");
  }

  get web(): string {
    return join(this.folder, "web");
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it as `up` does, and waits until the mind is greeted. */
  async start(): Promise<Status> {
    const path = join(this.folder, "warden.sock");
    const listenFd = listenUnix(path, 0);
    const journalFolder = join(this.folder, "journal");
    const backend = this.#options.backend ?? "off";
    this.#child = spawn(process.execPath, [ENTRY, journalFolder, this.actions, this.web, backend], {
      stdio: ["ignore", "ignore", "pipe", "pipe", listenFd],
      env: {},
    });
    closeSync(listenFd);
    this.#child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    const settings: WardenSettings = {
      mindUid: 0,
      mindGid: 0,
      journalFolder,
      actionsFolder: this.actions,
      webFolder: this.web,
      watchedFiles: [],
      blocks: this.#options,
      traffic: null,
    };
    (this.#child.stdio[3] as Socket).on("error", () => {}).write(`${JSON.stringify(settings)}\n`);
    this.#socket = connect(path);
    void this.#read(this.#socket);
    return this.status(() => true);
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#socket?.destroy();
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
    this.statuses.length = 0;
  }

  async ask(request: WithoutId<ToWarden>): Promise<Answer> {
    const id = ++this.#id;
    this.#socket!.write(`${JSON.stringify({ ...request, id })}\n`);
    return this.#until(() => this.#answers.find((answer) => answer.id === id));
  }

  /** The first status from now on, or the newest, that fits. */
  status(fits: (status: Status) => boolean): Promise<Status> {
    return this.#until(() => this.statuses.findLast(fits));
  }

  /** Blocks one network for an hour. @returns why not, or `null` */
  async block(action: string, network: string, more: Partial<BlockRequest> = {}): Promise<string | null> {
    const block: BlockRequest = {
      action,
      network,
      ports: [],
      untilUnixMs: Date.now() + 3_600_000,
      reason: "a test",
      by: "rule:sshd",
      isPrivateMeant: false,
      ...more,
    };
    const answer = await this.ask({ t: "block", blocks: [block] });
    return answer.failure ?? answer.results?.[0]?.failure ?? null;
  }

  async unblock(...actions: string[]): Promise<Answer> {
    return this.ask({ t: "unblock", actions, by: "admin:root" });
  }

  journal(): Promise<JournalEntry[]> {
    return readJournal(join(this.folder, "journal"), { last: 1000 });
  }

  /** A line of /proc/PID/status. */
  statusField(name: string): string {
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${this.pid}/status`, "latin1"))?.[1] ?? "";
  }

  async #read(socket: Socket): Promise<void> {
    const reader = new FrameReader();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const value of reader.push(chunk)) {
        const message = fromWarden(value, "message");
        if (message.t === "answer") this.#answers.push(message);
        if (message.t === "firewall") this.statuses.push(message);
      }
      this.#wake();
    });
  }

  async #until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
