/** What the readers of both kinds of capture have in common. */
import type { ByteWindow } from "./byte-window.ts";

/**
 * The longest packet: tcpdump takes at most 262,144 bytes of one, and Wireshark's own limit for USB is the longest that was seen to be
 * written. A length above it is no length.
 */
export const MAX_PACKET_BYTES = 1024 * 1024;

/** Gets the packets of a capture, one by one. */
export interface PacketSink {
  /** What the packets that follow lie in. */
  setBuffer(bytes: Buffer): void;
  /**
   * @param start of the packet in the buffer
   * @param end behind the last byte that was captured
   * @param wireBytes as long as it was when it was sent
   * @param unixMs with a fraction
   */
  packet(start: number, end: number, wireBytes: number, unixMs: number, linkType: number): void;
}

/** Takes whole records from a window. */
export interface CaptureFormat {
  /** Takes all records that have come as a whole. @throws DamagedCapture where nothing sensible follows */
  take(window: ByteWindow, sink: PacketSink): void;
}

/** Nothing can be read from here on. */
export class DamagedCapture extends Error {
  constructor(what: string, offset: number) {
    super(`${what} at byte ${offset}`);
    this.name = "DamagedCapture";
  }
}
