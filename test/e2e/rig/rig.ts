/**
 * A server with real daemons, and a world that attacks it: network namespaces joined by a wire, and for the server a tree of its
 * own (see server-tree.sh). Everything hangs on processes that are killed when the test ends, however it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { childrenOf, Host, type HostOptions, waitFor } from "../host.ts";
import { type Answer, CLOSED_PORT, type Login } from "./clients.ts";
import {
  DAEMONS,
  type Daemon,
  type DaemonName,
  JOURNALD,
  PASSWORD,
  RSYSLOGD,
  writeDaemonFiles,
  writeJournalFiles,
  writeServerFiles,
} from "./daemons.ts";
import {
  collect,
  configureNetwork,
  endProcess,
  entering,
  joinNetworks,
  runProgram,
  TIED,
  whenEnded,
} from "./namespaces.ts";
import type { Deeds, Reply } from "./world-main.ts";

export const SERVER = "203.0.113.9";
export const SERVER_IPV6 = "2001:db8:9::9";
/** Addresses of the world; others of their networks can be used as well. */
export const ATTACKER = "198.51.100.23";
export const ATTACKER_IPV6 = "2001:db8:bad::23";
export const ADMIN = "192.0.2.10";
export const ADMIN_IPV6 = "2001:db8:ad::10";

const SERVER_NETWORK = [
  ...plug("02:00:00:00:00:09", "203.0.113.9/24", "2001:db8:9::9/64"),
  "neighbour add 2001:db8:9::1 lladdr 02:00:00:00:00:01 dev eth0",
  "route add default via 203.0.113.1",
  "route add default via 2001:db8:9::1",
];
// Every address of a network with a route to the world itself is its own: it needs no setting up.
const WORLD_NETWORK = [
  ...plug("02:00:00:00:00:01", "203.0.113.1/24", "2001:db8:9::1/64"),
  "neighbour add 2001:db8:9::9 lladdr 02:00:00:00:00:09 dev eth0",
  ...["198.51.100.0/24", "192.0.2.0/24", "2001:db8:bad::/48", "2001:db8:ad::/48"].map(
    (network) => `route add local ${network} dev lo`,
  ),
];

/** A way to log in. */
export type Service = "ssh" | "smtp" | "imap" | "ftp" | "basic" | "wordpress";
const PORTS: Readonly<Record<Service, number>> = { ssh: 22, smtp: 25, imap: 143, ftp: 21, basic: 80, wordpress: 80 };

const WAIT_MS = 20_000;

/** Who logs in. */
export interface Visitor {
  readonly from: string;
  /** @default alice */
  readonly user?: string;
  /** @default the right one */
  readonly password?: string;
  /** What a mail client calls itself. @default client.example */
  readonly greeting?: string;
}

/** A connection that stays open. */
export interface Held {
  isOpen(): Promise<boolean>;
  close(): Promise<void>;
}

/** Starts by {@link Rig.start}; all of it is gone when disposed. */
export class Rig implements AsyncDisposable {
  readonly #server: ChildProcess;
  readonly #world: ChildProcess;
  readonly #daemons = new Map<string, ChildProcess>();
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #lastQuestion = 0;

  private constructor() {
    const server = ["unshare", "--net", "--mount", "--propagation", "private", "--uts", "--pid", "--kill-child=KILL"];
    this.#server = start([...TIED, ...server, "sh", join(import.meta.dirname, "server-tree.sh")], "pipe");
    const world = ["unshare", "--net", process.execPath, join(import.meta.dirname, "world-main.ts")];
    this.#world = start([...TIED, ...world], "ipc");
    this.#world.on("message", (reply: Reply) => this.#onReply(reply));
  }

  /** A server with these daemons and rsyslogd, and journald when it is among them, each ready to be connected to. */
  static async start(...names: readonly (DaemonName | "journald")[]): Promise<Rig> {
    const rig = new Rig();
    try {
      await Promise.all([ready(rig.#server, "data"), ready(rig.#world, "message")]);
      await joinNetworks(rig.#server.pid!, rig.#world.pid!);
      await configureNetwork(rig.#server.pid!, SERVER_NETWORK);
      await configureNetwork(rig.#world.pid!, WORLD_NETWORK);
      writeServerFiles(rig.path("/"));
      if (names.includes("journald")) await rig.#startJournald();
      await rig.#startRsyslogd();
      await Promise.all(names.filter((name) => name !== "journald").map((name) => rig.startDaemon(name)));
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts one more daemon. */
  async startDaemon(name: DaemonName): Promise<void> {
    const daemon: Daemon = DAEMONS[name];
    writeDaemonFiles(this.path("/"), daemon);
    this.#run(name, daemon.words, daemon.environment);
    await this.#until(name, () => this.#isListening(daemon.port));
  }

  /** Runs a program on the server. @returns what it wrote. @throws Error with what it said when it failed */
  run(words: readonly string[], user = "root"): Promise<string> {
    return runProgram([...this.#inside(), "setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", ...words]);
  }

  /** Where a file of the server is to be found from outside. */
  path(path: string): string {
    return join(`/proc/${this.#server.pid}/root`, path);
  }

  /** Logs in, or tries to. */
  logIn(service: Service, visitor: Visitor): Promise<Answer> {
    return this.#ask(service, loginOf(service, visitor));
  }

  /** So many logins with a wrong password at the same time. @returns what came of each */
  attack(service: Service, times: number, visitor: Visitor): Promise<Answer[]> {
    const wrong = { password: "letmein", ...visitor };
    return Promise.all(Array.from({ length: times }, () => this.logIn(service, wrong)));
  }

  /** Asks the web server. @returns the status of the answer, `null` when there was none */
  browse(from: string, path: string, method = "GET"): Promise<number | null> {
    return this.#ask("web", { from, to: serverFor(from), port: 80, path, method });
  }

  /** Whether a connection can be made within less than a second. */
  canConnect(from: string, port: number): Promise<boolean> {
    return this.#ask("canConnect", { from, to: serverFor(from), port });
  }

  /** Whether the server gets no packet of an address. */
  isDropped(from: string): Promise<boolean> {
    return this.#ask("isDropped", { from, to: serverFor(from), port: CLOSED_PORT });
  }

  /** Waits until the server gets no packet of an address, or gets them again. */
  async untilDropped(from: string, isDropped = true): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while ((await this.isDropped(from)) !== isDropped) {
      if (Date.now() > deadline) throw new Error(`${from} is ${isDropped ? "not " : ""}dropped after ${WAIT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A connection that stays open. */
  async hold(from: string, port: number): Promise<Held> {
    return this.#held(await this.#ask("hold", { from, to: serverFor(from), port }));
  }

  /** An ssh session that stays open. */
  async holdSsh(visitor: Visitor): Promise<Held> {
    return this.#held(await this.#ask("holdSsh", loginOf("ssh", visitor)));
  }

  /** Lines of a log below /var/log that match, once there are so many. */
  async lines(log: string, pattern: RegExp, count: number): Promise<string[]> {
    const path = this.path(`/var/log/${log}`);
    const matching = (): string[] =>
      existsSync(path)
        ? readFileSync(path, "utf8")
            .split("\n")
            .filter((line) => pattern.test(line))
        : [];
    await waitFor(() => matching().length >= count, `${count} lines of ${log} like ${pattern}`, WAIT_MS);
    return matching();
  }

  /** As logrotate does for rsyslogd: another name for the old file, then the signal to open a new one. */
  rotate(log: string): void {
    const path = this.path(`/var/log/${log}`);
    renameSync(path, `${path}.1`);
    for (const pid of childrenOf(this.#daemons.get("rsyslogd")!.pid!)) process.kill(pid, "SIGHUP");
  }

  /** `garrison up` on the server. Its folders are outside, so that its commands see the same. */
  garrison(options: HostOptions = {}): Promise<Host> {
    return Host.start({ ...options, wrapper: this.#inside() });
  }

  /** Everything that the rig runs. */
  get pids(): number[] {
    const own = [this.#server, this.#world, ...this.#daemons.values()].map(({ pid }) => pid!);
    return [...own, ...own.flatMap(childrenOf)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const journald = this.#daemons.get("journald");
    await Promise.all([this.#server, this.#world, ...(journald === undefined ? [] : [journald])].map(endProcess));
    // The others were killed with the server; whoever started them reaps them.
    await Promise.all([...this.#daemons.values()].map(whenEnded));
  }

  async #startRsyslogd(): Promise<void> {
    const socket = this.#daemons.has("journald") ? "/run/systemd/journal/syslog" : "/dev/log";
    this.#run("rsyslogd", RSYSLOGD);
    await this.#until("rsyslogd", () => existsSync(this.path(socket)));
  }

  /** With the host's pids, for it looks senders up in /proc; and without a say in the kernel's audit. */
  async #startJournald(): Promise<void> {
    writeJournalFiles(this.path("/"));
    const words = [...this.#inside(), "setpriv", "--bounding-set=-audit_control,-audit_read", ...JOURNALD];
    this.#daemons.set("journald", start(words, "ignore"));
    await this.#until("journald", () => existsSync(this.path("/run/systemd/journal/dev-log")));
  }

  /** Words in front of a program of the server. */
  #inside(): string[] {
    return [...TIED, ...entering(this.#server.pid!, ["net", "mount", "uts"])];
  }

  #run(name: string, words: readonly string[], environment: Daemon["environment"] = {}): void {
    // With pids of the server's own, so that all of them end with its first process.
    const pids = ["nsenter", `--pid=/proc/${this.#server.pid}/ns/pid_for_children`];
    this.#daemons.set(name, start([...this.#inside(), ...pids, ...words], "ignore", environment));
  }

  /** Looked up, for a connection would be in the logs. */
  #isListening(port: number): boolean {
    const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
    const sockets = ["tcp", "tcp6"].map((name) => readFileSync(`/proc/${this.#server.pid}/net/${name}`, "latin1"));
    return sockets.some((text) => text.split("\n").some((line) => line.includes(local) && / 0A /.test(line)));
  }

  async #until(name: string, isReady: () => boolean): Promise<void> {
    const child = this.#daemons.get(name)!;
    const said = collect(child);
    while (!isReady()) {
      if (child.exitCode !== null) throw new Error(`Cannot start ${name}: ${said()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #ask<Deed extends keyof Deeds>(deed: Deed, about: Parameters<Deeds[Deed]>[0]): ReturnType<Deeds[Deed]> {
    const id = ++this.#lastQuestion;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    this.#world.send({ id, deed, about });
    return answer.promise as ReturnType<Deeds[Deed]>;
  }

  #onReply(reply: Reply): void {
    const answer = this.#answers.get(reply.id);
    this.#answers.delete(reply.id);
    if ("error" in reply) answer?.reject(new Error(reply.error));
    else answer?.resolve(reply.value);
  }

  #held(id: number): Held {
    return { isOpen: () => this.#ask("isOpen", id), close: () => this.#ask("close", id) };
  }
}

/** One end of the wire. Neighbours are told, for IPv6 finds none before its link-local address is a second old. */
function plug(hardware: string, address: string, ipv6: string): string[] {
  return [
    "link set lo up",
    `link set eth0 address ${hardware} addrgenmode none up`,
    `address add ${address} dev eth0`,
    `address add ${ipv6} dev eth0 nodad`,
  ];
}

function loginOf(service: Service, visitor: Visitor): Login {
  return { to: serverFor(visitor.from), port: PORTS[service], user: "alice", password: PASSWORD, ...visitor };
}

function serverFor(from: string): string {
  return from.includes(":") ? SERVER_IPV6 : SERVER;
}

function start(words: readonly string[], first: "ignore" | "pipe" | "ipc", environment = {}): ChildProcess {
  return spawn(words[0]!, words.slice(1), {
    stdio: first === "ipc" ? ["ignore", "inherit", "inherit", "ipc"] : [first, "pipe", "pipe"],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
  });
}

/** Waits for the first word of a helper. @throws Error with what it said when it ends instead */
async function ready(child: ChildProcess, event: "data" | "message"): Promise<void> {
  const said = collect(child);
  const ended = once(child, "close").then(() => {
    throw new Error(`Cannot make the namespaces of a rig: ${said()}`);
  });
  await Promise.race([event === "data" ? once(child.stdout!, "data") : once(child, "message"), ended]);
  ended.catch(() => {});
}
