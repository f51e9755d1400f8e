/**
 * Which flows are data connections of FTP: control connections are found by their greeting on any port, followed, and what they announce
 * is expected. Bounds: {@link MAX_CONTROLS} control connections; one of 16 that was silent longest makes room, which can only make
 * a data connection unexplained, never an unrelated flow explained.
 */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import { type Address, type Endpoint, formatAddress, isSameAddress, readAddress } from "../address.ts";
import type { FirstFragment } from "../fragments.ts";
import type { Handshakes } from "../handshakes.ts";
import type { KeyedHash } from "../keyed-hash.ts";
import { FLAG, type Packet } from "../packet/packet.ts";
import { Control, type ControlEvidence, type ControlSink, type DataExpected } from "./control.ts";
import type { Agreement, DataCommand } from "./dialogue.ts";
import { EXPECT_MS, Expectations, MAX_EACH } from "./expectations.ts";

/** Control connections at once. */
export const MAX_CONTROLS = 65_536;
const CANDIDATES = 16;
const FILTER_BITS = 14;
const FTP_PORT = 21;
const CLIENT_FIRST = /^(?:USER|PASS|PASV|EPSV|PORT|EPRT|TYPE|CWD|PWD|LIST|RETR|STOR)[ \r]/i;

/** Why a flow is FTP data. */
export interface FtpRelation {
  readonly kind: "ftp";
  /** `null`: the control connection is encrypted. */
  readonly command: DataCommand | null;
  readonly client: string;
  readonly clientPort: number;
  readonly server: string;
  readonly serverPort: number;
  /** Address and port as they were announced; `null` for an encrypted control connection. */
  readonly announced: string | null;
  /** The announced address is not that of the side that announced it: it is behind NAT. */
  readonly translated: boolean;
  /** `passive-range` is the weakest: the control connection is encrypted, and only hosts and the range of ports fit. */
  readonly evidence: ControlEvidence | "passive-range";
}

/** What explains a flow, once the server has agreed to what the client has announced. Small, because there may be as many as flows. */
export interface ExplainedByFtp {
  readonly agreement: Readonly<Agreement>;
  readonly isIpv6: boolean;
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** `null`: the control connection is encrypted. */
  readonly announced: Pick<DataExpected, "command" | "announcement" | "listener"> | null;
  readonly evidence: FtpRelation["evidence"];
}

/** In words. */
export function describeFtp({ isIpv6, client, server, announced, evidence }: ExplainedByFtp): FtpRelation {
  const ends = {
    kind: "ftp",
    client: formatAddress(client.address, isIpv6),
    clientPort: client.port,
    server: formatAddress(server.address, isIpv6),
    serverPort: server.port,
    evidence,
  } as const;
  if (announced === null) return { ...ends, command: null, announced: null, translated: false };
  const { command, announcement, listener } = announced;
  const { address, port } = announcement;
  const text = address?.includes(":") ? `[${address}]` : address;
  return {
    ...ends,
    command,
    announced: text === null ? `port ${port}` : `${text}:${port}`,
    translated: address !== null && canonicalAddress(address) !== formatAddress(listener, isIpv6),
  };
}

/** Both ends of a flow; a has opened it. */
export interface FlowEnds {
  readonly isIpv6: boolean;
  readonly a: Endpoint;
  readonly b: Endpoint;
}

/** What there was of FTP. */
export interface FtpCounts {
  controls: number;
  encrypted: number;
  announced: number;
  /** PORT or EPRT to a third host that the server has accepted. */
  bounces: number;
  /** Control connections that were given up to make room. */
  dropped: number;
}

/** What relations stand on. */
export interface FtpOptions {
  readonly hash: KeyedHash;
  readonly handshakes: Handshakes;
  /** Ports on which servers with encrypted control connections listen for data; `null`: not known. */
  readonly passiveRange: readonly [low: number, high: number] | null;
}

/** Of one capture. */
export class FtpRelations {
  readonly #hash: KeyedHash;
  readonly #handshakes: Handshakes;
  readonly #passiveRange: FtpOptions["passiveRange"];
  readonly #controls = new Map<number, Control>();
  #size = 0;
  /**
   * How many controls have these bits of their hash: most packets are told by it that they are of none. Small, so that it stays in the
   * processor's cache.
   */
  readonly #filter = new Uint16Array(1 << FILTER_BITS);
  readonly #expectations: Expectations<DataExpected>;
  /** Encrypted control connections by both addresses. */
  readonly #dark = new Map<number, Set<Control>>();
  readonly counts: FtpCounts = { controls: 0, encrypted: 0, announced: 0, bounces: 0, dropped: 0 };

  readonly #sink: ControlSink = {
    onFtp: () => {
      this.counts.controls++;
    },
    onAnnounced: (control, announced) => this.#expect(control, announced),
    onAgreed: ({ client, isIpv6 }, { address }) => {
      if (canonicalAddress(address ?? "") !== formatAddress(client.address, isIpv6)) this.counts.bounces++;
    },
    onDark: (control) => this.#addDark(control),
  };

  constructor({ hash, handshakes, passiveRange }: FtpOptions) {
    this.#hash = hash;
    this.#handshakes = handshakes;
    this.#passiveRange = passiveRange;
    this.#expectations = new Expectations(hash);
  }

  /** Whether a flow may have been announced: saves the question for most of them. */
  get isAwaiting(): boolean {
    return this.#expectations.size > 0;
  }

  /** Takes every packet of TCP. @returns the control connection that it belongs to */
  take(packet: Packet, hash: number): Control | undefined {
    const known = this.#filter[filterBits(hash)] === 0 ? undefined : this.#find(packet, hash);
    // A SYN begins another connection between the same ports.
    if (known !== undefined && (packet.flags & (FLAG.syn | FLAG.ack)) === FLAG.syn) this.#remove(known);
    const control = known ?? (packet.payloadBytes > 0 ? this.#begin(packet, hash) : undefined);
    if (control === undefined) return undefined;
    control.take(packet);
    if (control.isOver) this.#remove(control);
    return control;
  }

  /** The rest of a segment that was sent in fragments. */
  takeFragment(packet: Packet, first: FirstFragment): void {
    if (this.#filter[filterBits(first.hash)] === 0) return;
    packet.sourcePort = first.sourcePort;
    packet.destinationPort = first.destinationPort;
    const control = this.#find(packet, first.hash);
    if (control === undefined) return;
    const isFromClient = first.sourcePort === control.client.port && isFrom(packet, control.client.address);
    control.takeFragment(packet, isFromClient, (first.sequence + packet.fragmentOffset) | 0);
    if (control.isOver) this.#remove(control);
  }

  /** Why a flow that has just begun is FTP data, and `null` when nothing says so. An announcement is good for one flow. */
  explain(ends: FlowEnds, isOpened: boolean, unixMs: number): ExplainedByFtp | null {
    const found = this.#announcedFor(ends, ends.b, ends.a, unixMs);
    if (found !== null) return found;
    return isOpened ? this.#inRange(ends) : this.#announcedFor(ends, ends.a, ends.b, unixMs);
  }

  /** Whether the two hosts have an encrypted control connection. */
  isBesideDark({ isIpv6, a, b }: FlowEnds): boolean {
    return this.#darkBetween(isIpv6, a.address, b.address) !== undefined;
  }

  #announcedFor({ isIpv6 }: FlowEnds, to: Endpoint, from: Endpoint, unixMs: number): ExplainedByFtp | null {
    const ends = { isIpv6, listener: to.address, port: to.port, peer: from.address };
    const expected = this.#expectations.take(ends, unixMs);
    if (expected === undefined) return null;
    const { control, command, announcement, agreement, listener } = expected;
    control.expected.splice(control.expected.indexOf(expected), 1);
    if (agreement.state === "refused") return null;
    const { client, server, evidence } = control;
    return { agreement, isIpv6, client, server, announced: { command, announcement, listener }, evidence };
  }

  #inRange({ isIpv6, a, b }: FlowEnds): ExplainedByFtp | null {
    const range = this.#passiveRange;
    if (range === null || b.port < range[0] || b.port > range[1]) return null;
    const control = this.#darkBetween(isIpv6, a.address, b.address);
    if (control === undefined || !isSameAddress(control.client.address, a.address)) return null;
    const { client, server } = control;
    return { agreement: { state: "agreed" }, isIpv6, client, server, announced: null, evidence: "passive-range" };
  }

  #find(packet: Packet, hash: number): Control | undefined {
    for (let one = this.#controls.get(hash); one !== undefined; one = one.next) if (one.isOf(packet)) return one;
    return undefined;
  }

  /** A packet that begins as a greeting does, or as a command to port 21 whose connection has begun before the capture. */
  #begin(packet: Packet, hash: number): Control | undefined {
    const { bytes, payload, payloadEnd, sourcePort, destinationPort } = packet;
    const isFromServer = bytes[payload] === 50 && payload < payloadEnd;
    if (isFromServer) {
      if (!isGreeting(packet) || !this.#handshakes.isServerFirst(hash, packet)) return undefined;
      return this.#add(packet, hash, "banner");
    }
    if (destinationPort !== FTP_PORT || sourcePort === FTP_PORT || this.#handshakes.has(hash)) return undefined;
    const text = bytes.toString("latin1", payload, Math.min(payloadEnd, payload + 8));
    return CLIENT_FIRST.test(text) ? this.#add(packet, hash, "port-21") : undefined;
  }

  #add(packet: Packet, hash: number, evidence: ControlEvidence): Control {
    if (this.#size >= MAX_CONTROLS) this.#makeRoom();
    const { source, destination, sourcePort, destinationPort, sequence, acknowledgement } = packet;
    const from = { address: readAddress(packet, source), port: sourcePort };
    const to = { address: readAddress(packet, destination), port: destinationPort };
    const isServers = evidence === "banner";
    const control = new Control(
      {
        hash,
        isIpv6: packet.addressBytes === 16,
        client: isServers ? to : from,
        server: isServers ? from : to,
        evidence,
        sequences: isServers
          ? { client: acknowledgement, server: sequence }
          : { client: sequence, server: acknowledgement },
      },
      this.#sink,
    );
    control.next = this.#controls.get(hash);
    this.#controls.set(hash, control);
    this.#filter[filterBits(hash)]!++;
    this.#size++;
    return control;
  }

  #remove(control: Control): void {
    control.isOver = true;
    for (const one of control.expected.splice(0)) this.#expectations.remove(one);
    if (control.isDark) this.#removeDark(control);
    const first = this.#controls.get(control.hash);
    if (first === control && control.next === undefined) this.#controls.delete(control.hash);
    else if (first === control) this.#controls.set(control.hash, control.next as Control);
    else for (let one = first; one !== undefined; one = one.next) if (one.next === control) one.next = control.next;
    this.#filter[filterBits(control.hash)]!--;
    this.#size--;
  }

  /** Of those that are there longest, the one that was silent longest. */
  #makeRoom(): void {
    let oldest: Control | undefined;
    let count = 0;
    for (const control of this.#controls.values()) {
      if (count++ === CANDIDATES) break;
      if (oldest === undefined || control.lastUnixMs < oldest.lastUnixMs) oldest = control;
    }
    if (oldest === undefined) return;
    this.counts.dropped++;
    this.#remove(oldest);
  }

  #expect(control: Control, announced: Pick<DataExpected, "command" | "announcement" | "agreement">): void {
    const isPassive = announced.command === "PASV" || announced.command === "EPSV";
    const [listener, peer] = isPassive ? [control.server, control.client] : [control.client, control.server];
    this.counts.announced++;
    // Whatever address was written: what the control connection's own peer listens on, and nobody else.
    const expected: DataExpected = {
      control,
      ...announced,
      isIpv6: control.isIpv6,
      listener: listener.address,
      port: announced.announcement.port,
      peer: peer.address,
      untilUnixMs: control.lastUnixMs + EXPECT_MS,
    };
    const before = this.#expectations.add(expected);
    if (before !== undefined) before.control.expected.splice(before.control.expected.indexOf(before), 1);
    control.expected.push(expected);
    const oldest = control.expected.length > MAX_EACH ? control.expected.shift() : undefined;
    if (oldest !== undefined) this.#expectations.remove(oldest);
  }

  #addDark(control: Control): void {
    this.counts.encrypted++;
    const key = this.#darkKey(control.isIpv6, control.client.address, control.server.address);
    const known = this.#dark.get(key);
    if (known === undefined) this.#dark.set(key, new Set([control]));
    else known.add(control);
  }

  #removeDark(control: Control): void {
    const key = this.#darkKey(control.isIpv6, control.client.address, control.server.address);
    const known = this.#dark.get(key);
    known?.delete(control);
    if (known?.size === 0) this.#dark.delete(key);
  }

  #darkBetween(isIpv6: boolean, one: Readonly<Address>, other: Readonly<Address>): Control | undefined {
    if (this.#dark.size === 0) return undefined;
    const [control] = this.#dark.get(this.#darkKey(isIpv6, one, other)) ?? [];
    if (control === undefined || control.isIpv6 !== isIpv6) return undefined;
    const { client, server } = control;
    const isSo = isSameAddress(client.address, one) && isSameAddress(server.address, other);
    return isSo || (isSameAddress(client.address, other) && isSameAddress(server.address, one)) ? control : undefined;
  }

  #darkKey(isIpv6: boolean, one: Readonly<Address>, other: Readonly<Address>): number {
    return this.#hash.pair(this.#hash.address(one, isIpv6, 0), this.#hash.address(other, isIpv6, 0));
  }
}

function filterBits(hash: number): number {
  return hash >>> (32 - FILTER_BITS);
}

/** `220`, or as much of it as the first segment has. */
function isGreeting({ bytes, payload, payloadEnd }: Packet): boolean {
  return (
    (payload + 1 >= payloadEnd || bytes[payload + 1] === 50) && (payload + 2 >= payloadEnd || bytes[payload + 2] === 48)
  );
}

function isFrom({ view, source }: Packet, address: Readonly<Address>): boolean {
  return view.getInt32(source) === address.w0;
}
