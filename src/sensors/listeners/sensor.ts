/**
 * Listening ports. The tracepoint gives the moment, sock_diag the truth, a slow dump the reconciliation.
 * See README.md in this folder for what it sees and cannot see.
 */
import { readFileSync } from "node:fs";
import { AsyncQueue, queueIsFull } from "#src/lib/async-queue.ts";
import { errorText } from "#src/lib/errors.ts";
import { ActorCache } from "#src/linux/actor-cache.ts";
import { ListeningSockets } from "#src/linux/listening-sockets.ts";
import { listNetNamespaces, readNetNamespace } from "#src/linux/net-namespace.ts";
import { sharedPoller } from "#src/linux/poll.ts";
import { readActor, readThreadGroup, whyExesAreHidden } from "#src/linux/proc.ts";
import type { DiagProtocol } from "#src/linux/sock-diag-messages.ts";
import { findSocketOwners, holdsSocket } from "#src/linux/socket-owners.ts";
import { type ListenChange, parseListenChange, parseLostEvents } from "#src/linux/trace-text.ts";
import { findTracefs, TraceInstance } from "#src/linux/tracefs.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Fact, Observation } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import type { ListenersOptions } from "./config.ts";
import { type FollowedSocket, HOST, LISTED_GROUPS, ListenerTable, type Moment } from "./listener-table.ts";
import { type ListeningSocket, parsePortRange } from "./parse.ts";

const MAX_QUEUED = 50_000;
const TCP_LISTEN = 10;
// Each dump costs 1 ms with the wake-up for it.
const UDP_DUMP_MS = 1000;
const TCP_DUMP_MS = 10_000;
const TCP_DUMP_WITHOUT_TRACE_MS = 500;
const NAMESPACES_DUMP_MS = 30_000;
// How often newcomers that must settle are looked at again.
const SETTLE_LOOK_MS = 200;
// Each line may cost a look into /proc: a flood of them is taken in slices.
const SLICE_MS = 8;

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    await using watcher = new ListenerWatcher(context);
    context.signal.addEventListener("abort", () => watcher.queue.end());
    await watcher.start();
    yield* watcher.queue;
  },
};

/** A listener that began, with who it was at once: it may live for a few milliseconds only. */
interface Begun extends ListenChange {
  readonly pid: number;
  readonly actor: Actor | null;
  readonly namespace: string;
}

class ListenerWatcher implements AsyncDisposable {
  readonly queue: AsyncQueue<Fact>;
  readonly #context: SensorContext;
  readonly #options: ListenersOptions;
  readonly #sockets = new ListeningSockets();
  readonly #actors = new ActorCache();
  readonly #table: ListenerTable;
  readonly #ownNamespace = readNetNamespace("self");
  #trace: TraceInstance | undefined;
  #lines: string[] = [];
  #isSettlePlanned = false;

  constructor(context: SensorContext) {
    this.#context = context;
    this.#options = context.options as unknown as ListenersOptions;
    const { goneAfterMs, udpClientMs } = this.#options;
    const range = parsePortRange(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1"));
    this.#table = new ListenerTable({ range, goneAfterMs, udpClientMs });
    this.queue = new AsyncQueue(MAX_QUEUED, () => context.fail(queueIsFull(MAX_QUEUED)));
  }

  /** Events are taken from the first moment on, so that nothing is missed between them and the first list. */
  async start(): Promise<void> {
    const blindTo = this.#openTrace();
    this.#listOwn(true);
    this.#listNamespaces(true);
    await this.#tellDue();
    this.#sight(blindTo);
    this.#repeat(UDP_DUMP_MS, () => this.#reconcile(["udp"]));
    this.#repeat(this.#trace === undefined ? TCP_DUMP_WITHOUT_TRACE_MS : TCP_DUMP_MS, () => this.#reconcile(["tcp"]));
    this.#repeat(NAMESPACES_DUMP_MS, () => this.#listNamespaces(false));
    // At boot services still come up: what is away is gone only after the time that a restart has.
    this.#context.after(this.#options.goneAfterMs, () => this.#pushCensus());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#trace !== undefined) {
      await sharedPoller().remove(this.#trace.fd);
      this.#trace[Symbol.dispose]();
    }
    this.#sockets[Symbol.dispose]();
  }

  #openTrace(): string[] {
    const tracefs = findTracefs();
    const short = `TCP listeners that live less than ${TCP_DUMP_WITHOUT_TRACE_MS} ms`;
    if (tracefs === undefined) return [`${short}: tracefs is not mounted`];
    try {
      const filter = `oldstate==${TCP_LISTEN} || newstate==${TCP_LISTEN}`;
      const trace = TraceInstance.open(tracefs, "garrison", [{ event: "sock/inet_sock_set_state", filter }]);
      this.#trace = trace;
      sharedPoller().add(trace.fd, {
        onReadable: () => this.#readTrace(trace),
        onError: (error) => this.#context.fail(error),
      });
      return [];
    } catch (error) {
      return [`${short}: ${errorText(error)}`];
    }
  }

  #sight(blindTo: readonly string[]): void {
    const hidden = whyExesAreHidden();
    const { whyNoDiag } = this.#sockets;
    const source = whyNoDiag === null ? "sock_diag" : `/proc/net (${whyNoDiag})`;
    const isFull = this.#trace !== undefined && hidden === null;
    this.#context.sight({
      state: isFull ? "watching" : "degraded",
      sees: [
        this.#trace === undefined
          ? `TCP listeners by ${source} each ${TCP_DUMP_WITHOUT_TRACE_MS} ms`
          : `TCP listeners by tracepoint sock/inet_sock_set_state, verified by ${source}`,
        `UDP listeners by ${source} each ${UDP_DUMP_MS} ms`,
        `listeners of other network namespaces each ${NAMESPACES_DUMP_MS / 1000} s, TCP ones by the tracepoint too`,
      ].slice(0, hidden === null ? 3 : 2),
      blindTo: [
        ...(hidden === null
          ? []
          : [`programs of other users behind a listener, and other network namespaces: ${hidden}`]),
        ...blindTo,
        `UDP listeners that live less than ${UDP_DUMP_MS} ms`,
        "packet, raw and SCTP sockets",
      ],
    });
  }

  #repeat(everyMs: number, run: () => void): void {
    this.#context.after(everyMs, () => {
      run();
      this.#repeat(everyMs, run);
    });
  }

  #readTrace(trace: TraceInstance): void {
    const isIdle = this.#lines.length === 0;
    // While lines wait the kernel keeps the rest, and says how many it had to drop.
    if (isIdle) this.#lines = trace.readLines();
    if (isIdle) this.#takeLines();
  }

  #takeLines(): void {
    if (this.#context.signal.aborted) return;
    const untilMs = performance.now() + SLICE_MS;
    const begun: Begun[] = [];
    let taken = 0;
    let lost = 0;
    for (const line of this.#lines) {
      if (performance.now() > untilMs) break;
      taken++;
      const change = parseListenChange(line);
      if (change?.listening === true) begun.push(this.#identify(change));
      lost += parseLostEvents(line);
    }
    this.#lines = this.#lines.slice(taken);
    this.#context.count("events", taken);
    if (lost > 0) this.#context.count("lost", lost);
    this.#takeBegun(begun);
    if (lost > 0) this.#reconcile(["tcp"]);
    if (this.#lines.length > 0) setImmediate(() => this.#takeLinesSafely());
  }

  #takeLinesSafely(): void {
    try {
      this.#takeLines();
    } catch (error) {
      this.#context.fail(error);
    }
  }

  #identify(change: ListenChange): Begun {
    const pid = readThreadGroup(change.threadId);
    const namespace = readNetNamespace(pid);
    const isAway = namespace !== null && this.#ownNamespace !== null && namespace !== this.#ownNamespace;
    return { ...change, pid, actor: this.#actors.read(pid), namespace: isAway ? namespace : HOST };
  }

  /** Finds the sockets behind the listeners that began, and notices those that are gone. */
  #takeBegun(begun: readonly Begun[]): void {
    this.#attribute(begun, HOST, this.#sockets.own(["tcp"]));
    const visited = new Set<string>();
    for (const { namespace, pid } of begun) {
      if (namespace === HOST || visited.has(namespace)) continue;
      visited.add(namespace);
      this.#attribute(begun, namespace, this.#sockets.of(pid, ["tcp"]));
    }
    void this.#tellDue();
  }

  #attribute(begun: readonly Begun[], namespace: string, sockets: readonly ListeningSocket[]): void {
    this.#table.keep(namespace, "tcp", new Set(sockets.map(({ inode }) => inode)), performance.now());
    const fresh = sockets.filter(({ inode }) => !this.#table.isKnown(namespace, inode));
    for (const one of begun) {
      if (one.namespace !== namespace) continue;
      const own = ownSockets(one, fresh).filter(({ inode }) => !this.#table.isKnown(namespace, inode));
      for (const socket of own) this.#follow({ namespace, socket, actor: one.actor, scanned: false });
      if (own.length > 0) continue;
      if (one.port !== 0) this.#tellEnded(one);
      // Without a port there is no telling which it is, when the process has passed it on: its holder is looked for.
      else for (const socket of fresh) this.#follow({ namespace, socket, actor: undefined, scanned: false });
    }
  }

  /** Nothing new listens there: it has ended already, or it is known. */
  #tellEnded({ namespace, family, address, port, actor }: Begun): void {
    const socket: ListeningSocket = { protocol: "tcp", family, address, port, uid: actor?.uid ?? null, inode: 0 };
    if (this.#table.isListening(namespace, socket)) return;
    const ended = { namespace, socket, actor, scanned: false };
    this.#push(this.#table.tellEnded(ended, now()));
  }

  #follow(followed: FollowedSocket, isFirst = false): void {
    if (this.#table.isKnown(followed.namespace, followed.socket.inode)) return;
    if (!this.#table.follow(followed, performance.now(), isFirst)) this.#context.count("notKept", 1);
  }

  /** UDP has its dump, which looks by itself. */
  #planSettle(): void {
    if (this.#isSettlePlanned || !this.#table.isWaiting("tcp")) return;
    this.#isSettlePlanned = true;
    this.#context.after(SETTLE_LOOK_MS, () => {
      this.#isSettlePlanned = false;
      void this.#tellDue();
    });
  }

  #reconcile(protocols: readonly DiagProtocol[]): void {
    this.#listOwn(false, protocols);
    void this.#tellDue();
    for (const gone of this.#table.takeGone(now())) this.queue.push(gone);
  }

  #listOwn(isFirst: boolean, protocols: readonly DiagProtocol[] = ["tcp", "udp"]): void {
    this.#list(HOST, this.#sockets.own(protocols), protocols, isFirst);
  }

  #listNamespaces(isFirst: boolean): void {
    const namespaces = listNetNamespaces();
    this.#table.keepNamespaces(new Set(namespaces.keys()), performance.now());
    for (const [namespace, pid] of namespaces) {
      this.#list(namespace, this.#sockets.of(pid, ["tcp", "udp"]), ["tcp", "udp"], isFirst);
    }
  }

  #list(
    namespace: string,
    sockets: readonly ListeningSocket[],
    protocols: readonly DiagProtocol[],
    isFirst: boolean,
  ): void {
    for (const protocol of protocols) {
      const alive = sockets.filter((socket) => socket.protocol === protocol).map(({ inode }) => inode);
      this.#table.keep(namespace, protocol, new Set(alive), performance.now());
    }
    for (const socket of sockets) this.#follow({ namespace, socket, actor: undefined, scanned: true }, isFirst);
  }

  /** Tells what has settled. Sockets that no event told of get their owners by a walk through /proc. */
  async #tellDue(): Promise<void> {
    this.#planSettle();
    const due = this.#table.takeDue(performance.now());
    const unknown = due.filter(({ actor }) => actor === undefined).map(({ socket }) => socket.inode);
    try {
      for (const one of due) if (one.actor !== undefined) this.#push(this.#table.tell(one, one.actor, now()));
      const owners = await findSocketOwners(new Set(unknown));
      for (const one of due) {
        if (one.actor !== undefined) continue;
        const pid = owners.get(one.socket.inode);
        this.#push(this.#table.tell(one, pid === undefined ? null : readActor(pid), now()));
      }
    } catch (error) {
      this.#context.fail(error);
    }
  }

  #pushCensus(): void {
    for (const group of LISTED_GROUPS) {
      const keys = this.#table.keys(group);
      this.queue.push({ sensor: "listeners", group, type: "census", keys, atUnixMs: Date.now() });
    }
  }

  #push(fact: Observation | null): void {
    if (fact !== null) this.queue.push(fact);
  }
}

function now(): Moment {
  return { nowMs: performance.now(), atUnixMs: Date.now() };
}

/** The sockets among the fresh ones that a process has just begun to listen on. */
function ownSockets({ pid, family, address, port }: Begun, fresh: readonly ListeningSocket[]): ListeningSocket[] {
  const candidates = fresh.filter(
    (socket) => socket.family === family && (port === 0 || (socket.port === port && socket.address === address)),
  );
  // One socket at that very address is its; of several (SO_REUSEPORT, no port told) those that it holds.
  return port !== 0 && candidates.length === 1 ? candidates : candidates.filter(({ inode }) => holdsSocket(pid, inode));
}
