/**
 * Blocks as a RewriteMap of Apache, `key deny` a line, which Apache reads again when the file's mtime changes, without a reload.
 * Pure.
 *
 * A map looks up texts, not networks, so a network is written as the beginning of its addresses' texts, which the rules of
 * snippets.ts cut off the client's address: `203.0.113.` and `203.0.` of IPv4, the first 64 bits of IPv6 as inet_ntop(3) writes them.
 */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { type IpNetwork, networkOf, parseNetwork } from "#src/lib/ip-network.ts";
import { DENY_HEAD, type DenyFile, type DenyFileOptions } from "./deny-file.ts";

/** Apache looks through a text map line by line for each address that it has not met since the file changed. */
export const APACHE_MAX_LINES = 10_000;

const MAX_PARTS = 256;

/** The first networks that there is room for. @param networks CIDR */
export function renderApacheMap(
  networks: readonly string[],
  { maxLines }: DenyFileOptions = { maxLines: APACHE_MAX_LINES },
): DenyFile {
  const keys = new Set<string>();
  const leftOut: { network: string; why: string }[] = [];
  for (const text of networks) {
    const network = parseNetwork(text);
    const added = network === null ? null : apacheKeysOf(network);
    if (added === null) leftOut.push({ network: text.slice(0, 64), why: whyNot(network) });
    else if (keys.size + added.length > maxLines)
      leftOut.push({ network: text, why: `there is room for ${maxLines} lines` });
    else for (const key of added) keys.add(key);
  }
  const lines = [...keys].map((key) => `${key} deny\n`);
  return { text: `${DENY_HEAD}${lines.join("")}`, lines: keys.size, leftOut };
}

function whyNot(network: IpNetwork | null): string {
  if (network === null) return "it is no network";
  return `a network of /${network.prefix} cannot be written as at most ${MAX_PARTS} beginnings of addresses`;
}

/** The keys that stand for a network; `null` when it would take more than 256 addresses, /24 or /16, or /64. */
export function apacheKeysOf(network: IpNetwork): string[] | null {
  if (network.family === 6) return network.prefix === 128 ? keyOfIpv6Address(network) : keysOfIpv6(network);
  for (const [length, bytes] of [
    [32, 4],
    [24, 3],
    [16, 2],
  ] as const) {
    if (network.prefix > length || network.prefix < length - 8) continue;
    // Of two lengths that fit, a /24 is one key rather than 256 addresses.
    if (network.prefix === length - 8 && length > 16) continue;
    return partsOf(network, length).map((part) => part.bytes.subarray(0, bytes).join(".") + (bytes < 4 ? "." : ""));
  }
  return null;
}

/** An address that ends in `::` is written as the beginning of all addresses of its network: it cannot be denied alone. */
function keyOfIpv6Address(address: IpNetwork): string[] | null {
  const text = formatStart(address);
  return text.endsWith("::") ? null : [text];
}

function keysOfIpv6(network: IpNetwork): string[] | null {
  if (network.prefix > 64 || network.prefix < 56) return null;
  return partsOf(network, 64).flatMap(({ bytes }) => keysOfSlash64(bytes));
}

/** The networks of a length that a network consists of, at most 256. */
function partsOf(network: IpNetwork, length: number): IpNetwork[] {
  const count = 2 ** (length - network.prefix);
  const last = length / 8 - 1;
  return Array.from({ length: count }, (_, index) => {
    const bytes = Uint8Array.from(network.bytes);
    bytes[last] = (bytes[last] ?? 0) + index;
    return networkOf(bytes, length);
  });
}

/**
 * How the texts of the addresses of a /64 can begin. inet_ntop(3) writes the first longest run of two or more zero words as `::`,
 * and which that is depends on the last four words too: either none of the first four is in it, or the last zeros of them are, or
 * the second and third are.
 */
function keysOfSlash64(bytes: Uint8Array): string[] {
  const words = [0, 2, 4, 6].map((at) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  const texts = words.map((word) => word.toString(16));
  const keys = [`${texts.join(":")}:`];
  const used = words.findLastIndex((word) => word !== 0) + 1;
  if (used < 4) keys.push(used === 0 ? "::" : `${texts.slice(0, used).join(":")}::`);
  if (words[0] !== 0 && words[1] === 0 && words[2] === 0 && words[3] !== 0) keys.push(`${texts[0]}::${texts[3]}:`);
  return keys;
}

function formatStart(network: IpNetwork): string {
  return formatIpAddress(network.bytes, network.family);
}
