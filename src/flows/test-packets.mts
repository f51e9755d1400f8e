/** Helper of tests: packets, captures of them, and what the engine says of these. Not shipped (`.mts`). */
import { parseIpAddress } from "#src/lib/ip-network.ts";
import { FlowEngine, type FlowEngineOptions } from "./flow-engine.ts";
import { LINK } from "./packet/link-types.ts";
import { FLAG } from "./packet/packet.ts";
import type { FlowReport } from "./report.ts";

/** `address port`, such as `192.0.2.1 21`. */
export type End = string;

export const SYN: number = FLAG.syn;
export const SYN_ACK = FLAG.syn | FLAG.ack;
export const ACK: number = FLAG.ack;
export const FIN_ACK = FLAG.fin | FLAG.ack;
export const RST: number = FLAG.rst;

/** An IP packet of TCP. */
export function tcp(
  from: End,
  to: End,
  {
    flags = ACK,
    sequence = 0,
    acknowledgement = 0,
    payload = "",
  }: { flags?: number; sequence?: number; acknowledgement?: number; payload?: string | Buffer } = {},
): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(portOf(from), 0);
  header.writeUInt16BE(portOf(to), 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header.writeUInt32BE(acknowledgement >>> 0, 8);
  header[12] = 0x50;
  header[13] = flags;
  return ip(from, to, 6, Buffer.concat([header, Buffer.from(payload as string, "latin1")]));
}

/** An IP packet of UDP. */
export function udp(from: End, to: End, payload: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(portOf(from), 0);
  header.writeUInt16BE(portOf(to), 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return ip(from, to, 17, Buffer.concat([header, Buffer.from(payload, "latin1")]));
}

/** Adds the IP header. `extensions` stand between it and the rest, for IPv6; the first of them has the number `next`. */
export function ip(
  from: End,
  to: End,
  protocol: number,
  rest: Buffer,
  extensions = Buffer.alloc(0),
  next = protocol,
): Buffer {
  const [source, destination] = [bytesOf(from), bytesOf(to)];
  if (source.length === 4) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + rest.length, 2);
    header[8] = 64;
    header[9] = protocol;
    return Buffer.concat(
      [header, source, destination].map((one, index) => (index === 0 ? one.subarray(0, 12) : one)).concat(rest),
    );
  }
  const header = Buffer.alloc(8);
  header[0] = 0x60;
  header.writeUInt16BE(extensions.length + rest.length, 4);
  header[6] = next;
  header[7] = 64;
  return Buffer.concat([header, source, destination, extensions, rest]);
}

/** The pieces of an IPv4 packet, `size` bytes of payload each. */
export function fragment(packet: Buffer, size: number, id: number): Buffer[] {
  const payload = packet.subarray(20);
  const pieces: Buffer[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const piece = Buffer.concat([packet.subarray(0, 20), payload.subarray(at, at + size)]);
    piece.writeUInt16BE(piece.length, 2);
    piece.writeUInt16BE(id, 4);
    piece.writeUInt16BE((at >> 3) | (at + size < payload.length ? 0x2000 : 0), 6);
    pieces.push(piece);
  }
  return pieces;
}

/** Both ends of a TCP connection, with the numbers that they have come to. */
export class Talk {
  readonly client: End;
  readonly server: End;
  readonly packets: Buffer[];
  #next: { client: number; server: number };

  constructor(packets: Buffer[], client: End, server: End, next = { client: 0xfffffff0, server: 7000 }) {
    this.packets = packets;
    this.client = client;
    this.server = server;
    this.#next = { ...next };
  }

  open(): this {
    this.send("client", "", SYN);
    this.send("server", "", SYN_ACK);
    return this.send("client", "");
  }

  /** Without the packet: as if it had not been captured. */
  lose(side: "client" | "server", text: string): this {
    this.#next[side] += text.length;
    return this;
  }

  send(side: "client" | "server", text: string, flags = ACK): this {
    this.packets.push(this.make(side, text, flags));
    return this;
  }

  /** Makes a packet and counts it as sent. */
  make(side: "client" | "server", text: string, flags = ACK): Buffer {
    const other = side === "client" ? "server" : "client";
    const [from, to] = side === "client" ? [this.client, this.server] : [this.server, this.client];
    const packet = tcp(from, to, {
      flags,
      sequence: this.#next[side],
      acknowledgement: (flags & ACK) === 0 ? 0 : this.#next[other],
      payload: text,
    });
    this.#next[side] += text.length + ((flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1);
    return packet;
  }

  ask(command: string, reply: string): this {
    return this.send("client", `${command}\r\n`).send("server", `${reply}\r\n`);
  }

  login(): this {
    return this.open()
      .send("server", "220 ready\r\n")
      .ask("USER alice", "331 password")
      .ask("PASS secret", "230 welcome");
  }

  close(): this {
    return this.send("client", "", FIN_ACK).send("server", "", FIN_ACK);
  }
}

/** A short connection. */
export function connection(packets: Buffer[], client: End, server: End): void {
  new Talk(packets, client, server).open().send("client", "hello").send("server", "world").close();
}

/** What the engine says of IP packets, one millisecond apart. */
export function judge(
  packets: readonly Buffer[],
  options: Partial<FlowEngineOptions> & { stepMs?: number } = {},
): {
  readonly flows: readonly FlowReport[];
  readonly engine: FlowEngine;
} {
  const flows: FlowReport[] = [];
  const engine = new FlowEngine({
    ordinary: [],
    passiveRange: null,
    onFlow: (flow) => flows.push(flow),
    maxFlows: 10_000,
    ...options,
  });
  for (const [index, packet] of packets.entries()) {
    engine.setBuffer(packet);
    engine.packet(0, packet.length, packet.length, index * (options.stepMs ?? 1), LINK.raw);
  }
  engine.end();
  return { flows, engine };
}

/** `a -> b verdict`, one for each flow. */
export function verdicts(
  packets: readonly Buffer[],
  options: Partial<FlowEngineOptions> & { stepMs?: number } = {},
): string[] {
  return judge(packets, options).flows.map(
    ({ a, aPort, b, bPort, verdict }) => `${a} ${aPort} -> ${b} ${bPort} ${verdict}`,
  );
}

/** A classic capture. */
export function pcapOf(
  packets: readonly Buffer[],
  {
    linkType = LINK.raw as number,
    isLittle = true,
    isNanos = false,
    cutAt = Number.MAX_SAFE_INTEGER,
  }: { linkType?: number; isLittle?: boolean; isNanos?: boolean; cutAt?: number } = {},
): Buffer {
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (isLittle) bytes.writeUInt32LE(value >>> 0);
    else bytes.writeUInt32BE(value >>> 0);
    return bytes;
  };
  const version = word(isLittle ? 0x00040002 : 0x00020004);
  const head = [word(isNanos ? 0xa1b23c4d : 0xa1b2c3d4), version, word(0), word(0), word(65_535), word(linkType)];
  const records = packets.flatMap((packet, index) => {
    const kept = packet.subarray(0, cutAt);
    return [word(1_790_000_000), word(index * (isNanos ? 1e6 : 1e3)), word(kept.length), word(packet.length), kept];
  });
  return Buffer.concat([...head, ...records]);
}

function portOf(end: End): number {
  return Number(end.split(" ")[1]);
}

function bytesOf(end: End): Buffer {
  return Buffer.from(parseIpAddress(end.split(" ")[0] ?? "") ?? []);
}
