/**
 * What the kernel has of one table of nf_tables, family inet.
 * Kernel interface: nfnetlink dumps. Since: 3.13; inet 3.14. Needs: CAP_NET_ADMIN. Without: EPERM. Cost: one dump for each kind of thing.
 * Blinded by: what changes between two of them.
 */
import { errnoOf } from "#src/lib/errors.ts";
import type { NetlinkSocket } from "./netlink.ts";
import { attributeText, type NetlinkMessage, readAttributes } from "./netlink-messages.ts";
import { NFT_MSG, NFTA, nfDumpRequest } from "./nf-tables-messages.ts";

const NFPROTO_INET = 1;

/** Reads through a socket of its caller. */
export class NfTableReader {
  readonly #socket: NetlinkSocket;
  readonly #table: string;

  constructor(socket: NetlinkSocket, table: string) {
    this.#socket = socket;
    this.#table = table;
  }

  /** @param set only of this one @returns `false`: there is no such table or set @throws GarrisonError `GARRISON_NETLINK_ERROR` */
  dump(
    message: Parameters<typeof nfDumpRequest>[0],
    see: (message: NetlinkMessage) => void,
    set: string | undefined = undefined,
  ): boolean {
    try {
      this.#socket.dump(nfDumpRequest(message, this.#table, set), `read table ${this.#table}`, see);
      return true;
    } catch (error) {
      if (errnoOf((error as Error).cause) !== "ENOENT") throw error;
      return false;
    }
  }

  /** Handles of all that makes up the table: a table made anew has others. Empty when there is none. */
  structure(): string {
    const parts: string[] = [];
    for (const [message, handle] of [
      [NFT_MSG.getChain, NFTA.chainHandle],
      [NFT_MSG.getRule, NFTA.handle],
      [NFT_MSG.getSet, NFTA.setHandle],
    ] as const) {
      this.dump(message, ({ body }) => {
        const found = readAttributes(body.subarray(4));
        if (body[0] !== NFPROTO_INET || attributeText(found.get(NFTA.table)) !== this.#table) return;
        parts.push(`${message}:${found.get(handle)?.toString("hex")}`);
      });
    }
    return parts.join(" ");
  }
}
