/** IP addresses as numbers, and the networks that they are counted by. Pure. */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { parseIpAddress } from "#src/lib/ip-network.ts";

/** An address by its first 64 bits: more of an IPv6 address is the choice of whoever holds the /64. */
export interface AddressKey {
  readonly family: 4 | 6;
  /** IPv4: 0. IPv6: the first 32 bits. */
  readonly high: number;
  /** IPv4: the address. IPv6: the second 32 bits. */
  readonly low: number;
}

/** @returns `undefined` when the text is no address; an IPv4-mapped one is IPv4 */
export function parseAddress(text: string): AddressKey | undefined {
  const bytes = parseIpAddress(text);
  if (bytes === null) return undefined;
  if (bytes.length === 4) return { family: 4, high: 0, low: wordAt(bytes, 0) };
  return { family: 6, high: wordAt(bytes, 0), low: wordAt(bytes, 4) };
}

/** The network of `bits` bits around an address, such as `203.0.113.0/24`. @param bits 0 to 32, for IPv6 0 to 64 */
export function networkText({ family, high, low }: AddressKey, bits: number): string {
  if (family === 4) return `${ipv4Text(mask(low, bits))}/${bits}`;
  const words = [mask(high, Math.min(bits, 32)), mask(low, Math.max(0, bits - 32)), 0, 0];
  return `${formatIpAddress(toBytes(words), 6)}/${bits}`;
}

/** The network that an address is counted and blocked as: itself, or its /64. */
export function countedNetwork(key: AddressKey): string {
  return key.family === 4 ? `${ipv4Text(key.low)}/32` : networkText(key, 64);
}

/** The first `bits` bits of a key, the rest 0. */
export function maskKey({ family, high, low }: AddressKey, bits: number): AddressKey {
  if (family === 4) return { family, high, low: mask(low, bits) };
  return { family, high: mask(high, Math.min(bits, 32)), low: mask(low, Math.max(0, bits - 32)) };
}

function ipv4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

function mask(word: number, bits: number): number {
  return bits === 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

function toBytes(words: readonly number[]): Uint8Array {
  return Uint8Array.from(
    words.flatMap((word) => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff]),
  );
}

function wordAt(bytes: Uint8Array, index: number): number {
  const [one = 0, two = 0, three = 0, four = 0] = bytes.subarray(index, index + 4);
  return ((one << 24) | (two << 16) | (three << 8) | four) >>> 0;
}
