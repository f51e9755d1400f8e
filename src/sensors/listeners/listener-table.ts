/**
 * What listens now: sockets as they come and go, and the listeners (one identity, one or more sockets) that were told. Pure: time
 * is given, milliseconds of any steady clock.
 */
import { classifyBindAddress } from "#src/lib/ip-address.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Observation } from "#src/model/observation.ts";
import { isEphemeral, type ListeningSocket, listenerKey, type PortRange } from "./parse.ts";

/** The network namespace of the host itself. */
export const HOST = "host";
/** Most sockets that are followed at once. */
export const MAX_SOCKETS = 20_000;
// A data port of an FTP server, a test server: what the kernel numbered must stay this long to be a listener.
const EPHEMERAL_TCP_SETTLE_MS = 800;
// Resolvers ask from random ports: a UDP socket beyond the system ports must be there at a second dump.
const UDP_SETTLE_MS = 600;
const FIRST_USER_PORT = 1024;
// One that comes and goes all the time is told again so many times at once, and then once in this time.
const MAX_TOLD_AGAIN = 10;
const TOLD_AGAIN_MS = 1000;

/** What the table must know. */
export interface ListenerTableOptions {
  readonly range: PortRange;
  /** How long a listener may be away before it is gone. */
  readonly goneAfterMs: number;
  /** How long a UDP socket on an ephemeral port is a client. */
  readonly udpClientMs: number;
}

/** A socket that is followed. */
export interface FollowedSocket {
  readonly namespace: string;
  readonly socket: ListeningSocket;
  /** Who made it, when an event told; `undefined`: to be looked up. */
  readonly actor: Actor | null | undefined;
  /** Found by a dump, not by an event. */
  readonly scanned: boolean;
}

interface Entry extends FollowedSocket {
  readonly dueMs: number;
  /** Identity, once told. */
  key: string | null;
  isTaken: boolean;
}

interface Member {
  readonly fact: Observation;
  readonly sockets: Set<string>;
  /** When it was told last, and how many more times it may be told at once. */
  readonly toldMs: number;
  readonly timesLeft: number;
  goneSinceMs: number | null;
}

/** One instant by two clocks: a steady one, and the wall's for what is told. */
export interface Moment {
  readonly nowMs: number;
  readonly atUnixMs: number;
}

/** One per sensor. */
export class ListenerTable {
  readonly #options: ListenerTableOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #members = new Map<string, Member>();

  constructor(options: ListenerTableOptions) {
    this.#options = options;
  }

  /** Whether the socket is followed already. */
  isKnown(namespace: string, inode: number): boolean {
    return this.#entries.has(socketId(namespace, inode));
  }

  /** Whether a living socket is followed that listens there. */
  isListening(namespace: string, { protocol, address, port }: ListeningSocket): boolean {
    return [...this.#entries.values()].some(
      (entry) =>
        entry.namespace === namespace &&
        entry.socket.protocol === protocol &&
        entry.socket.port === port &&
        entry.socket.address === address,
    );
  }

  /**
   * Follows a socket from now on.
   * @param isFirst the very first list: what is there has settled
   * @returns `false` when there are too many
   */
  follow(followed: FollowedSocket, nowMs: number, isFirst = false): boolean {
    const id = socketId(followed.namespace, followed.socket.inode);
    if (this.#entries.has(id)) return true;
    if (this.#entries.size >= MAX_SOCKETS) return false;
    const dueMs = nowMs + this.#settleMs(followed.socket, isFirst);
    this.#entries.set(id, { ...followed, dueMs, key: null, isTaken: false });
    return true;
  }

  /** Whether a socket of this protocol has not been told because it must settle. */
  isWaiting(protocol: "tcp" | "udp"): boolean {
    return [...this.#entries.values()].some((entry) => !entry.isTaken && entry.socket.protocol === protocol);
  }

  /** Sockets that have stayed long enough to be told, each once. */
  takeDue(nowMs: number): FollowedSocket[] {
    const due = [...this.#entries.values()].filter((entry) => !entry.isTaken && entry.dueMs <= nowMs);
    for (const entry of due) entry.isTaken = true;
    return due;
  }

  /**
   * Tells of a socket with who holds it.
   * @returns `null` when its listener is there already, or the socket has gone meanwhile. One that was away is told again: the mind
   * knows whether that is ordinary
   */
  tell(followed: FollowedSocket, actor: Actor | null, moment: Moment): Observation | null {
    const { namespace, socket } = followed;
    const id = socketId(namespace, socket.inode);
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    entry.key = listenerKey(socket, actor?.exe ?? null, this.#options.range, namespace === HOST);
    return this.#join(entry.key, followed, actor, moment, [id]);
  }

  /** Tells of a listener that had ended before we looked: it is gone at once. @returns `null` as {@link tell} */
  tellEnded(ended: FollowedSocket, moment: Moment): Observation | null {
    const { namespace, socket, actor = null } = ended;
    if (isEphemeral(socket.port, this.#options.range)) return null;
    const key = listenerKey(socket, actor?.exe ?? null, this.#options.range, namespace === HOST);
    return this.#join(key, ended, actor, moment, []);
  }

  /** Forgets the sockets of a namespace and protocol that are not alive any more. */
  keep(namespace: string, protocol: "tcp" | "udp", alive: ReadonlySet<number>, nowMs: number): void {
    for (const [id, entry] of this.#entries) {
      const isAsked = entry.namespace === namespace && entry.socket.protocol === protocol;
      if (isAsked && !alive.has(entry.socket.inode)) this.#forget(id, entry, nowMs);
    }
  }

  /** Forgets the sockets of other namespaces that are not there any more. */
  keepNamespaces(alive: ReadonlySet<string>, nowMs: number): void {
    for (const [id, entry] of this.#entries) {
      if (entry.namespace !== HOST && !alive.has(entry.namespace)) this.#forget(id, entry, nowMs);
    }
  }

  /** Listeners that have been away too long, each once. */
  takeGone({ nowMs, atUnixMs }: Moment): Observation[] {
    const gone: Observation[] = [];
    for (const [key, { fact, goneSinceMs }] of this.#members) {
      if (goneSinceMs === null || nowMs - goneSinceMs < this.#options.goneAfterMs) continue;
      this.#members.delete(key);
      gone.push({ ...fact, type: "absent", who: null, atUnixMs, scanned: true });
    }
    return gone;
  }

  /** Keys of all listeners of a group that are there or away for a restart. */
  keys(group: string): string[] {
    return [...this.#members].flatMap(([key, { fact }]) => (fact.group === group ? [key] : []));
  }

  #settleMs({ protocol, port }: ListeningSocket, isFirst: boolean): number {
    const isOfKernel = isEphemeral(port, this.#options.range);
    if (protocol === "tcp") return isOfKernel && !isFirst ? EPHEMERAL_TCP_SETTLE_MS : 0;
    if (isOfKernel) return this.#options.udpClientMs;
    return port < FIRST_USER_PORT ? 0 : UDP_SETTLE_MS;
  }

  /** @param ids the socket that it has from now on; none: it has ended */
  #join(
    key: string,
    followed: FollowedSocket,
    actor: Actor | null,
    { nowMs, atUnixMs }: Moment,
    ids: readonly string[],
  ): Observation | null {
    const known = this.#members.get(key);
    const timesLeft =
      known === undefined
        ? MAX_TOLD_AGAIN
        : Math.min(MAX_TOLD_AGAIN, known.timesLeft + (nowMs - known.toldMs) / TOLD_AGAIN_MS);
    const isNews = known === undefined || (known.goneSinceMs !== null && timesLeft >= 1);
    const sockets = new Set([...(known?.sockets ?? []), ...ids]);
    const goneSinceMs = sockets.size === 0 ? nowMs : null;
    if (!isNews) {
      this.#members.set(key, { ...known, sockets, goneSinceMs });
      return null;
    }
    const fact = this.#observe(key, followed, actor, atUnixMs);
    this.#members.set(key, { fact, sockets, toldMs: nowMs, timesLeft: timesLeft - 1, goneSinceMs });
    return fact;
  }

  #forget(id: string, { key }: Entry, nowMs: number): void {
    this.#entries.delete(id);
    const member = key === null ? undefined : this.#members.get(key);
    if (member?.sockets.delete(id) === true && member.sockets.size === 0) member.goneSinceMs = nowMs;
  }

  #observe(key: string, followed: FollowedSocket, actor: Actor | null, atUnixMs: number): Observation {
    const { namespace, socket, scanned } = followed;
    const { protocol, address, port } = socket;
    const ephemeral = isEphemeral(port, this.#options.range);
    return {
      sensor: "listeners",
      type: "present",
      key,
      group: groupOf(namespace, protocol === "udp" && ephemeral),
      subject: { type: "socket", protocol, address, port },
      facts: {
        protocol,
        address,
        port,
        addressClass: classifyBindAddress(address),
        ephemeral,
        exe: actor?.exe ?? null,
        uid: socket.uid ?? actor?.uid ?? null,
        pid: actor?.pid ?? null,
        unit: actor?.unit ?? null,
        container: actor?.container ?? null,
        namespace,
      },
      who: actor,
      atUnixMs,
      scanned,
    };
  }
}

/** Groups that are listed whole at the start. Long-lived UDP clients are not: it takes too long to know them. */
export const LISTED_GROUPS = ["host", "namespaces"] as const;

function groupOf(namespace: string, isUdpClient: boolean): string {
  return `${namespace === HOST ? "host" : "namespaces"}${isUdpClient ? "-udp-clients" : ""}`;
}

function socketId(namespace: string, inode: number): string {
  return `${namespace} ${inode}`;
}
