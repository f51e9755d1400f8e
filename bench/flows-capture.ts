/**
 * Makes a capture of a busy hosting server, the same for the same seed: connections of which one in six has both ports high, one in
 * ten is IPv6, and FTP control connections that announce their data by PASV, EPSV, PORT and EPRT. Tells which flows are FTP data.
 */
import { closeSync, openSync, writeSync } from "node:fs";

const CHUNK = 4 * 1024 * 1024;
const RECORD = 16;
const ETHERNET = 14;
const SYN = 2;
const ACK = 16;
const PSH_ACK = 24;
const FIN_ACK = 17;
const SYN_ACK = 18;
const START_SECONDS = 1_790_000_000;

/** What was made. */
export interface MadeCapture {
  readonly packets: number;
  readonly bytes: number;
  readonly connections: number;
  readonly controls: number;
  /** `a aPort b bPort` of FTP data flows with both ports high. */
  readonly dataFlows: ReadonlySet<string>;
  /** Number of other flows with both ports high, of TCP and UDP. */
  readonly otherHighFlows: number;
}

/** How much. */
export interface CaptureOptions {
  readonly packets: number;
  /** @default 1 */
  readonly seed?: number;
}

interface Ends {
  readonly is6: boolean;
  readonly client: number;
  readonly server: number;
  readonly clientPort: number;
  readonly serverPort: number;
}

/** One packet that is to be sent: which way, with what. */
interface Step {
  readonly ends: Ends;
  readonly isFromClient: boolean;
  readonly flags: number;
  readonly text: string;
  readonly bytes: number;
  readonly isUdp: boolean;
  readonly sequence: number;
  readonly acknowledgement: number;
}

/** Writes the file. Connections go on side by side, 2,000 at a time. */
export function makeFlowsCapture(path: string, { packets, seed = 1 }: CaptureOptions): MadeCapture {
  const random = randomOf(seed);
  const writer = new CaptureWriter(path);
  const made = { connections: 0, controls: 0, dataFlows: new Set<string>(), otherHighFlows: 0 };
  const open: Iterator<Step>[] = [];
  while (writer.packets < packets) {
    while (open.length < 2000) open.push(connection(random, made));
    const at = Math.floor(random() * open.length);
    const { done, value } = open[at]!.next();
    if (done === true) open.splice(at, 1);
    else writer.write(value);
  }
  writer.close();
  return { ...made, packets: writer.packets, bytes: writer.bytes };
}

type Made = { connections: number; controls: number; dataFlows: Set<string>; otherHighFlows: number };
type Random = () => number;

function* connection(random: Random, made: Made): Generator<Step, void, void> {
  made.connections++;
  const ends: Ends = {
    is6: random() < 0.1,
    client: Math.floor(random() * 0xffffff),
    server: Math.floor(random() * 200),
    clientPort: 1024 + Math.floor(random() * 64_000),
    serverPort: [80, 443, 443, 443, 25, 993][Math.floor(random() * 6)]!,
  };
  const kind = random();
  if (kind < 0.15) return yield* ftp(random, made, { ...ends, serverPort: random() < 0.8 ? 21 : 2121 });
  if (kind < 0.25) {
    made.otherHighFlows++;
    return yield* tcp({ ...ends, serverPort: 1024 + Math.floor(random() * 64_000) }, 8 + Math.floor(random() * 20));
  }
  if (kind < 0.3) {
    made.otherHighFlows++;
    return yield* udp({ ...ends, serverPort: 1024 + Math.floor(random() * 64_000) }, 10 + Math.floor(random() * 30));
  }
  yield* tcp(ends, 6 + Math.floor(random() * 24));
}

function* ftp(random: Random, made: Made, ends: Ends): Generator<Step, void, void> {
  made.controls++;
  if (ends.serverPort > 1023) made.otherHighFlows++;
  const talk = new Talk(ends);
  yield* talk.open();
  yield talk.say(false, "220 ftp.example ready\r\n");
  yield* talk.ask("USER alice", "331 Please specify the password.");
  yield* talk.ask("PASS secret", "230 Login successful.");
  for (let transfers = 1 + Math.floor(random() * 2); transfers > 0; transfers--) {
    const port = 1024 + Math.floor(random() * 64_000);
    const isPassive = random() < 0.75;
    const data: Ends = isPassive
      ? { ...ends, clientPort: 1024 + Math.floor(random() * 64_000), serverPort: port }
      : {
          ...ends,
          client: ends.client,
          clientPort: port,
          serverPort: random() < 0.5 ? 20 : 1024 + Math.floor(random() * 64_000),
        };
    yield* talk.ask(...announcement(ends, port, isPassive));
    yield* talk.ask("RETR file", "150 Opening BINARY mode data connection.");
    const steps = tcp(data, 6 + Math.floor(random() * 20), isPassive);
    const first = steps.next();
    if (data.serverPort > 1023) made.dataFlows.add(keyOf(data, isPassive));
    if (first.done !== true) yield first.value;
    yield* steps;
    yield talk.say(false, "226 Transfer complete.\r\n");
  }
  yield* talk.ask("QUIT", "221 Goodbye.");
  yield* talk.close();
}

function announcement(ends: Ends, port: number, isPassive: boolean): [command: string, reply: string] {
  const numbers = (address: string): string => [...address.split("."), port >> 8, port & 255].join(",");
  const address = addressText(ends, isPassive ? "server" : "client");
  if (isPassive && ends.is6) return ["EPSV", `229 Entering Extended Passive Mode (|||${port}|)`];
  if (isPassive)
    return port % 3 === 0
      ? ["EPSV", `229 Entering Extended Passive Mode (|||${port}|)`]
      : ["PASV", `227 Entering Passive Mode (${numbers(address)}).`];
  return ends.is6 || port % 3 === 0
    ? [`EPRT |${ends.is6 ? 2 : 1}|${address}|${port}|`, "200 EPRT command successful."]
    : [`PORT ${numbers(address)}`, "200 PORT command successful."];
}

function* tcp(ends: Ends, count: number, isByClient = true): Generator<Step, void, void> {
  const talk = new Talk(ends, isByClient);
  yield* talk.open();
  for (let index = 0; index < count; index++)
    yield talk.send(index % 2 === 0, index % 4 === 0 ? 0 : 60 + ((index * 97) % 320));
  yield* talk.close();
}

function* udp(ends: Ends, count: number): Generator<Step, void, void> {
  for (let index = 0; index < count; index++)
    yield {
      ends,
      isFromClient: index % 2 === 0,
      flags: 0,
      text: "",
      bytes: 100 + ((index * 31) % 200),
      isUdp: true,
      sequence: 0,
      acknowledgement: 0,
    };
}

/** Both directions of a connection with their numbers. */
class Talk {
  readonly #ends: Ends;
  readonly #isByClient: boolean;
  readonly #next = { client: 1000, server: 5000 };

  constructor(ends: Ends, isByClient = true) {
    this.#ends = ends;
    this.#isByClient = isByClient;
  }

  *open(): Generator<Step, void, void> {
    yield this.#step(this.#isByClient, SYN, "", 0);
    yield this.#step(!this.#isByClient, SYN_ACK, "", 0);
    yield this.#step(this.#isByClient, ACK, "", 0);
  }

  *close(): Generator<Step, void, void> {
    yield this.#step(true, FIN_ACK, "", 0);
    yield this.#step(false, FIN_ACK, "", 0);
    yield this.#step(true, ACK, "", 0);
  }

  *ask(command: string, reply: string): Generator<Step, void, void> {
    yield this.say(true, `${command}\r\n`);
    yield this.say(false, `${reply}\r\n`);
  }

  say(isFromClient: boolean, text: string): Step {
    return this.#step(isFromClient, PSH_ACK, text, text.length);
  }

  send(isFromClient: boolean, bytes: number): Step {
    return this.#step(isFromClient, ACK, "", bytes);
  }

  #step(isFromClient: boolean, flags: number, text: string, bytes: number): Step {
    const [from, to] = isFromClient ? (["client", "server"] as const) : (["server", "client"] as const);
    const step = {
      ends: this.#ends,
      isFromClient,
      flags,
      text,
      bytes,
      isUdp: false,
      sequence: this.#next[from],
      acknowledgement: this.#next[to],
    };
    this.#next[from] += bytes + ((flags & 3) === 0 ? 0 : 1);
    return step;
  }
}

function keyOf(ends: Ends, isByClient: boolean): string {
  const client = `${addressText(ends, "client")} ${ends.clientPort}`;
  const server = `${addressText(ends, "server")} ${ends.serverPort}`;
  return isByClient ? `${client} ${server}` : `${server} ${client}`;
}

function addressText({ is6, client, server }: Ends, side: "client" | "server"): string {
  const value = side === "client" ? client : server;
  const [high, low] = [value >> 16, value & 0xffff];
  if (is6)
    return side === "client"
      ? `2001:db8:c:${(high + 1).toString(16)}::${(low + 1).toString(16)}`
      : `2001:db8:5::${(low + 1).toString(16)}`;
  return side === "client" ? `100.${high}.${low >> 8}.${low & 255}` : `192.0.2.${low}`;
}

/** Little-endian pcap of Ethernet, written in large pieces. */
class CaptureWriter {
  readonly #fd: number;
  readonly #chunk = Buffer.alloc(CHUNK);
  #used = 0;
  packets = 0;
  bytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "w");
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(1, 20);
    this.#put(header);
  }

  write({ ends, isFromClient, flags, text, bytes, isUdp, sequence, acknowledgement }: Step): void {
    const transport = isUdp ? 8 : 20;
    const ip = ends.is6 ? 40 : 20;
    const length = ETHERNET + ip + transport + bytes;
    const packet = Buffer.alloc(RECORD + length);
    packet.writeUInt32LE(START_SECONDS + Math.floor(this.packets / 50_000), 0);
    packet.writeUInt32LE((this.packets % 50_000) * 20, 4);
    packet.writeUInt32LE(length, 8);
    packet.writeUInt32LE(length, 12);
    const at = RECORD + ETHERNET;
    packet.writeUInt16BE(ends.is6 ? 0x86dd : 0x0800, at - 2);
    writeIp(packet, at, { ends, isFromClient, length: transport + bytes, protocol: isUdp ? 17 : 6 });
    const ports = isFromClient ? [ends.clientPort, ends.serverPort] : [ends.serverPort, ends.clientPort];
    packet.writeUInt16BE(ports[0]!, at + ip);
    packet.writeUInt16BE(ports[1]!, at + ip + 2);
    if (isUdp) packet.writeUInt16BE(transport + bytes, at + ip + 4);
    else {
      packet.writeUInt32BE(sequence, at + ip + 4);
      packet.writeUInt32BE((flags & ACK) === 0 ? 0 : acknowledgement, at + ip + 8);
      packet[at + ip + 12] = 0x50;
      packet[at + ip + 13] = flags;
      packet.writeUInt16BE(64_240, at + ip + 14);
    }
    packet.write(text, at + ip + transport, "latin1");
    this.packets++;
    this.#put(packet);
  }

  close(): void {
    writeSync(this.#fd, this.#chunk, 0, this.#used);
    closeSync(this.#fd);
  }

  #put(bytes: Buffer): void {
    if (this.#used + bytes.length > CHUNK) {
      writeSync(this.#fd, this.#chunk, 0, this.#used);
      this.#used = 0;
    }
    this.#used += bytes.copy(this.#chunk, this.#used);
    this.bytes += bytes.length;
  }
}

function writeIp(
  packet: Buffer,
  at: number,
  { ends, isFromClient, length, protocol }: { ends: Ends; isFromClient: boolean; length: number; protocol: number },
): void {
  const { is6, client, server } = ends;
  const [from, to] = isFromClient ? (["client", "server"] as const) : (["server", "client"] as const);
  const value = { client, server };
  if (!is6) {
    packet[at] = 0x45;
    packet.writeUInt16BE(20 + length, at + 2);
    packet[at + 8] = 64;
    packet[at + 9] = protocol;
    for (const [side, offset] of [
      [from, 12],
      [to, 16],
    ] as const)
      packet.writeUInt32BE(side === "client" ? 0x64000000 + value.client : 0xc0000200 + value.server, at + offset);
    return;
  }
  packet[at] = 0x60;
  packet.writeUInt16BE(length, at + 4);
  packet[at + 6] = protocol;
  packet[at + 7] = 64;
  for (const [side, offset] of [
    [from, 8],
    [to, 24],
  ] as const) {
    packet.writeUInt32BE(0x20010db8, at + offset);
    packet.writeUInt16BE(side === "client" ? 0xc : 5, at + offset + 4);
    if (side === "client") packet.writeUInt16BE((value.client >> 16) + 1, at + offset + 6);
    packet.writeUInt16BE((value[side] & 0xffff) + 1, at + offset + 14);
  }
}

/** A small generator with a seed (mulberry32). */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
