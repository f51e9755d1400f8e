/** Addresses and networks as values: parsed, compared, written. Pure but for node:net, which checks the text. */
import { isIP } from "node:net";
import { formatIpAddress } from "#src/lib/ip-address.ts";

/** A network of IP addresses; an address is one of 32 or 128 bits. */
export interface Network {
  readonly family: 4 | 6;
  /** First address, its host bits zero. */
  readonly start: bigint;
  /** Length of the prefix in bits. */
  readonly bits: number;
}

const MAX_TEXT = 64;

/**
 * Reads `203.0.113.5`, `203.0.113.0/24`, `2001:db8::/32`; an IPv4-mapped IPv6 address or network is given as IPv4. Host bits that
 * are set are cleared. A zone (`%eth0`), a mask in dots, leading zeros and forms such as `10.1` are none.
 * @returns `null` for any other text
 */
export function parseNetwork(text: string): Network | null {
  if (text.length > MAX_TEXT) return null;
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || address.includes("%")) return null;
  const width = family === 4 ? 32 : 128;
  const bits = slash === -1 ? width : prefixLength(text.slice(slash + 1), width);
  if (bits === null) return null;
  const value = family === 4 ? valueOfIpv4(address) : valueOfIpv6(address);
  if (family === 6 && bits >= 96 && value >> 32n === 0xffffn) return networkOf(4, value & 0xffff_ffffn, bits - 96);
  return networkOf(family, value, bits);
}

/** Canonical text of one address (RFC 5952, IPv4-mapped as IPv4); `null` when the text is none. */
export function canonicalAddress(text: string): string | null {
  const network = text.includes("/") ? null : parseNetwork(text);
  return network === null ? null : formatStart(network);
}

/** CIDR text, also of one address: `203.0.113.5/32`. */
export function formatNetwork(network: Network): string {
  return `${formatStart(network)}/${network.bits}`;
}

/** Whether `outer` holds all of `inner`. */
export function covers(outer: Network, inner: Network): boolean {
  if (outer.family !== inner.family || outer.bits > inner.bits) return false;
  const shift = BigInt((outer.family === 4 ? 32 : 128) - outer.bits);
  return outer.start >> shift === inner.start >> shift;
}

/** A network with its host bits cleared. @param bits 0 to 32, or to 128 */
export function networkOf(family: 4 | 6, value: bigint, bits: number): Network {
  const shift = BigInt((family === 4 ? 32 : 128) - bits);
  return { family, start: (value >> shift) << shift, bits };
}

function prefixLength(text: string, width: number): number | null {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) return null;
  const bits = Number(text);
  return bits <= width ? bits : null;
}

function valueOfIpv4(text: string): bigint {
  return text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

/** Of a text that node:net has taken for an IPv6 address. */
function valueOfIpv6(text: string): bigint {
  const dotted = /[\d.]+$/.exec(text)?.[0] ?? "";
  const plain = dotted.includes(".") ? `${text.slice(0, -dotted.length)}${hexOf(valueOfIpv4(dotted))}` : text;
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n);
}

function hexOf(ipv4: bigint): string {
  return `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`;
}

function formatStart({ family, start }: Network): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Buffer.from(start.toString(16).padStart(length * 2, "0"), "hex");
  return formatIpAddress(bytes, family);
}
