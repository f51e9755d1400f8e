/** One FTP control connection as it goes over the wire: both directions put in order, and what they announce. */
import { type Endpoint, isAddressAt } from "../address.ts";
import { FLAG, type Packet } from "../packet/packet.ts";
import { type Agreement, type DataCommand, Dialogue, type DialogueSink } from "./dialogue.ts";
import type { Expected } from "./expectations.ts";
import { type LineSink, LineStream, type Side } from "./line-stream.ts";
import type { Announcement } from "./parse-lines.ts";

/** A reset that is further off than this is none of the connection. */
const WINDOW = 1 << 20;

/** How a control connection is known to be one: by the greeting of its server, or by port 21, having begun before the capture. */
export type ControlEvidence = "banner" | "port-21";

/** A data connection that was announced. */
export interface DataExpected extends Expected {
  readonly control: Control;
  readonly command: DataCommand;
  readonly announcement: Announcement;
  readonly agreement: Agreement;
}

/** What is told of a control connection. */
export interface ControlSink {
  onFtp(): void;
  onAnnounced(control: Control, announced: Pick<DataExpected, "command" | "announcement" | "agreement">): void;
  onAgreed(control: Control, announcement: Announcement): void;
  onDark(control: Control): void;
}

/** What a control connection is made of. */
export interface ControlOptions {
  readonly hash: number;
  readonly isIpv6: boolean;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly evidence: ControlEvidence;
  /** Of the first byte that the client and the server will send. */
  readonly sequences: { readonly client: number; readonly server: number };
}

/** Lives in the table of controls. */
export class Control implements LineSink, DialogueSink {
  readonly hash: number;
  readonly isIpv6: boolean;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly evidence: ControlEvidence;
  /** At most `MAX_EACH`, the oldest first. */
  readonly expected: DataExpected[] = [];
  /** Another one with the same hash. */
  next: Control | undefined;
  lastUnixMs = 0;
  isDark = false;
  /** Its server has accepted a USER or a PASS. */
  isFtp = false;
  /** It is no FTP, or is over. */
  isOver = false;
  readonly #sink: ControlSink;
  readonly #dialogue: Dialogue;
  readonly #fromClient: LineStream;
  readonly #fromServer: LineStream;
  #finsSeen = 0;

  constructor({ hash, isIpv6, client, server, evidence, sequences }: ControlOptions, sink: ControlSink) {
    this.hash = hash;
    this.isIpv6 = isIpv6;
    this.client = client;
    this.server = server;
    this.evidence = evidence;
    this.#sink = sink;
    this.#dialogue = new Dialogue(this, evidence === "port-21");
    this.#fromClient = new LineStream("client", sequences.client, this);
    this.#fromServer = new LineStream("server", sequences.server, this);
  }

  onLine(side: Side, bytes: Buffer, start: number, end: number): void {
    if (this.isDark || this.isOver) return;
    if (side === "client") this.#dialogue.command(bytes, start, end);
    else this.#dialogue.reply(bytes, start, end);
  }

  onGap(side: Side): void {
    this.#dialogue.gap(side);
  }

  onFtp(): void {
    this.isFtp = true;
    this.#sink.onFtp();
  }

  onAnnounced(command: DataCommand, announcement: Announcement, agreement: Agreement): void {
    this.#sink.onAnnounced(this, { command, announcement, agreement });
  }

  onAgreed(announcement: Announcement): void {
    this.#sink.onAgreed(this, announcement);
  }

  onDark(): void {
    this.isDark = true;
    this.#sink.onDark(this);
  }

  onOther(): void {
    this.isOver = true;
  }

  /** Whether a packet with the same hash is of this connection. */
  isOf(packet: Packet): boolean {
    return this.#isBetween(packet, this.client, this.server) || this.#isBetween(packet, this.server, this.client);
  }

  take(packet: Packet): void {
    this.lastUnixMs = packet.unixMs;
    const isFromClient = this.#isBetween(packet, this.client, this.server);
    const from = isFromClient ? this.#fromClient : this.#fromServer;
    const { sequence, flags } = packet;
    if (!this.isDark) {
      const to = isFromClient ? this.#fromServer : this.#fromClient;
      if ((flags & FLAG.ack) !== 0) to.acknowledge(packet.acknowledgement);
      if (packet.payloadBytes > 0) this.#takePayload(from, packet, sequence);
    }
    if ((flags & FLAG.fin) !== 0) this.#finsSeen |= isFromClient ? 1 : 2;
    const isReset = (flags & FLAG.rst) !== 0 && Math.abs((sequence - from.next) | 0) < WINDOW;
    if (this.#finsSeen === 3 || isReset || (this.isDark && (flags & FLAG.rst) !== 0)) this.isOver = true;
  }

  /** A later fragment, whose first byte has the number `sequence`. */
  takeFragment(packet: Packet, isFromClient: boolean, sequence: number): void {
    if (!this.isDark) this.#takePayload(isFromClient ? this.#fromClient : this.#fromServer, packet, sequence);
  }

  #takePayload(from: LineStream, { bytes, payload, payloadEnd, payloadBytes }: Packet, sequence: number): void {
    from.take(sequence, bytes, payload, payloadEnd, payloadBytes);
  }

  #isBetween(packet: Packet, from: Endpoint, to: Endpoint): boolean {
    return (
      packet.sourcePort === from.port &&
      packet.destinationPort === to.port &&
      this.isIpv6 === (packet.addressBytes === 16) &&
      isAddressAt(packet, packet.source, from.address) &&
      isAddressAt(packet, packet.destination, to.address)
    );
  }
}
