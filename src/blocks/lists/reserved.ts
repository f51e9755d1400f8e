/** Networks that no published list can mean. Pure. */
import { type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";

// IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates): what is not globally reachable, and multicast. The
// networks of documentation are left in: nobody sends from them, and every example has them.
const RESERVED = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/8",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
].flatMap((text) => parseNetwork(text) ?? []);

// Most entries of a list begin with a byte that no reserved network begins with.
const FIRST_BYTES = { 4: firstBytesOf(4), 6: firstBytesOf(6) } as const;

/** Whether a network lies in, or holds, one that is private, reserved or multicast. */
export function isReserved(network: IpNetwork): boolean {
  if (network.prefix >= 8 && FIRST_BYTES[network.family][network.bytes[0] ?? 0] === 0) return false;
  return RESERVED.some((one) => overlaps(one, network));
}

/** For each first byte whether a reserved network of the family has addresses that begin with it. */
function firstBytesOf(family: 4 | 6): Uint8Array {
  const marks = new Uint8Array(256);
  for (const { family: other, bytes, prefix } of RESERVED) {
    const first = bytes[0] ?? 0;
    const count = other === family ? 2 ** Math.max(8 - prefix, 0) : 0;
    marks.fill(1, first, first + count);
  }
  return marks;
}
