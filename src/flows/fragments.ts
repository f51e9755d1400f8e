/**
 * Which flow a later fragment belongs to: it has no ports, only the number that all fragments of a packet have.
 * Memory: at most 8192 packets whose fragments are awaited; the oldest makes room.
 */
import type { Packet } from "./packet/packet.ts";

const MAX_PACKETS = 8192;

/** What the first fragment of a packet has told. */
export interface FirstFragment {
  /** Number of the flow, -1 when its ports are not both high. */
  readonly flow: number;
  readonly isFromA: boolean;
  /** Of the flow. */
  readonly hash: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Sequence number that the first byte behind the begin of the TCP header would have: later fragments go on from there. */
  readonly sequence: number;
  readonly acknowledgement: number;
}

/** Packets in fragments. */
export class Fragments {
  readonly #packets = new Map<string, FirstFragment>();

  note(packet: Packet, first: FirstFragment): void {
    const key = keyOf(packet);
    this.#packets.delete(key);
    this.#packets.set(key, first);
    if (this.#packets.size <= MAX_PACKETS) return;
    const [oldest] = this.#packets.keys();
    this.#packets.delete(oldest ?? "");
  }

  /** @returns `undefined` when the first fragment has not come */
  find(packet: Packet): FirstFragment | undefined {
    return this.#packets.get(keyOf(packet));
  }
}

function keyOf({ bytes, source, destination, addressBytes, fragmentId, protocol }: Packet): string {
  const from = bytes.toString("latin1", source, source + addressBytes);
  const to = bytes.toString("latin1", destination, destination + addressBytes);
  return `${fragmentId} ${protocol} ${from}${to}`;
}
