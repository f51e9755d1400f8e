/** IP addresses and networks as text from outside. Pure: it stands on nothing, so that every process can use it. */
import { formatIpAddress } from "./ip-address.ts";

/** A network, or one address as a network of full length. */
export interface IpNetwork {
  readonly family: 4 | 6;
  /** 4 or 16 bytes in network order; bits behind the prefix are 0. */
  readonly bytes: Uint8Array;
  /** 0 to 32, or to 128. */
  readonly prefix: number;
}

// RFC 4291 §2.2: the longest text of an address is 45 characters.
const MAX_ADDRESS = 45;

const CANONICAL_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The 4 or 16 bytes of an address in the strict forms of inet_pton(3); an IPv4-mapped IPv6 address is the IPv4 address.
 * @returns `null` for anything else, such as octal or short forms, zones and ports
 */
export function parseIpAddress(text: string): Uint8Array | null {
  if (text.length > MAX_ADDRESS) return null;
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  const isMapped = bytes?.[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? bytes.slice(12) : bytes;
}

/** An address in its one canonical form (RFC 5952; IPv4-mapped as IPv4); `null` when it is none. */
export function canonicalAddress(text: string): string | null {
  // Nearly each line of a log that names an address: no bytes need be made of it.
  if (CANONICAL_IPV4.test(text)) return text;
  const bytes = parseIpAddress(text);
  return bytes === null ? null : formatIpAddress(bytes, bytes.length === 4 ? 4 : 6);
}

/** A network in CIDR, or an address. Bits behind the prefix are cleared. `null` when it is neither. */
export function parseNetwork(text: string): IpNetwork | null {
  const slash = text.indexOf("/");
  const bytes = parseIpAddress(slash === -1 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const family = bytes.length === 4 ? 4 : 6;
  const longest = family === 4 ? 32 : 128;
  if (slash === -1) return { family, bytes, prefix: longest };
  const written = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(written)) return null;
  // ::ffff:192.0.2.0/120 is 192.0.2.0/24.
  const prefix = Number(written) - (family === 4 && text.includes(":") ? 96 : 0);
  return prefix < 0 || prefix > longest ? null : networkOf(bytes, prefix);
}

/** The network of that length that holds an address. */
export function networkOf(address: Uint8Array, prefix: number): IpNetwork {
  const bytes = address.map((byte, index) => byte & maskByte(prefix - index * 8));
  return { family: bytes.length === 4 ? 4 : 6, bytes, prefix };
}

/** CIDR text, such as `192.0.2.0/24` or `2001:db8::/32`. */
export function formatNetwork({ bytes, family, prefix }: IpNetwork): string {
  return `${formatIpAddress(bytes, family)}/${prefix}`;
}

/** Whether all of `inner` lies in `outer`. */
export function containsNetwork(outer: IpNetwork, inner: IpNetwork): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false;
  return outer.bytes.every((byte, index) => byte === ((inner.bytes[index] ?? 0) & maskByte(outer.prefix - index * 8)));
}

/** Whether two networks have an address in common. */
export function overlaps(one: IpNetwork, other: IpNetwork): boolean {
  return containsNetwork(one, other) || containsNetwork(other, one);
}

/** The mask of one byte, of which `bits` (any number) are in the prefix. */
function maskByte(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}

function parseIpv4(text: string): Uint8Array | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const parts = match.slice(1);
  // 010 is 8 to some and 10 to others: refused, as inet_pton(3) does.
  const isPlain = parts.every((part) => Number(part) <= 255 && (part === "0" || !part.startsWith("0")));
  return isPlain ? Uint8Array.from(parts, Number) : null;
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, index) => parseWords(half, index === halves.length - 1));
  if (head == null || tail === null) return null;
  const given = head.length + (tail?.length ?? 0);
  // "::" stands for at least one word of zeros.
  if (tail === undefined ? given !== 16 : given > 14) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail ?? [], 16 - (tail?.length ?? 0));
  return bytes;
}

/** The bytes of words between colons; at the end of an address the last may be an IPv4 address. */
function parseWords(text: string, isEnd: boolean): number[] | null {
  if (text === "") return [];
  const words = text.split(":");
  const bytes: number[] = [];
  for (const [index, word] of words.entries()) {
    const ipv4 = isEnd && index === words.length - 1 && word.includes(".") ? parseIpv4(word) : null;
    if (ipv4 !== null) bytes.push(...ipv4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(word))
      bytes.push(Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff);
    else return null;
  }
  return bytes.length > 16 ? null : bytes;
}
