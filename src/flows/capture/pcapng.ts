/**
 * The newer capture file: blocks of a type, a length, a body and the length again. A section begins with its byte order; interfaces are
 * numbered within it. Options are looked at where they tell the unit of time, blocks of other kinds are passed over.
 *
 * | block | type | body |
 * |---|---|---|
 * | section header | 0x0a0d0d0a | byte order, version, length of the section, options |
 * | interface | 1 | link type (2), reserved (2), longest packet (4), options |
 * | packet, obsolete | 2 | interface (2), drops (2), time (8), captured (4), sent (4), packet |
 * | simple packet | 3 | sent (4), packet |
 * | enhanced packet | 6 | interface (4), time (8), captured (4), sent (4), packet, options |
 *
 * @see https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
 */
import type { ByteWindow } from "./byte-window.ts";
import { type CaptureFormat, DamagedCapture, MAX_PACKET_BYTES, type PacketSink } from "./capture-format.ts";

/** Type of the block that a file begins with; the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const BLOCK = { interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const;
const MIN_BLOCK = 12;
const BODY = 8;
/** Blocks that are read as a whole: a packet with many options. Others may be longer. */
const MAX_READ_BLOCK = MAX_PACKET_BYTES + 64 * 1024;
const MAX_INTERFACES = 4096;
const OPTION = { end: 0, timeResolution: 9, timeOffset: 14 } as const;
const MAX_OPTIONS = 64;
/** Bodies of blocks that hold packets, without the packet. */
const HEAD_BYTES = { enhancedPacket: 20, simplePacket: 4 } as const;

interface CaptureInterface {
  readonly linkType: number;
  readonly snapBytes: number;
  readonly perMs: number;
  readonly offsetMs: number;
}

/** Reads a file from its first section on. */
export class PcapngFormat implements CaptureFormat {
  #isLittle = true;
  readonly #interfaces: CaptureInterface[] = [];
  /** Simple packets have no time of their own. */
  #lastUnixMs = 0;

  take(window: ByteWindow, sink: PacketSink): void {
    while (window.end - window.start >= MIN_BLOCK) {
      const type = window.view.getUint32(window.start, this.#isLittle);
      if (type === SECTION_HEADER) this.#readByteOrder(window);
      const length = window.view.getUint32(window.start + 4, this.#isLittle);
      if (length < MIN_BLOCK || length % 4 !== 0)
        throw new DamagedCapture(`a block of ${length} bytes is announced`, window.offset);
      if (!isRead(type)) {
        window.skip(length);
        continue;
      }
      if (length > MAX_READ_BLOCK) throw new DamagedCapture(`a block of ${length} bytes is announced`, window.offset);
      if (window.start + length > window.end) return;
      const again = window.view.getUint32(window.start + length - 4, this.#isLittle);
      if (again !== length)
        throw new DamagedCapture(`a block of ${length} bytes ends as one of ${again}`, window.offset);
      this.#takeBlock(type, window, length, sink);
      window.start += length;
    }
  }

  #readByteOrder({ view, start, offset }: ByteWindow): void {
    this.#interfaces.length = 0;
    const isLittle = view.getUint32(start + 8, true) === BYTE_ORDER;
    if (!isLittle && view.getUint32(start + 8) !== BYTE_ORDER)
      throw new DamagedCapture("a section without a byte order", offset);
    this.#isLittle = isLittle;
  }

  #takeBlock(type: number, window: ByteWindow, length: number, sink: PacketSink): void {
    const at = window.start + BODY;
    const end = window.start + length - 4;
    if (type === BLOCK.interface) this.#addInterface(window, at, end);
    else if (type === BLOCK.simplePacket) this.#takeSimple(window, at, end, sink);
    else if (type !== SECTION_HEADER) this.#takeEnhanced(window, at, end, { sink, isObsolete: type === BLOCK.packet });
  }

  #addInterface({ view, offset }: ByteWindow, at: number, end: number): void {
    if (this.#interfaces.length >= MAX_INTERFACES)
      throw new DamagedCapture(`more than ${MAX_INTERFACES} interfaces`, offset);
    if (end - at < 8) throw new DamagedCapture("an interface without its link type", offset);
    const isLittle = this.#isLittle;
    let perMs = 1e3;
    let offsetMs = 0;
    let option = at + 8;
    for (let count = 0; count < MAX_OPTIONS && option + 4 <= end; count++) {
      const code = view.getUint16(option, isLittle);
      const bytes = view.getUint16(option + 2, isLittle);
      const value = option + 4;
      if (code === OPTION.end || value + bytes > end) break;
      if (code === OPTION.timeResolution && bytes === 1) perMs = ticksPerMs(view.getUint8(value));
      if (code === OPTION.timeOffset && bytes === 8) offsetMs = Number(view.getBigInt64(value, isLittle)) * 1000;
      option = value + ((bytes + 3) & ~3);
    }
    const linkType = view.getUint16(at, isLittle);
    this.#interfaces.push({ linkType, snapBytes: view.getUint32(at + 4, isLittle), perMs, offsetMs });
  }

  #takeEnhanced(
    { view, offset }: ByteWindow,
    at: number,
    end: number,
    { sink, isObsolete }: { sink: PacketSink; isObsolete: boolean },
  ): void {
    const isLittle = this.#isLittle;
    const start = at + HEAD_BYTES.enhancedPacket;
    if (start > end) throw new DamagedCapture("a packet without its lengths", offset);
    const captured = view.getUint32(at + 12, isLittle);
    if (captured > end - start)
      throw new DamagedCapture(`a packet of ${captured} bytes in a block of ${end - start}`, offset);
    const from = this.#interfaces[isObsolete ? view.getUint16(at, isLittle) : view.getUint32(at, isLittle)];
    if (from === undefined) throw new DamagedCapture("a packet of an interface that was not announced", offset);
    const ticks = view.getUint32(at + 4, isLittle) * 2 ** 32 + view.getUint32(at + 8, isLittle);
    this.#lastUnixMs = ticks / from.perMs + from.offsetMs;
    sink.packet(start, start + captured, view.getUint32(at + 16, isLittle), this.#lastUnixMs, from.linkType);
  }

  #takeSimple({ view, offset }: ByteWindow, at: number, end: number, sink: PacketSink): void {
    const [first] = this.#interfaces;
    if (first === undefined || end - at < HEAD_BYTES.simplePacket)
      throw new DamagedCapture("a packet of an interface that was not announced", offset);
    const sent = view.getUint32(at, this.#isLittle);
    const start = at + HEAD_BYTES.simplePacket;
    const longest = first.snapBytes === 0 ? sent : Math.min(sent, first.snapBytes);
    sink.packet(start, Math.min(start + longest, end), sent, this.#lastUnixMs, first.linkType);
  }
}

function isRead(type: number): boolean {
  return (
    type === BLOCK.enhancedPacket ||
    type === BLOCK.interface ||
    type === BLOCK.simplePacket ||
    type === BLOCK.packet ||
    type === SECTION_HEADER
  );
}

/** The highest bit tells a power of 2 from one of 10. */
function ticksPerMs(resolution: number): number {
  return (resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution) / 1000;
}
