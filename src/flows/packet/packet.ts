/**
 * One packet as it lies in the buffer that was read: where its addresses, ports and payload are. One object is used for all
 * packets, because there are millions a second. Pure; every bound is checked against the end of what was captured.
 */
import { LINK } from "./link-types.ts";

/** Protocols that have ports we look at. */
export const TCP = 6;
/** See {@link TCP}. */
export const UDP = 17;
/** Flags of TCP (RFC 9293 §3.1). */
export const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;
/** Part of a fragmented packet: only the first has ports. */
export const FRAGMENT = { none: 0, first: 1, later: 2 } as const;

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const PPPOE_SESSION = 0x8864;
const VLAN_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
const MAX_TAGS = 8;
const MAX_EXTENSIONS = 16;
const PROTOCOL_FRAGMENT = 44;
const PROTOCOL_AH = 51;
/** Hop-by-hop, routing, destination, mobility, HIP, shim6: all with a length in units of 8 bytes (RFC 8200 §4, RFC 7045). */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60, 135, 139, 140]);
const TCP_HEADER = 20;
const UDP_HEADER = 8;

/** Filled by {@link Packet.decode}; offsets are into `bytes`. */
export class Packet {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Bytes of an address: 4 or 16. */
  addressBytes = 4;
  source = 0;
  destination = 0;
  protocol = 0;
  sourcePort = 0;
  destinationPort = 0;
  flags = 0;
  /** Signed, as are all sums and differences of them: only differences have a meaning. */
  sequence = 0;
  acknowledgement = 0;
  /** Begin of the payload, and of a later fragment. */
  payload = 0;
  /** Behind the last byte of the payload that was captured. */
  payloadEnd = 0;
  /** As it was sent: more than what was captured when the capture cuts packets. */
  payloadBytes = 0;
  fragment: number = FRAGMENT.none;
  fragmentId = 0;
  /** Where the payload of a later fragment lies behind the begin of the TCP or UDP header. */
  fragmentOffset = 0;
  /** Bytes of the TCP or UDP header. */
  headerBytes = 0;
  /** When it was captured, and as long as it was on the wire. Set by who decodes: a number with a fraction that is handed on is an object. */
  unixMs = 0.5;
  wireBytes = 0;

  /** What the packets that follow lie in. */
  setBuffer(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @returns whether it is TCP or UDP with all that was asked for: of a later fragment the addresses, of all others the ports too */
  decode(start: number, end: number, linkType: number): boolean {
    switch (linkType) {
      case LINK.ethernet:
        return end - start >= 14 && this.#network(this.view.getUint16(start + 12), start + 14, end);
      case LINK.raw:
      case LINK.rawOpenBsd:
      case LINK.rawBsd:
        return this.#byVersion(start, end);
      case LINK.ipv4:
        return this.#ipv4(start, end);
      case LINK.ipv6:
        return this.#ipv6(start, end);
      case LINK.linuxSll:
        return end - start >= 16 && this.#network(this.view.getUint16(start + 14), start + 16, end);
      case LINK.linuxSll2:
        return end - start >= 20 && this.#network(this.view.getUint16(start), start + 20, end);
      case LINK.null:
      case LINK.loop:
        // The family is in the byte order of the machine that captured, and IPv6 has another number on each BSD.
        return this.#byVersion(start + 4, end);
      case LINK.pppoe:
        return this.#pppoe(start, end);
      default:
        return false;
    }
  }

  #byVersion(at: number, end: number): boolean {
    if (at >= end) return false;
    return this.bytes[at]! >>> 4 === 6 ? this.#ipv6(at, end) : this.#ipv4(at, end);
  }

  #network(type: number, at: number, end: number): boolean {
    if (type === IPV4) return this.#ipv4(at, end);
    if (type === IPV6) return this.#ipv6(at, end);
    if (type === PPPOE_SESSION) return this.#pppoe(at, end);
    return VLAN_TYPES.has(type) && this.#tagged(at, end);
  }

  #tagged(start: number, end: number): boolean {
    let at = start;
    for (let tags = 1; at + 4 <= end && tags <= MAX_TAGS; tags++) {
      const type = this.view.getUint16(at + 2);
      at += 4;
      if (!VLAN_TYPES.has(type)) return this.#network(type, at, end);
    }
    return false;
  }

  /** RFC 2516 §4, then the protocol field of PPP, of which one byte may be left out (RFC 1661 §2). */
  #pppoe(start: number, end: number): boolean {
    const at = start + 6;
    if (at + 2 > end) return false;
    const first = this.bytes[at]!;
    if (first === 0x21) return this.#ipv4(at + 1, end);
    if (first === 0x57) return this.#ipv6(at + 1, end);
    const protocol = this.view.getUint16(at);
    if (protocol === 0x0021) return this.#ipv4(at + 2, end);
    return protocol === 0x0057 && this.#ipv6(at + 2, end);
  }

  #ipv4(at: number, end: number): boolean {
    if (end - at < 20) return false;
    const { bytes, view } = this;
    const first = bytes[at]!;
    const headerBytes = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerBytes < 20) return false;
    const protocol = bytes[at + 9]!;
    if (protocol !== TCP && protocol !== UDP) return false;
    this.addressBytes = 4;
    this.source = at + 12;
    this.destination = at + 16;
    this.protocol = protocol;
    const totalBytes = view.getUint16(at + 2);
    // 0: the network card was to cut it up (TSO), and the length is that of what was captured.
    const sentEnd = totalBytes === 0 ? end : at + totalBytes;
    const fragment = view.getUint16(at + 6) & 0x3fff;
    if (fragment === 0) this.fragment = FRAGMENT.none;
    else this.#setFragment(view.getUint16(at + 4), (fragment & 0x1fff) << 3);
    return this.#transport(at + headerBytes, sentEnd, end);
  }

  #ipv6(at: number, end: number): boolean {
    if (end - at < 40) return false;
    const { bytes, view } = this;
    if (bytes[at]! >>> 4 !== 6) return false;
    this.addressBytes = 16;
    this.source = at + 8;
    this.destination = at + 24;
    this.fragment = FRAGMENT.none;
    const payloadBytes = view.getUint16(at + 4);
    const sentEnd = payloadBytes === 0 ? end : at + 40 + payloadBytes;
    let protocol = bytes[at + 6]!;
    let next = at + 40;
    for (let count = 0; protocol !== TCP && protocol !== UDP; count++) {
      if (count === MAX_EXTENSIONS || next + 8 > end) return false;
      if (protocol === PROTOCOL_FRAGMENT) {
        const field = view.getUint16(next + 2);
        // With neither an offset nor more to come it is whole (RFC 6946).
        if ((field & 0xfff9) !== 0) this.#setFragment(view.getUint32(next + 4), field & 0xfff8);
        protocol = bytes[next]!;
        next += 8;
        // What follows in a later fragment is the middle of something, whatever it looks like.
        if (this.fragment === FRAGMENT.later) break;
      } else {
        const isAh = protocol === PROTOCOL_AH;
        if (!isAh && !EXTENSIONS.has(protocol)) return false;
        protocol = bytes[next]!;
        next += isAh ? (bytes[next + 1]! + 2) << 2 : (bytes[next + 1]! + 1) << 3;
      }
    }
    if (protocol !== TCP && protocol !== UDP) return false;
    this.protocol = protocol;
    return this.#transport(next, sentEnd, end);
  }

  #setFragment(id: number, offset: number): void {
    this.fragment = offset === 0 ? FRAGMENT.first : FRAGMENT.later;
    this.fragmentId = id;
    this.fragmentOffset = offset;
  }

  #transport(at: number, sentEnd: number, end: number): boolean {
    const capturedEnd = sentEnd < end ? sentEnd : end;
    if (this.fragment === FRAGMENT.later) {
      this.#setPayload(at, sentEnd, capturedEnd);
      return at <= capturedEnd;
    }
    // The first 4 bytes have the ports: with no more than these the packet still counts to its flow.
    if (at + 4 > capturedEnd) return false;
    const view = this.view;
    this.sourcePort = view.getUint16(at);
    this.destinationPort = view.getUint16(at + 2);
    if (this.protocol === UDP) {
      this.flags = 0;
      this.headerBytes = UDP_HEADER;
      this.#setPayload(at + UDP_HEADER, sentEnd, capturedEnd);
      return true;
    }
    if (at + TCP_HEADER > capturedEnd) {
      this.flags = 0;
      this.#setPayload(capturedEnd, capturedEnd, capturedEnd);
      return true;
    }
    this.sequence = view.getInt32(at + 4);
    this.acknowledgement = view.getInt32(at + 8);
    this.headerBytes = (this.bytes[at + 12]! >>> 4) << 2;
    this.flags = this.bytes[at + 13]!;
    this.#setPayload(at + (this.headerBytes < TCP_HEADER ? TCP_HEADER : this.headerBytes), sentEnd, capturedEnd);
    return true;
  }

  #setPayload(at: number, sentEnd: number, capturedEnd: number): void {
    this.payloadBytes = sentEnd > at ? sentEnd - at : 0;
    this.payload = at < capturedEnd ? at : capturedEnd;
    this.payloadEnd = capturedEnd;
  }
}
