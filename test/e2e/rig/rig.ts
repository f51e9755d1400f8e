/**
 * A server with real daemons, and a world that attacks it: network namespaces joined by a wire, and for the server a tree of its
 * own (see server-tree.sh). Everything hangs on processes that are killed when the test ends, however it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Host, type HostOptions, waitFor } from "../host.ts";
import { type Answer, CLOSED_PORT, type Login } from "./clients.ts";
import { type DaemonName, PASSWORD } from "./daemons.ts";
import { configureNetwork, endProcess, joinNetworks, PATH, TIED } from "./namespaces.ts";
import { Server } from "./server.ts";
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

/** A way to log in: how it is spoken, and where it is answered. */
const SERVICES = {
  ssh: { speech: "ssh", port: 22 },
  smtp: { speech: "smtp", port: 25 },
  imap: { speech: "imap", port: 143 },
  ftp: { speech: "ftp", port: 21 },
  basic: { speech: "basic", port: 80 },
  wordpress: { speech: "wordpress", port: 80 },
  postfix: { speech: "smtp", port: 587 },
  pureftpd: { speech: "ftp", port: 2121 },
  proftpd: { speech: "ftp", port: 2122 },
  nginx: { speech: "basic", port: 8080 },
} as const satisfies Record<string, { readonly speech: keyof Deeds; readonly port: number }>;

/** Name of a way to log in. */
export type Service = keyof typeof SERVICES;

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
  readonly #server: Server;
  readonly #world: ChildProcess;
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #lastQuestion = 0;

  private constructor(server: Server) {
    this.#server = server;
    const words = [...TIED, "unshare", "--net", process.execPath, join(import.meta.dirname, "world-main.ts")];
    this.#world = spawn(words[0]!, words.slice(1), { stdio: ["ignore", "inherit", "inherit", "ipc"], env: { PATH } });
    this.#world.on("message", (reply: Reply) => this.#onReply(reply));
  }

  /** A server with these daemons and rsyslogd, and journald when it is among them, each ready to be connected to. */
  static async start(...names: readonly (DaemonName | "journald")[]): Promise<Rig> {
    const rig = new Rig(await Server.start());
    try {
      await rig.#worldIsThere();
      await joinNetworks(rig.#server.pid, rig.#world.pid!);
      await configureNetwork(rig.#server.pid, SERVER_NETWORK);
      await configureNetwork(rig.#world.pid!, WORLD_NETWORK);
      await rig.#server.startLogging(names.includes("journald"));
      await Promise.all(names.filter((name) => name !== "journald").map((name) => rig.#server.startDaemon(name)));
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a program on the server. @returns what it wrote. @throws Error with what it said when it failed */
  run(words: readonly string[], user = "root"): Promise<string> {
    return this.#server.run(words, user);
  }

  /** Where a file of the server is to be found from outside. */
  path(path: string): string {
    return this.#server.path(path);
  }

  /** Gives a log of rsyslogd another name, and has a new one opened. */
  rotate(log: string): void {
    this.#server.rotate(log);
  }

  /** Logs in, or tries to. */
  logIn(service: Service, visitor: Visitor): Promise<Answer> {
    return this.#ask(SERVICES[service].speech, loginOf(service, visitor));
  }

  /** So many logins with a wrong password at the same time. @returns what came of each */
  attack(service: Service, times: number, visitor: Visitor): Promise<Answer[]> {
    const wrong = { password: "letmein", ...visitor };
    return Promise.all(Array.from({ length: times }, () => this.logIn(service, wrong)));
  }

  /** Asks the web server. @returns the status of the answer, `null` when there was none */
  browse(from: string, path: string, method = "GET", port = 80): Promise<number | null> {
    return this.#ask("web", { from, to: serverFor(from), port, path, method });
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

  /** `garrison up` on the server. Its folders are outside, so that its commands see the same. */
  garrison(options: HostOptions = {}): Promise<Host> {
    return Host.start({ ...options, wrapper: this.#server.inside });
  }

  /** Pids of the server's keeper, of a daemon, and of the world. */
  pids(daemon: DaemonName): number[] {
    return [this.#server.pid, this.#server.pidOf(daemon), this.#world.pid!];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#server[Symbol.asyncDispose](), endProcess(this.#world)]);
  }

  async #worldIsThere(): Promise<void> {
    const ended = once(this.#world, "close").then(() => Promise.reject(new Error("Cannot start the world of a rig")));
    ended.catch(() => {});
    await Promise.race([once(this.#world, "message"), ended]);
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
  return { to: serverFor(visitor.from), port: SERVICES[service].port, user: "alice", password: PASSWORD, ...visitor };
}

function serverFor(from: string): string {
  return from.includes(":") ? SERVER_IPV6 : SERVER;
}
