/**
 * Whether addresses or routes of this network namespace have changed since it was last asked.
 * Kernel interface: NETLINK_ROUTE, the groups of links, addresses and routes. Since: always. Needs: nothing.
 * Cost: one read that finds nothing (1 µs) each time it is asked; while nobody asks, what is told waits in the kernel, up to the socket's
 * buffer; what does not fit there counts as a change.
 * Blinded by: other network namespaces.
 * @see rtnetlink(7)
 */
import { errnoOf } from "#src/lib/errors.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";

// A link that goes down takes its IPv4 routes along, which the kernel does not tell one by one.
const GROUPS = { link: 1, address4: 5, route4: 7, address6: 9, route6: 11 } as const;

/** Hears of changes from its making on; the owner disposes it. */
export class NetworkChanges implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK.route);

  /** @throws GarrisonError `GARRISON_SYSCALL` */
  constructor() {
    for (const group of Object.values(GROUPS)) this.#socket.join(group);
  }

  /** Takes all that waits. @throws GarrisonError `GARRISON_SYSCALL` */
  takeChanged(): boolean {
    let hasChanged = false;
    for (;;) {
      try {
        if (this.#socket.receive() === null) return hasChanged;
        hasChanged = true;
      } catch (error) {
        if (errnoOf((error as Error).cause) !== "ENOBUFS") throw error;
        hasChanged = true;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
