/** Addresses as four signed words, of IPv4 the first only and zeros. An object of them is a quarter of a typed array. Pure. */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import type { Packet } from "./packet/packet.ts";

/** An address. */
export interface Address {
  w0: number;
  w1: number;
  w2: number;
  w3: number;
}

/** One end of a connection. */
export interface Endpoint {
  readonly address: Readonly<Address>;
  readonly port: number;
}

/** The address at `at` of a packet. */
export function readAddress({ view, addressBytes }: Packet, at: number): Address {
  const w0 = view.getInt32(at);
  if (addressBytes === 4) return { w0, w1: 0, w2: 0, w3: 0 };
  return { w0, w1: view.getInt32(at + 4), w2: view.getInt32(at + 8), w3: view.getInt32(at + 12) };
}

/** Whether the address at `at` of a packet is this one. Families are for the caller to compare. */
export function isAddressAt(
  { view, addressBytes }: Packet,
  at: number,
  { w0, w1, w2, w3 }: Readonly<Address>,
): boolean {
  if (w0 !== view.getInt32(at)) return false;
  if (addressBytes === 4) return true;
  return w1 === view.getInt32(at + 4) && w2 === view.getInt32(at + 8) && w3 === view.getInt32(at + 12);
}

/** Whether both are the same. */
export function isSameAddress(one: Readonly<Address>, other: Readonly<Address>): boolean {
  return one.w0 === other.w0 && one.w1 === other.w1 && one.w2 === other.w2 && one.w3 === other.w3;
}

/** Text such as `192.0.2.1` or `2001:db8::1`. */
export function formatAddress(address: Readonly<Address>, isIpv6: boolean): string {
  if (isIpv6) return formatIpAddress(bytesOf(address), 6);
  const { w0 } = address;
  return `${w0 >>> 24}.${(w0 >>> 16) & 255}.${(w0 >>> 8) & 255}.${w0 & 255}`;
}

/** 16 bytes in network order. */
export function bytesOf({ w0, w1, w2, w3 }: Readonly<Address>): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, w0);
  view.setInt32(4, w1);
  view.setInt32(8, w2);
  view.setInt32(12, w3);
  return bytes;
}
