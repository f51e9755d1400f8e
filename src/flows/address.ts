/** Addresses as four words of 32 bits, of IPv4 the first only, and as text. Pure. */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import type { Packet } from "./packet/packet.ts";

/** One end of a connection. */
export interface Endpoint {
  readonly address: Uint32Array;
  readonly port: number;
}

/** The address at `at` of a packet, copied. */
export function readAddress({ view, addressBytes }: Packet, at: number): Uint32Array {
  const words = new Uint32Array(4);
  for (let offset = 0; offset < addressBytes; offset += 4) words[offset / 4] = view.getUint32(at + offset);
  return words;
}

/** Whether the address at `at` of a packet is this one. Families are for the caller to compare. */
export function isAddressAt({ view, addressBytes }: Packet, at: number, address: Uint32Array): boolean {
  for (let offset = 0; offset < addressBytes; offset += 4) {
    if (address[offset / 4] !== view.getUint32(at + offset)) return false;
  }
  return true;
}

/** Whether both are the same. */
export function isSameAddress(one: Uint32Array, other: Uint32Array): boolean {
  return one[0] === other[0] && one[1] === other[1] && one[2] === other[2] && one[3] === other[3];
}

/** Text such as `192.0.2.1` or `2001:db8::1`. */
export function formatAddress(address: Uint32Array, isIpv6: boolean): string {
  if (isIpv6) return formatIpAddress(bytesOf(address), 6);
  const word = address[0]!;
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** 16 bytes in network order. */
export function bytesOf(address: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < 4; index++) view.setUint32(index * 4, address[index]!);
  return bytes;
}
