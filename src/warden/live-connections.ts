/**
 * Ends what blocked addresses have open: their TCP connections to this host, and what connection tracking knows of them. It comes
 * behind the answer, for all blocks of a moment at once: the packets are dropped already. At most 10,000 networks wait.
 */

import { deleteConntrack } from "#src/linux/conntrack.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import { endConnections, listConnections, matcherOf, type TcpConnection } from "#src/linux/tcp-connections.ts";

const GATHER_MS = 20;
const MAX_WAITING = 10_000;

type Blocked = Pick<BlockedNetwork, "network" | "port">;

/** Gathers, then ends. The owner disposes it. */
export class LiveConnections implements Disposable {
  readonly #onFailure: (error: unknown) => void;
  #waiting: Blocked[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** @param onFailure the kernel cannot, or we may not */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Ends what these have open, soon. */
  end(blocked: readonly Blocked[]): void {
    this.#waiting.push(...blocked.slice(0, MAX_WAITING - this.#waiting.length));
    this.#timer ??= setTimeout(() => this.#endNow(), GATHER_MS);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #endNow(): void {
    this.#timer = null;
    const blocked = this.#waiting;
    this.#waiting = [];
    const networks = blocked.map(({ network }) => network);
    const whole = blocked.filter(({ port }) => port === null).map(({ network }) => network);
    for (const run of [
      () => endConnections(listConnections(networks).filter(affectedBy(blocked))),
      () => deleteConntrack(whole),
    ]) {
      try {
        run();
      } catch (error) {
        this.#onFailure(error);
      }
    }
  }
}

/** Whether a connection is to a port that is blocked for its other end. */
function affectedBy(blocked: readonly Blocked[]): (connection: TcpConnection) => boolean {
  const byPort = new Map<number | null, Blocked[]>();
  for (const one of blocked) {
    const others = byPort.get(one.port);
    if (others === undefined) byPort.set(one.port, [one]);
    else others.push(one);
  }
  const matchers = new Map([...byPort].map(([port, some]) => [port, matcherOf(some.map(({ network }) => network))]));
  return ({ remote, localPort }) => matchers.get(null)?.(remote) === true || matchers.get(localPort)?.(remote) === true;
}
