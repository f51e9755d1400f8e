/**
 * Listening ports. The tracepoint gives the moment, sock_diag the truth, a slow dump the reconciliation.
 * See README.md in this folder for what it sees and cannot see.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { AsyncQueue } from "#src/lib/async-queue.ts";
import { errorText } from "#src/lib/errors.ts";
import { classifyBindAddress } from "#src/lib/ip-address.ts";
import { sharedPoller } from "#src/linux/poll.ts";
import { readActor, readProcText } from "#src/linux/proc.ts";
import { SockDiag } from "#src/linux/sock-diag.ts";
import type { InetSocket } from "#src/linux/sock-diag-messages.ts";
import { findSocketOwners, holdsSocket } from "#src/linux/socket-owners.ts";
import { type ListenChange, parseListenChange, parseLostEvents } from "#src/linux/trace-text.ts";
import { findTracefs, TraceInstance } from "#src/linux/tracefs.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import type { ListenersOptions } from "./config.ts";
import { isEphemeral, listenerKey, type PortRange, parsePortRange, parseProcNetListeners } from "./parse.ts";

type Fact = Observation | Census;
const MAX_QUEUED = 10_000;
const TCP_LISTEN = 10;
// A data port of an FTP client, a test server: what the kernel numbered must stay this long to be a listener.
const EPHEMERAL_TCP_SETTLE_MS = 800;
const UDP_DUMP_MS = 500;
const TCP_DUMP_MS = 10_000;
const TCP_DUMP_WITHOUT_TRACE_MS = 500;

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    using watcher = new ListenerWatcher(context);
    await watcher.start();
    context.signal.addEventListener("abort", () => watcher.queue.end());
    yield* watcher.queue;
  },
};

class ListenerWatcher implements Disposable {
  readonly queue: AsyncQueue<Fact>;
  readonly #context: SensorContext;
  readonly #options: ListenersOptions;
  readonly #diag = new SockDiag();
  readonly #range: PortRange;
  /** Sockets already told of or waiting to settle, by inode. */
  readonly #known = new Map<number, string>();
  readonly #facts = new Map<string, Observation>();
  readonly #missing = new Set<string>();
  #trace: TraceInstance | undefined;

  constructor(context: SensorContext) {
    this.#context = context;
    this.#options = context.options as unknown as ListenersOptions;
    this.#range = parsePortRange(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1"));
    this.queue = new AsyncQueue(MAX_QUEUED, (count) => context.count("dropped", count));
  }

  async start(): Promise<void> {
    const blindTo = this.#openTrace();
    const sockets = this.#diag.listeners().filter((socket) => !this.#isTransientUdp(socket));
    await this.#learnOwners(sockets);
    this.queue.push({
      sensor: "listeners",
      group: "host",
      type: "census",
      keys: [...this.#facts.keys()],
      atUnixMs: Date.now(),
    });
    this.#context.sight({
      state: this.#trace === undefined ? "degraded" : "watching",
      sees: [
        this.#trace === undefined
          ? `TCP listeners by sock_diag each ${TCP_DUMP_WITHOUT_TRACE_MS} ms`
          : "TCP listeners by tracepoint sock/inet_sock_set_state, verified by sock_diag",
        `UDP listeners by sock_diag each ${UDP_DUMP_MS} ms`,
      ],
      blindTo: [...blindTo, `UDP listeners that live less than ${UDP_DUMP_MS} ms`, "packet and raw sockets"],
    });
    this.#repeat(UDP_DUMP_MS, () => this.#reconcile("udp"));
    this.#repeat(this.#trace === undefined ? TCP_DUMP_WITHOUT_TRACE_MS : TCP_DUMP_MS, () => this.#reconcile("tcp"));
  }

  [Symbol.dispose](): void {
    if (this.#trace !== undefined) {
      sharedPoller().remove(this.#trace.fd);
      this.#trace[Symbol.dispose]();
    }
    this.#diag[Symbol.dispose]();
  }

  #openTrace(): string[] {
    const tracefs = findTracefs();
    const short = "TCP listeners that live less than 500 ms, and listeners of other network namespaces";
    if (tracefs === undefined) return [`${short}: tracefs is not mounted`];
    try {
      const trace = TraceInstance.open(tracefs, "garrison", {
        event: "sock/inet_sock_set_state",
        filter: `oldstate==${TCP_LISTEN} || newstate==${TCP_LISTEN}`,
      });
      this.#trace = trace;
      sharedPoller().add(trace.fd, () => this.#readTrace(trace));
      return ["listeners of other network namespaces that began before Garrison"];
    } catch (error) {
      return [`${short}: ${errorText(error)}`];
    }
  }

  #repeat(everyMs: number, run: () => void): void {
    this.#context.after(everyMs, () => {
      run();
      this.#repeat(everyMs, run);
    });
  }

  #readTrace(trace: TraceInstance): void {
    for (const line of trace.readLines()) {
      const change = parseListenChange(line);
      if (change !== undefined) this.#onChange(change);
      const lost = parseLostEvents(line);
      if (lost > 0) {
        this.#context.count("lost", lost);
        this.#reconcile("tcp");
      }
    }
  }

  #onChange(change: ListenChange): void {
    this.#context.count("events", 1);
    // The actor first: a listener may live for a few milliseconds only.
    const actor = change.listening ? readActor(change.pid) : null;
    const sockets = this.#diag.listeners(["tcp"]);
    if (!change.listening) return this.#noticeGone(sockets, "tcp");
    const fresh = sockets.filter((socket) => !this.#known.has(socket.inode));
    const own = fresh.filter((socket) => holdsSocket(change.pid, socket.inode));
    for (const socket of own.length > 0 ? own : fresh) this.#found(socket, actor);
    if (fresh.length === 0) this.#foundElsewhere(change, actor);
  }

  /** Nothing new in our own namespace: it is in another one, it is gone already, or it is known. */
  #foundElsewhere(change: ListenChange, actor: Actor | null): void {
    const namespace = readNamespace(change.pid);
    if (namespace !== null && namespace !== readNamespace(process.pid)) {
      const path = `/proc/${change.pid}/net/tcp${change.family === 6 ? "6" : ""}`;
      const sockets = parseProcNetListeners(readProcText(path) ?? "", change.family);
      for (const socket of sockets.filter((one) => holdsSocket(change.pid, one.inode)))
        this.#emit(socket, actor, namespace, false);
    } else if (change.port !== 0 && !isEphemeral(change.port, this.#range) && !this.#holdsPort(change.port)) {
      const { family, address, port } = change;
      this.#emit({ protocol: "tcp", family, address, port, uid: actor?.uid ?? 0, inode: 0 }, actor, "host", false);
    }
  }

  #holdsPort(port: number): boolean {
    return [...this.#facts.values()].some((fact) => fact.facts?.["port"] === port);
  }

  #reconcile(protocol: "tcp" | "udp"): void {
    const sockets = this.#diag.listeners([protocol]).filter((socket) => !this.#isTransientUdp(socket));
    const fresh = sockets.filter((socket) => !this.#known.has(socket.inode));
    if (fresh.length > 0) void this.#learnOwners(fresh).catch((error) => this.#context.fail(error));
    this.#noticeGone(sockets, protocol);
  }

  /** Sockets that no event told of: their owners are looked up by walking /proc. */
  async #learnOwners(sockets: readonly InetSocket[]): Promise<void> {
    for (const socket of sockets) this.#known.set(socket.inode, "");
    const owners = await findSocketOwners(new Set(sockets.map((socket) => socket.inode)));
    for (const socket of sockets) this.#found(socket, readActor(owners.get(socket.inode) ?? 0), true);
  }

  #found(socket: InetSocket, actor: Actor | null, scanned = false): void {
    const key = listenerKey(socket, actor?.exe ?? null, this.#range, "host");
    this.#known.set(socket.inode, key);
    this.#missing.delete(key);
    if (this.#facts.has(key)) return;
    if (scanned || socket.protocol === "udp" || !isEphemeral(socket.port, this.#range))
      return this.#emit(socket, actor, "host", scanned);
    this.#context.after(EPHEMERAL_TCP_SETTLE_MS, () => {
      const stays = this.#diag.listeners(["tcp"]).some((one) => one.inode === socket.inode);
      if (stays && !this.#facts.has(key)) this.#emit(socket, actor, "host", false);
    });
  }

  #emit(socket: InetSocket, actor: Actor | null, namespace: string, scanned: boolean): void {
    const key = listenerKey(socket, actor?.exe ?? null, this.#range, namespace);
    const { protocol, address, port, uid } = socket;
    const fact: Observation = {
      sensor: "listeners",
      type: "present",
      key,
      group: namespace === "host" ? "host" : "namespaces",
      subject: { type: "socket", protocol, address, port },
      facts: {
        protocol,
        address,
        port,
        addressClass: classifyBindAddress(address),
        ephemeral: isEphemeral(port, this.#range),
        exe: actor?.exe ?? null,
        uid,
        pid: actor?.pid ?? null,
        unit: actor?.unit ?? null,
        container: actor?.container ?? null,
        namespace,
      },
      who: actor,
      atUnixMs: Date.now(),
      scanned,
    };
    if (namespace === "host" && socket.inode !== 0) this.#facts.set(key, fact);
    this.queue.push(fact);
  }

  /** A listener that is away may be a service that restarts: it is told when it stays away. */
  #noticeGone(sockets: readonly InetSocket[], protocol: "tcp" | "udp"): void {
    const alive = new Set(sockets.map((socket) => socket.inode));
    for (const [inode, key] of this.#known) {
      const protocolOfKey = this.#facts.get(key)?.facts?.["protocol"];
      if (!alive.has(inode) && (protocolOfKey === protocol || protocolOfKey === undefined))
        this.#forgetInode(inode, key, protocol);
    }
  }

  #forgetInode(inode: number, key: string, protocol: "tcp" | "udp"): void {
    const fact = this.#facts.get(key);
    // A socket that still settles, or waits for its owner, belongs to the dump of its own protocol.
    if (fact === undefined && protocol === "udp") return;
    this.#known.delete(inode);
    if (fact === undefined || [...this.#known.values()].includes(key) || this.#missing.has(key)) return;
    this.#missing.add(key);
    this.#context.after(this.#options.goneAfterMs, () => {
      if (!this.#missing.delete(key)) return;
      this.#facts.delete(key);
      this.queue.push({ ...fact, type: "absent", who: null, atUnixMs: Date.now(), scanned: true });
    });
  }

  /** Unconnected UDP sockets with a port of the kernel's choice are clients that wait for an answer. */
  #isTransientUdp(socket: InetSocket): boolean {
    return socket.protocol === "udp" && isEphemeral(socket.port, this.#range) && !this.#isLongLived(socket);
  }

  readonly #firstSeen = new Map<number, number>();

  #isLongLived(socket: InetSocket): boolean {
    const now = performance.now();
    const firstSeen = this.#firstSeen.get(socket.inode);
    if (firstSeen !== undefined) return now - firstSeen > this.#options.udpClientMs;
    if (this.#firstSeen.size > MAX_QUEUED) this.#firstSeen.clear();
    this.#firstSeen.set(socket.inode, now);
    return false;
  }
}

function readNamespace(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}
