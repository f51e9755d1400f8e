/** What is never blocked, whoever asks: pure. Each refusal names its reason. */

import { formatNetwork, type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import { PRIVATE_NETWORKS } from "#src/lib/private-networks.ts";

/** Widest networks; a wider one holds too many who have done nothing. */
const WIDEST = { 4: 16, 6: 32 } as const;
/** IPv6 between a customer's network and one address has no use, and each length costs every packet a look. */
const LONGEST_NETWORK_6 = 64;

const SPECIAL: readonly (readonly [what: string, networks: readonly string[]])[] = [
  ["this host (loopback)", ["127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"]],
  ["addresses of the local link", ["169.254.0.0/16", "fe80::/10"]],
  ["multicast and broadcast", ["224.0.0.0/4", "240.0.0.0/4", "ff00::/8"]],
  ["IPv4 addresses in IPv6", ["::ffff:0:0/96"]],
];

/** What a host must not be cut off from. */
export interface Protected {
  readonly own: readonly IpNetwork[];
  readonly gateways: readonly IpNetwork[];
  readonly resolvers: readonly IpNetwork[];
  readonly hub: readonly IpNetwork[];
  readonly allow: readonly IpNetwork[];
  readonly proxies: readonly IpNetwork[];
}

const REASONS: Readonly<Record<keyof Protected, string>> = {
  own: "an address of this host",
  gateways: "a gateway of this host",
  resolvers: "a resolver of this host",
  hub: "the hub",
  allow: "the allow-list",
  proxies: "a proxy that stands before the web server",
};

/** Why a network is kept, and the network. */
type Kept = readonly [reason: string, network: IpNetwork];

/** Made once for many networks: what is kept lies by family and first byte, so that a list of a million is checked in a second. */
export class BlockLimits {
  readonly #kept = new Map<number, Kept[]>();
  readonly #private = PRIVATE_NETWORKS.flatMap((text) => parseNetwork(text) ?? []);

  constructor(kept: Protected) {
    const special = SPECIAL.flatMap(([what, texts]) =>
      texts.flatMap((text) => withReason(what, networkOrMapped(text))),
    );
    const host = (Object.keys(REASONS) as (keyof Protected)[]).flatMap((key) =>
      kept[key].map((network) => [`${REASONS[key]} (${formatNetwork(network)})`, network] as const),
    );
    for (const one of [...special, ...host]) {
      for (const bucket of bucketsOf(one[1])) {
        const others = this.#kept.get(bucket);
        if (others === undefined) this.#kept.set(bucket, [one]);
        else others.push(one);
      }
    }
  }

  /** Why a network is not blocked; `null` when it may be. */
  refusalOf(network: IpNetwork, { isPrivateMeant }: { readonly isPrivateMeant: boolean }): string | null {
    const { family, prefix } = network;
    if (prefix < WIDEST[family]) return `it is wider than /${WIDEST[family]}`;
    if (family === 6 && prefix > LONGEST_NETWORK_6 && prefix < 128) {
      return `an IPv6 network is blocked up to /${LONGEST_NETWORK_6}, or one address as /128`;
    }
    // A network that may be blocked is longer than a byte: it lies in one bucket.
    const found = this.#kept.get(bucketOf(family, network.bytes[0]!))?.find(([, kept]) => overlaps(kept, network));
    if (found !== undefined) return `it is or holds ${found[0]}`;
    const isPrivate = !isPrivateMeant && this.#private.some((kept) => overlaps(kept, network));
    return isPrivate ? "it is a private network, and it was not said that this is meant" : null;
  }
}

function bucketOf(family: 4 | 6, firstByte: number): number {
  return family * 256 + firstByte;
}

function bucketsOf({ family, bytes, prefix }: IpNetwork): number[] {
  const count = prefix >= 8 ? 1 : 2 ** (8 - prefix);
  return Array.from({ length: count }, (_, index) => bucketOf(family, bytes[0]! + index));
}

/** Text to network where IPv4-mapped addresses stay IPv6. */
function networkOrMapped(text: string): IpNetwork | null {
  if (text !== "::ffff:0:0/96") return parseNetwork(text);
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  return { family: 6, bytes, prefix: 96 };
}

function withReason(what: string, network: IpNetwork | null): (readonly [string, IpNetwork])[] {
  return network === null ? [] : [[what, network]];
}
