/**
 * Calls that SIP has set up: a flow of UDP is media when both of its ends were named, one by each side of a call. Bounds: {@link MAX_CALLS}
 * calls, the oldest makes room; {@link MAX_ENDS} ends of one call; a call is good for {@link CALL_MS} behind its last message.
 */
import { formatAddress, readAddress } from "../address.ts";
import type { Packet } from "../packet/packet.ts";
import { isSipBegin, MAX_MESSAGE, type MediaEndpoint, parseSip } from "./parse-sip.ts";

/** Calls at once. */
export const MAX_CALLS = 8192;
/** Ends of one call. */
export const MAX_ENDS = 64;
/** Longest call without a message: RFC 4028 has both sides refresh within 30 minutes by default. */
export const CALL_MS = 2 * 3_600_000;

/** Why a flow is media. */
export interface MediaRelation {
  readonly kind: "sip";
  readonly callId: string;
}

interface Call {
  readonly callId: string;
  /** `address port` of each end, and which side named it: 1 the requests, 2 the answers, 3 both. */
  readonly ends: Map<string, number>;
  lastUnixMs: number;
}

/** Of one capture. */
export class Calls {
  readonly #calls = new Map<string, Call>();
  /** By end: the newest call that has it. */
  readonly #byEnd = new Map<string, Call>();

  /** Whether a flow may be media: saves the question for most of them. */
  get isEmpty(): boolean {
    return this.#byEnd.size === 0;
  }

  /** Takes a packet of UDP. @returns whether it is SIP */
  take(packet: Packet): boolean {
    const { bytes, payload, payloadEnd, unixMs } = packet;
    if (!isSipBegin(bytes, payload, payloadEnd)) return false;
    const length = Math.min(payloadEnd - payload, MAX_MESSAGE);
    const message = parseSip(bytes.toString("latin1", payload, payload + length));
    if (message === null) return false;
    const { callId, isRequest, media } = message;
    if (media.length === 0) return true;
    const call = this.#callOf(callId);
    call.lastUnixMs = unixMs;
    const sender = formatAddress(readAddress(packet, packet.source), packet.addressBytes === 16);
    for (const { address, port } of media) {
      this.#addEnd(call, keyOf({ address, port }), isRequest ? 1 : 2);
      // A sender behind NAT names an address that nobody else sees.
      if (address !== sender) this.#addEnd(call, keyOf({ address: sender, port }), isRequest ? 1 : 2);
    }
    return true;
  }

  /** Why a flow is media; `null` when nothing says so. */
  explain(one: MediaEndpoint, other: MediaEndpoint, unixMs: number): MediaRelation | null {
    const [key, otherKey] = [keyOf(one), keyOf(other)];
    for (const call of [this.#byEnd.get(key), this.#byEnd.get(otherKey)]) {
      if (call === undefined || unixMs - call.lastUnixMs > CALL_MS) continue;
      const sides = [call.ends.get(key) ?? 0, call.ends.get(otherKey) ?? 0] as const;
      if (sides[0] !== 0 && sides[1] !== 0 && (sides[0] | sides[1]) === 3) return { kind: "sip", callId: call.callId };
    }
    return null;
  }

  #callOf(callId: string): Call {
    const known = this.#calls.get(callId);
    if (known !== undefined) return known;
    const [oldest] = this.#calls.size < MAX_CALLS ? [] : this.#calls.values();
    if (oldest !== undefined) this.#forget(oldest);
    const call = { callId, ends: new Map<string, number>(), lastUnixMs: 0 };
    this.#calls.set(callId, call);
    return call;
  }

  #forget(call: Call): void {
    this.#calls.delete(call.callId);
    for (const end of call.ends.keys()) if (this.#byEnd.get(end) === call) this.#byEnd.delete(end);
  }

  #addEnd(call: Call, end: string, side: number): void {
    if (call.ends.size >= MAX_ENDS && !call.ends.has(end)) return;
    call.ends.set(end, (call.ends.get(end) ?? 0) | side);
    this.#byEnd.set(end, call);
  }
}

function keyOf({ address, port }: MediaEndpoint): string {
  return `${address} ${port}`;
}
