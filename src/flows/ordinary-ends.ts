/** Services that the caller says are ordinary: by port, and by address and port. Pure. */
import { containsNetwork, type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { bytesOf } from "./address.ts";
import type { FlowEnds } from "./ftp/ftp-relations.ts";

/** Most of them at a time. */
export const MAX_ORDINARY = 200;

/** One service. */
export interface OrdinaryEnd {
  /** `null`: both. */
  readonly proto: "tcp" | "udp" | null;
  /** `null`: any address. */
  readonly network: IpNetwork | null;
  readonly port: number;
}

/** `3306`, `udp/5353`, `192.0.2.7:3306`, `tcp/[2001:db8::]/32:3306`. @throws SyntaxError */
export function parseOrdinaryEnd(text: string): OrdinaryEnd {
  const [, proto, address, port] = /^(?:(tcp|udp)\/)?(?:(.{1,64}):)?(\d{1,5})$/.exec(text) ?? [];
  const network = address === undefined ? null : parseNetwork(address.replace(/^\[(.*)\]/, "$1"));
  const number = Number(port ?? 0);
  if (number < 1 || number > 65_535 || (address !== undefined && network === null)) {
    throw new SyntaxError(
      `Cannot take "${text}" as ordinary: expected a port, "udp/5353", "192.0.2.7:3306" or "[2001:db8::7]:3306"`,
    );
  }
  return { proto: proto === "tcp" || proto === "udp" ? proto : null, network, port: number };
}

/** Whether a flow leads to one of them: its answering end, and any end of one whose begin was not captured. */
export class OrdinaryEnds {
  readonly #byPort: ReadonlyMap<number, readonly OrdinaryEnd[]>;

  constructor(ends: readonly OrdinaryEnd[]) {
    this.#byPort = Map.groupBy(ends, ({ port }) => port);
  }

  has(
    { isIpv6, a, b }: FlowEnds,
    { isUdp, isOpened }: { readonly isUdp: boolean; readonly isOpened: boolean },
  ): boolean {
    if (this.#byPort.size === 0) return false;
    const isOrdinary = ({ address, port }: FlowEnds["a"]): boolean =>
      (this.#byPort.get(port) ?? []).some(({ proto, network }) => {
        if (proto !== null && proto !== (isUdp ? "udp" : "tcp")) return false;
        if (network === null) return true;
        const bytes = bytesOf(address).subarray(0, isIpv6 ? 16 : 4);
        return containsNetwork(network, { family: isIpv6 ? 6 : 4, bytes, prefix: isIpv6 ? 128 : 32 });
      });
    return isOrdinary(b) || (!isOpened && isOrdinary(a));
  }
}
