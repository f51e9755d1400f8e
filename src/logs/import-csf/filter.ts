/**
 * Advanced filters of csf.allow and csf.deny: `tcp|in|d=22|s=192.0.2.1`. Pure.
 * @see csf readme.txt §10: protocol, direction, port and address in any of s= and d=; u= and g= for users, outgoing
 */
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";

/** A filter that drops or accepts what comes in from a network. */
export interface CsfFilter {
  readonly network: IpNetwork;
  /** Ports of ours; none: all. At most 15. */
  readonly ports: readonly number[];
  readonly protocol: "tcp" | "udp";
}

/** Either the filter, or why it has no counterpart, or why it is none. */
export type FilterResult =
  | { readonly kind: "filter"; readonly filter: CsfFilter }
  | { readonly kind: "left-out"; readonly why: string }
  | { readonly kind: "problem"; readonly message: string };

const MAX_PORTS = 15;

/** Reads what stands before the comment. */
export function parseFilter(text: string): FilterResult {
  let protocol = "tcp";
  let direction = "in";
  const values: { side: string; value: string }[] = [];
  for (const part of text.split("|")) {
    const pair = /^([sdug])=(.*)$/.exec(part);
    if (pair !== null) values.push({ side: pair[1] ?? "", value: pair[2] ?? "" });
    else if (/^(?:tcp|udp|icmp)$/.test(part)) protocol = part;
    else if (part === "in" || part === "out") direction = part;
    else if (part !== "") return problem(`"${part}" is no part of a filter, "tcp|in|d=22|s=192.0.2.1" is wanted`);
  }
  if (values.some(({ side }) => side === "u" || side === "g")) return leftOut("a filter by user of outgoing packets");
  const addresses = values.filter(({ value }) => /[.:]/.test(value));
  const ports = values.filter(({ value }) => !/[.:]/.test(value));
  const [address] = addresses;
  if (address === undefined || addresses.length > 1 || ports.length > 1)
    return problem("a filter names one address and at most one list of ports");
  const network = parseNetwork(address.value);
  if (network === null) return leftOut(`"${address.value}" is a name, and names are not looked up`);
  if (direction === "out" || address.side === "d") return leftOut("outgoing packets are not filtered");
  if (protocol === "icmp") return leftOut("ICMP is not filtered by type");
  if (ports[0]?.side === "s") return leftOut("a filter by the port of the other side");
  const list = ports[0] === undefined ? [] : parsePorts(ports[0].value);
  if (list === null) return problem(`"${ports[0]?.value}" is no list of ports, "22,80" or "2000_2010" is wanted`);
  if (list.length > MAX_PORTS) return leftOut(`a block has at most ${MAX_PORTS} ports, and this has ${list.length}`);
  return { kind: "filter", filter: { network, ports: list, protocol: protocol === "udp" ? "udp" : "tcp" } };
}

/**
 * Ports of `22,80,2000_2003` or `22,2000:2003`, sorted, each once; `null` when the text is no list of ports.
 * @see csf.conf: ranges of TCP_IN are written with a colon, those of filters with an underscore
 */
export function parsePorts(text: string): number[] | null {
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d{1,5})(?:[_:](\d{1,5}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first > last || last > 65_535) return null;
    for (let port = first; port <= last; port++) ports.add(port);
  }
  return [...ports].toSorted((a, b) => a - b);
}

function problem(message: string): FilterResult {
  return { kind: "problem", message };
}

function leftOut(why: string): FilterResult {
  return { kind: "left-out", why };
}
