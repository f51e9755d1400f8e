/**
 * Packets to flows with both ports high, each with what it is. Pure but for the random key of its hash.
 *
 * The way of a packet: its headers are decoded where they lie; every packet of TCP is held against the FTP control connections, by one
 * look at a filter; then, when both ports are high, it is counted to its flow. A flow is judged when it begins, by what was announced
 * before, and with its next packets, because a capture may have two packets in the wrong order.
 */
import { formatAddress } from "./address.ts";
import { FlowTable, STATE } from "./flow-table.ts";
import { Fragments } from "./fragments.ts";
import { describeFtp, type ExplainedByFtp, type FlowEnds, type FtpCounts, FtpRelations } from "./ftp/ftp-relations.ts";
import { Handshakes } from "./handshakes.ts";
import { KeyedHash } from "./keyed-hash.ts";
import { Calls, type MediaRelation } from "./media/calls.ts";
import { type OrdinaryEnd, OrdinaryEnds } from "./ordinary-ends.ts";
import { FLAG, FRAGMENT, Packet, UDP } from "./packet/packet.ts";
import type { FlowReport, Relation, Why } from "./report.ts";

/** The lowest port that counts as high: below are those that the kernel keeps for root (ip_unprivileged_port_start). */
export const HIGH_PORT = 1024;
/** Flows at once. */
export const MAX_FLOWS = 2_000_000;
/** A flow is held against what is announced so often: with its first packets. */
const TCP_LOOKS = 3;
const UDP_LOOKS = 8;
const LOOK_MS = 1000;
const SYN_ONLY = FLAG.syn;
const SYN_ACK = FLAG.syn | FLAG.ack;

/** How flows are judged, and who is told. */
export interface FlowEngineOptions {
  /** Flows at once; at most {@link MAX_FLOWS}. @default MAX_FLOWS */
  readonly maxFlows?: number;
  readonly ordinary: readonly OrdinaryEnd[];
  /** Ports on which FTP servers with encrypted control connections listen for data; `null`: not known. */
  readonly passiveRange: readonly [low: number, high: number] | null;
  /** Gets each flow once, when it is over or the engine is told to {@link FlowEngine.end}. */
  readonly onFlow: (flow: FlowReport) => void;
}

/** What was counted. */
export interface FlowTotals {
  packets: number;
  bytes: number;
  /** Of flows with both ports high. */
  highPackets: number;
  /** Neither TCP nor UDP over IPv4 or IPv6, or cut off within their headers. */
  otherPackets: number;
  /** Fragments whose first one was not captured, or came behind them. */
  strayFragments: number;
  /** Flows that were told before their end because there was no room: what came of them later is a flow of its own. */
  earlyFlows: number;
}

/** One capture. */
export class FlowEngine {
  readonly #onFlow: (flow: FlowReport) => void;
  readonly #packet = new Packet();
  readonly #hash = new KeyedHash();
  readonly #handshakes = new Handshakes();
  readonly #fragments = new Fragments();
  readonly #calls = new Calls();
  readonly #ftp: FtpRelations;
  readonly #flows: FlowTable;
  readonly #ordinary: OrdinaryEnds;
  readonly #relations = new Map<number, ExplainedByFtp | MediaRelation>();
  readonly #ends = {
    isIpv6: false,
    a: { address: { w0: 0, w1: 0, w2: 0, w3: 0 }, port: 0 },
    b: { address: { w0: 0, w1: 0, w2: 0, w3: 0 }, port: 0 },
  };
  readonly totals: FlowTotals = {
    packets: 0,
    bytes: 0,
    highPackets: 0,
    otherPackets: 0,
    strayFragments: 0,
    earlyFlows: 0,
  };

  constructor({ maxFlows = MAX_FLOWS, ordinary, passiveRange, onFlow }: FlowEngineOptions) {
    this.#onFlow = onFlow;
    this.#ordinary = new OrdinaryEnds(ordinary);
    this.#ftp = new FtpRelations({ hash: this.#hash, handshakes: this.#handshakes, passiveRange });
    this.#flows = new FlowTable({
      maxFlows: Math.min(maxFlows, MAX_FLOWS),
      onEnd: (flow, reason) => {
        if (reason === "full") this.totals.earlyFlows++;
        this.#tell(flow);
      },
    });
  }

  /** What there was of FTP. */
  get ftp(): Readonly<FtpCounts> {
    return this.#ftp.counts;
  }

  /** What the packets that follow lie in. */
  setBuffer(bytes: Buffer): void {
    this.#packet.setBuffer(bytes);
  }

  /** Takes a packet: see `PacketSink`. */
  packet(start: number, end: number, wireBytes: number, unixMs: number, linkType: number): void {
    const packet = this.#packet;
    this.totals.packets++;
    this.totals.bytes += wireBytes;
    packet.unixMs = unixMs;
    packet.wireBytes = wireBytes;
    if (!packet.decode(start, end, linkType)) this.totals.otherPackets++;
    else if (packet.fragment === FRAGMENT.later) this.#takeFragment();
    else if (packet.protocol === UDP) this.#takeUdp();
    else this.#takeTcp();
  }

  /** Tells all flows that are there: the capture is over. */
  end(): void {
    for (let flow = 0; flow < this.#flows.count; flow++) this.#tell(flow);
  }

  #takeTcp(): void {
    const packet = this.#packet;
    const hash = this.#hashOf();
    const opening = packet.flags & SYN_ACK;
    if (opening === SYN_ACK) this.#handshakes.note(hash, packet);
    const control = this.#ftp.take(packet, hash);
    if (packet.sourcePort < HIGH_PORT || packet.destinationPort < HIGH_PORT) {
      if (packet.fragment === FRAGMENT.first) this.#noteFragment(-1, hash);
      return;
    }
    const flows = this.#flows;
    const flow = flows.find(packet, hash);
    if (!flows.isNew && opening === SYN_ONLY && this.#isAnother(flow)) flows.restart(flow, packet);
    if (flows.isNew) flows.setFirst(flow, packet);
    if (opening !== 0) this.#noteOpening(flow, opening);
    flows.add(flow, flows.isFromA, packet);
    this.totals.highPackets++;
    if ((packet.flags & (FLAG.fin | FLAG.rst)) !== 0) this.#noteEnd(flow);
    if (control?.isFtp === true) flows.addState(flow, STATE.ftpControl);
    if (flows.packets(flow) <= TCP_LOOKS) this.#judgeTcp(flow);
    if (packet.fragment === FRAGMENT.first) this.#noteFragment(flow, hash);
  }

  #takeUdp(): void {
    const packet = this.#packet;
    if (packet.sourcePort < HIGH_PORT || packet.destinationPort < HIGH_PORT) {
      if (packet.fragment === FRAGMENT.first) this.#noteFragment(-1, 0);
      return;
    }
    const hash = this.#hashOf();
    const flows = this.#flows;
    const flow = flows.find(packet, hash);
    if (flows.isNew) flows.setFirst(flow, packet);
    flows.add(flow, flows.isFromA, packet);
    this.totals.highPackets++;
    if (this.#calls.take(packet)) flows.addState(flow, STATE.sip);
    if (!this.#calls.isEmpty && flows.packets(flow) <= UDP_LOOKS) this.#judgeUdp(flow);
    if (packet.fragment === FRAGMENT.first) this.#noteFragment(flow, hash);
  }

  #hashOf(): number {
    const { bytes, source, destination, addressBytes, sourcePort, destinationPort } = this.#packet;
    return this.#hash.pair(
      this.#hash.endpoint(bytes, source, addressBytes, sourcePort),
      this.#hash.endpoint(bytes, destination, addressBytes, destinationPort),
    );
  }

  /** Whether a SYN begins another connection between the ends of a flow: it is neither sent again, nor from both sides at once. */
  #isAnother(flow: number): boolean {
    const flows = this.#flows;
    if (flows.isClosed(flow)) return true;
    const isOpened = (flows.state(flow) & STATE.opened) !== 0;
    if (!flows.isFromA) return !isOpened;
    // The answer may stand before the SYN in the capture.
    return isOpened ? flows.synOf(flow) !== this.#packet.sequence : flows.packets(flow) > 1;
  }

  #noteOpening(flow: number, opening: number): void {
    const { sequence, acknowledgement } = this.#packet;
    if ((this.#flows.state(flow) & STATE.opened) !== 0) return;
    if (opening === SYN_ONLY && this.#flows.isFromA) this.#flows.setSyn(flow, sequence);
    if (opening === SYN_ACK && !this.#flows.isFromA) this.#flows.setSyn(flow, acknowledgement - 1);
  }

  #noteEnd(flow: number): void {
    const isReset = (this.#packet.flags & FLAG.rst) !== 0;
    const side = this.#flows.isFromA ? STATE.closedA : STATE.closedB;
    this.#flows.addState(flow, isReset ? STATE.closedA | STATE.closedB : side);
  }

  #noteFragment(flow: number, hash: number): void {
    const { sourcePort, destinationPort, sequence, acknowledgement, headerBytes } = this.#packet;
    this.#fragments.note(this.#packet, {
      flow,
      isFromA: this.#flows.isFromA,
      hash,
      sourcePort,
      destinationPort,
      sequence: (sequence - headerBytes) | 0,
      acknowledgement,
    });
  }

  #takeFragment(): void {
    const packet = this.#packet;
    const first = this.#fragments.find(packet);
    if (first === undefined) {
      this.totals.strayFragments++;
      return;
    }
    if (packet.protocol !== UDP) this.#ftp.takeFragment(packet, first);
    // Its place may have been given to another flow since.
    if (first.flow === -1 || this.#flows.hashOf(first.flow) !== first.hash) return;
    this.#flows.add(first.flow, first.isFromA, packet);
    this.totals.highPackets++;
  }

  #judgeTcp(flow: number): void {
    const { unixMs } = this.#packet;
    if (this.#relations.has(flow) || unixMs - this.#flows.firstUnixMs(flow) > LOOK_MS) return;
    if (!this.#ftp.isAwaiting && this.#ftp.counts.encrypted === 0) return;
    const isOpened = (this.#flows.state(flow) & STATE.opened) !== 0;
    const ends = this.#endsOf(flow);
    const explained = this.#ftp.explain(ends, isOpened, unixMs);
    if (explained !== null) this.#relations.set(flow, explained);
    else if (this.#ftp.isBesideDark(ends)) this.#flows.addState(flow, STATE.besideDark);
  }

  #judgeUdp(flow: number): void {
    if (this.#relations.has(flow)) return;
    const { isIpv6, a, b } = this.#endsOf(flow);
    const [one, other] = [a, b].map(({ address, port }) => ({ address: formatAddress(address, isIpv6), port }));
    const relation = this.#calls.explain(one!, other!, this.#packet.unixMs);
    if (relation !== null) this.#relations.set(flow, relation);
  }

  /** Valid until the next call: flows begin too often for an object each. */
  #endsOf(flow: number): FlowEnds {
    const ends = this.#ends;
    ends.isIpv6 = (this.#flows.state(flow) & STATE.ipv6) !== 0;
    this.#flows.copyAddress(flow, "a", ends.a.address);
    this.#flows.copyAddress(flow, "b", ends.b.address);
    ends.a.port = this.#flows.portOf(flow, "a");
    ends.b.port = this.#flows.portOf(flow, "b");
    return ends;
  }

  #relationOf(flow: number): Relation | null {
    const explained = this.#relations.get(flow);
    if (explained === undefined || "kind" in explained) return explained ?? null;
    // A control connection is no data, even if it leads to a port that was announced.
    const isControl = (this.#flows.state(flow) & STATE.ftpControl) !== 0;
    return explained.agreement.state === "agreed" && !isControl ? describeFtp(explained) : null;
  }

  #tell(flow: number): void {
    const flows = this.#flows;
    const state = flows.state(flow);
    const isUdp = (state & STATE.udp) !== 0;
    const isOpened = (state & STATE.opened) !== 0;
    const relation = this.#relationOf(flow);
    this.#relations.delete(flow);
    const ends = this.#endsOf(flow);
    const isOrdinary = relation === null && this.#ordinary.has(ends, { isUdp, isOpened });
    const isExplained = relation !== null || isOrdinary;
    this.#onFlow({
      proto: isUdp ? "udp" : "tcp",
      a: formatAddress(ends.a.address, ends.isIpv6),
      aPort: ends.a.port,
      b: formatAddress(ends.b.address, ends.isIpv6),
      bPort: ends.b.port,
      packets: flows.packets(flow),
      bytes: flows.bytesOf(flow, "a") + flows.bytesOf(flow, "b"),
      packetsFromA: flows.packetsOf(flow, "a"),
      bytesFromA: flows.bytesOf(flow, "a"),
      firstUnixMs: flows.firstUnixMs(flow),
      lastUnixMs: flows.lastUnixMs(flow),
      opened: isOpened,
      verdict:
        relation === null ? (isOrdinary ? "ordinary" : "unexplained") : relation.kind === "ftp" ? "ftp-data" : "media",
      why: isExplained ? null : whyNot(state),
      relation,
    });
  }
}

function whyNot(state: number): Why {
  if ((state & STATE.ftpControl) !== 0) return "ftp-control";
  if ((state & STATE.sip) !== 0) return "sip";
  if ((state & STATE.besideDark) !== 0) return "encrypted-ftp";
  return "not-announced";
}
