/**
 * All flows with both ports high, in two arrays: no object a flow, none a packet. The key is the whole of both addresses and ports.
 * Memory: 100 bytes a flow that is there, and at most what `maxFlows` says; then the one of 64 that was idle longest makes room.
 *
 * | word | | number (8 bytes) | |
 * |---|---|---|---|
 * | 0 to 3 | address of a; of IPv4 the first | 7 | bytes from a |
 * | 4 to 7 | address of b | 8 | bytes from b |
 * | 8 | port of a, port of b | 9 | first packet, Unix ms |
 * | 9 | {@link STATE} | 10 | last packet, Unix ms |
 * | 10 | hash | | |
 * | 11 | sequence number of the SYN | | |
 * | 12, 13 | packets from a, from b | | |
 */
import type { Address } from "./address.ts";
import { type Packet, UDP } from "./packet/packet.ts";

const WORDS = 22;
const NUMBERS = WORDS / 2;
const WORD = { ports: 8, state: 9, hash: 10, syn: 11, packetsA: 12, packetsB: 13 } as const;
const NUMBER = { bytesA: 7, bytesB: 8, first: 9, last: 10 } as const;
/** What is known of a flow, as bits. */
export const STATE = {
  udp: 1,
  ipv6: 2,
  /** a has sent the SYN. */
  opened: 4,
  /** The bits of `closedA` and `closedB`: both have sent FIN, or one RST. */
  closedA: 8,
  closedB: 16,
  /** It carries an FTP control connection. */
  ftpControl: 32,
  /** Its hosts had an encrypted FTP control connection when it began. */
  besideDark: 64,
  /** It carries SIP. */
  sip: 128,
} as const;
const CLOSED = STATE.closedA | STATE.closedB;
const FIRST_SLOTS = 1 << 16;
/** How many are looked at for the one that makes room. */
const CANDIDATES = 64;
const MAX_COUNT = 0xffffffff;

/** What a table tells. */
export interface FlowTableOptions {
  /** Flows at once. */
  readonly maxFlows: number;
  /** A flow is over, or has to make room. Its place is used again behind the call. */
  readonly onEnd: (flow: number, reason: "reused" | "full") => void;
}

/** Flows by number, from 0. */
export class FlowTable {
  readonly #maxFlows: number;
  readonly #onEnd: FlowTableOptions["onEnd"];
  // The pages of what is not used yet are not there: the kernel gives them when they are written to.
  readonly #words: Uint32Array;
  readonly #numbers: Float64Array;
  /** Number of the flow plus 1. Linear probing. */
  #slots = new Int32Array(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  #hand = 0;
  /** Flows that are there: 0 to `count` - 1. */
  count = 0;
  /** Whether the last {@link FlowTable.find} has made the flow. */
  isNew = false;
  /** Whether the packet of the last {@link FlowTable.find} goes from a to b. */
  isFromA = true;

  constructor({ maxFlows, onEnd }: FlowTableOptions) {
    this.#maxFlows = maxFlows;
    this.#onEnd = onEnd;
    const buffer = new ArrayBuffer(maxFlows * WORDS * 4);
    this.#words = new Uint32Array(buffer);
    this.#numbers = new Float64Array(buffer);
  }

  /**
   * The flow of a packet, made when it is not there.
   * @param hash the same in both directions
   */
  find(packet: Packet, hash: number): number {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const flow = this.#slots[slot]! - 1;
      if (flow === -1) return this.#insert(packet, hash);
      if (this.#words[flow * WORDS + WORD.hash] === hash >>> 0 && this.#isOf(flow, packet)) {
        this.isNew = false;
        return flow;
      }
    }
  }

  /** Begins the flow anew: the same addresses and ports, another connection. */
  restart(flow: number, packet: Packet): void {
    this.#onEnd(flow, "reused");
    this.isNew = true;
    const hash = this.#words[flow * WORDS + WORD.hash]!;
    this.#fill(flow, packet, hash);
  }

  /** Counts a packet to its flow. */
  add(flow: number, isFromA: boolean, { wireBytes, unixMs }: Packet): void {
    const word = flow * WORDS + (isFromA ? WORD.packetsA : WORD.packetsB);
    const packets = this.#words[word]!;
    if (packets < MAX_COUNT) this.#words[word] = packets + 1;
    const number = flow * NUMBERS;
    this.#numbers[number + (isFromA ? NUMBER.bytesA : NUMBER.bytesB)]! += wireBytes;
    // The clock of a capture may go back.
    if (unixMs > this.#numbers[number + NUMBER.last]!) this.#numbers[number + NUMBER.last] = unixMs;
  }

  /** Of both directions. */
  packets(flow: number): number {
    const word = flow * WORDS;
    return this.#words[word + WORD.packetsA]! + this.#words[word + WORD.packetsB]!;
  }

  packetsOf(flow: number, end: "a" | "b"): number {
    return this.#words[flow * WORDS + (end === "a" ? WORD.packetsA : WORD.packetsB)]!;
  }

  bytesOf(flow: number, end: "a" | "b"): number {
    return this.#numbers[flow * NUMBERS + (end === "a" ? NUMBER.bytesA : NUMBER.bytesB)]!;
  }

  firstUnixMs(flow: number): number {
    return this.#numbers[flow * NUMBERS + NUMBER.first]!;
  }

  lastUnixMs(flow: number): number {
    return this.#numbers[flow * NUMBERS + NUMBER.last]!;
  }

  /** Bits of {@link STATE}. */
  state(flow: number): number {
    return this.#words[flow * WORDS + WORD.state]!;
  }

  addState(flow: number, bits: number): void {
    this.#words[flow * WORDS + WORD.state]! |= bits;
  }

  isClosed(flow: number): boolean {
    return (this.state(flow) & CLOSED) === CLOSED;
  }

  setSyn(flow: number, sequence: number): void {
    this.#words[flow * WORDS + WORD.syn] = sequence;
    this.addState(flow, STATE.opened);
  }

  synOf(flow: number): number {
    return this.#words[flow * WORDS + WORD.syn]! | 0;
  }

  hashOf(flow: number): number {
    return this.#words[flow * WORDS + WORD.hash]! | 0;
  }

  portOf(flow: number, end: "a" | "b"): number {
    const ports = this.#words[flow * WORDS + WORD.ports]!;
    return end === "a" ? ports >>> 16 : ports & 0xffff;
  }

  /** Writes an address into an object that is there. */
  copyAddress(flow: number, end: "a" | "b", into: Address): void {
    const at = flow * WORDS + (end === "a" ? 0 : 4);
    into.w0 = this.#words[at]! | 0;
    into.w1 = this.#words[at + 1]! | 0;
    into.w2 = this.#words[at + 2]! | 0;
    into.w3 = this.#words[at + 3]! | 0;
  }

  #isOf(flow: number, packet: Packet): boolean {
    const word = flow * WORDS;
    const state = this.#words[word + WORD.state]!;
    const is6 = packet.addressBytes === 16;
    if ((state & STATE.ipv6) !== (is6 ? STATE.ipv6 : 0)) return false;
    if ((state & STATE.udp) !== (packet.protocol === UDP ? STATE.udp : 0)) return false;
    const { sourcePort, destinationPort, source, destination } = packet;
    const ports = this.#words[word + WORD.ports]!;
    const length = is6 ? 4 : 1;
    if (ports === ((sourcePort << 16) | destinationPort) >>> 0) {
      if (this.#isAddress(word, packet, source, length) && this.#isAddress(word + 4, packet, destination, length)) {
        this.isFromA = true;
        return true;
      }
    }
    if (ports !== ((destinationPort << 16) | sourcePort) >>> 0) return false;
    this.isFromA = false;
    return this.#isAddress(word, packet, destination, length) && this.#isAddress(word + 4, packet, source, length);
  }

  #isAddress(word: number, { view }: Packet, at: number, length: number): boolean {
    for (let index = 0; index < length; index++) {
      if (this.#words[word + index] !== view.getUint32(at + index * 4)) return false;
    }
    return true;
  }

  #insert(packet: Packet, hash: number): number {
    const flow = this.count < this.#maxFlows ? this.count++ : this.#makeRoom();
    // At most half of the slots are taken.
    if (this.count * 2 > this.#slots.length) this.#grow();
    this.isNew = true;
    this.#fill(flow, packet, hash);
    this.#slots[this.#freeSlot(hash)] = flow + 1;
    return flow;
  }

  #fill(flow: number, packet: Packet, hash: number): void {
    const word = flow * WORDS;
    this.#words.fill(0, word, word + WORDS);
    const { view, source, destination, sourcePort, destinationPort, addressBytes, protocol } = packet;
    // Who answers a SYN is b, also when the SYN was not captured.
    const isFromA = (packet.flags & 18) !== 18;
    this.isFromA = isFromA;
    const a = isFromA ? source : destination;
    const b = isFromA ? destination : source;
    for (let at = 0; at < addressBytes; at += 4) {
      this.#words[word + at / 4] = view.getUint32(a + at);
      this.#words[word + 4 + at / 4] = view.getUint32(b + at);
    }
    this.#words[word + WORD.ports] = isFromA
      ? (sourcePort << 16) | destinationPort
      : (destinationPort << 16) | sourcePort;
    this.#words[word + WORD.state] = (protocol === UDP ? STATE.udp : 0) | (addressBytes === 16 ? STATE.ipv6 : 0);
    this.#words[word + WORD.hash] = hash;
  }

  /** The time of the first packet, which stays. */
  setFirst(flow: number, { unixMs }: Packet): void {
    this.#numbers[flow * NUMBERS + NUMBER.first] = unixMs;
    this.#numbers[flow * NUMBERS + NUMBER.last] = unixMs;
  }

  #freeSlot(hash: number): number {
    let slot = hash & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.#mask = this.#slots.length - 1;
    // The newest has no hash yet.
    for (let flow = 0; flow < this.count - 1; flow++) this.#slots[this.#freeSlot(this.hashOf(flow))] = flow + 1;
  }

  /** @returns the place of the flow that had to go */
  #makeRoom(): number {
    let oldest = this.#hand;
    for (let step = 0; step < CANDIDATES; step++) {
      const flow = (this.#hand + step) % this.count;
      if (this.lastUnixMs(flow) < this.lastUnixMs(oldest)) oldest = flow;
    }
    this.#hand = (this.#hand + CANDIDATES) % this.count;
    this.#onEnd(oldest, "full");
    this.#removeSlot(oldest);
    return oldest;
  }

  /** Moves up what was put behind it because its place was taken. */
  #removeSlot(flow: number): void {
    const mask = this.#mask;
    let hole = this.hashOf(flow) & mask;
    while (this.#slots[hole] !== flow + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.hashOf(this.#slots[slot]! - 1) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[slot]!;
      hole = slot;
    }
    this.#slots[hole] = 0;
  }
}
