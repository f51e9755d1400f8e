/**
 * The classic capture file: a header of 24 bytes, then records of a header of 16 bytes and a packet.
 *
 * | offset | file header | offset | record |
 * |---|---|---|---|
 * | 0 | magic | 0 | seconds since 1970 |
 * | 4 | version 2.4 | 4 | microseconds or nanoseconds |
 * | 16 | longest packet | 8 | bytes captured |
 * | 20 | link type, low 16 bits | 12 | bytes sent |
 *
 * @see https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
 */
import { isKnownLinkType } from "../packet/link-types.ts";
import type { ByteWindow } from "./byte-window.ts";
import { type CaptureFormat, DamagedCapture, MAX_PACKET_BYTES, type PacketSink } from "./capture-format.ts";

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const MICROS = 0xa1b2c3d4;
const NANOS = 0xa1b23c4d;

/** Byte order and unit of time of a file. */
interface Magic {
  readonly isLittle: boolean;
  readonly perMs: number;
}

/** @param magic the first four bytes, read as big endian */
export function pcapMagic(magic: number): Magic | undefined {
  const swapped = ((magic >>> 24) | ((magic >>> 8) & 0xff00) | ((magic & 0xff00) << 8) | (magic << 24)) >>> 0;
  if (magic === MICROS || magic === NANOS) return { isLittle: false, perMs: magic === MICROS ? 1e3 : 1e6 };
  if (swapped === MICROS || swapped === NANOS) return { isLittle: true, perMs: swapped === MICROS ? 1e3 : 1e6 };
  return undefined;
}

/** Reads a file whose magic is known. */
export class PcapFormat implements CaptureFormat {
  readonly #isLittle: boolean;
  readonly #perMs: number;
  #linkType = -1;

  constructor({ isLittle, perMs }: Magic) {
    this.#isLittle = isLittle;
    this.#perMs = perMs;
  }

  take(window: ByteWindow, sink: PacketSink): void {
    if (this.#linkType === -1 && !this.#takeHeader(window)) return;
    const { view, end: windowEnd } = window;
    const isLittle = this.#isLittle;
    const perMs = this.#perMs;
    const linkType = this.#linkType;
    while (windowEnd - window.start >= RECORD_HEADER) {
      const at = window.start;
      const captured = view.getUint32(at + 8, isLittle);
      if (captured > MAX_PACKET_BYTES)
        throw new DamagedCapture(`a packet of ${captured} bytes is announced`, window.offset);
      const start = at + RECORD_HEADER;
      const end = start + captured;
      if (end > windowEnd) return;
      const unixMs = view.getUint32(at, isLittle) * 1000 + view.getUint32(at + 4, isLittle) / perMs;
      sink.packet(start, end, view.getUint32(at + 12, isLittle), unixMs, linkType);
      window.start = end;
    }
  }

  #takeHeader(window: ByteWindow): boolean {
    if (window.end - window.start < FILE_HEADER) return false;
    const linkType = window.view.getUint32(window.start + 20, this.#isLittle) & 0xffff;
    if (!isKnownLinkType(linkType)) throw new DamagedCapture(`link type ${linkType} is not known`, 20);
    this.#linkType = linkType;
    window.start += FILE_HEADER;
    return true;
  }
}
