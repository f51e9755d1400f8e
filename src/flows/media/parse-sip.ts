/**
 * What a SIP message says of media: the call it belongs to, and on which ports its sender wants RTP and RTCP. Pure.
 * Bounds: {@link MAX_MESSAGE} bytes, {@link MAX_MEDIA} streams.
 * @see RFC 3261 §7 and §20, RFC 8866 §5.7 (c=) and §5.14 (m=), RFC 3605 (a=rtcp)
 */
import { canonicalAddress } from "#src/lib/ip-network.ts";

/** Longest message that is looked at. */
export const MAX_MESSAGE = 8192;
/** Streams of one message. */
export const MAX_MEDIA = 8;
const MAX_CALL_ID = 256;

/** A SIP message. */
export interface SipMessage {
  readonly callId: string;
  /** `false`: the answer to one. */
  readonly isRequest: boolean;
  /** Of RTP, and of RTCP: the next port or the one that is named. */
  readonly media: readonly MediaEndpoint[];
}

/** Where media is wanted. */
export interface MediaEndpoint {
  readonly address: string;
  readonly port: number;
}

/** Whether a packet may be a SIP message that has media: a cheap test of its first bytes. */
export function isSipBegin(bytes: Buffer, at: number, end: number): boolean {
  if (end - at < 16) return false;
  const first = bytes[at];
  // INVITE, UPDATE, ACK, PRACK; SIP/2.0.
  if (first !== 73 && first !== 85 && first !== 65 && first !== 80 && first !== 83) return false;
  return /^(?:INVITE|UPDATE|ACK|PRACK) sips?:|^SIP\/2\.0 \d/.test(bytes.toString("latin1", at, at + 16));
}

/** @returns `null` when it is none, or has no Call-ID */
export function parseSip(text: string): SipMessage | null {
  const isRequest = /^(?:INVITE|UPDATE|ACK|PRACK) sips?:/.test(text);
  if (!isRequest && !/^SIP\/2\.0 [12]\d\d /.test(text)) return null;
  const blank = text.indexOf("\r\n\r\n");
  const head = blank === -1 ? text : text.slice(0, blank);
  const [, callId] = /\r\n(?:Call-ID|i)[ \t]{0,8}:[ \t]{0,8}([!-~]{1,256})(?:\r\n|$)/i.exec(head) ?? [];
  if (callId === undefined || callId.length > MAX_CALL_ID) return null;
  return { callId, isRequest, media: blank === -1 ? [] : parseSdp(text.slice(blank + 4)) };
}

function parseSdp(text: string): MediaEndpoint[] {
  let session: string | null = null;
  const streams: { address: string | null; port: number; rtcp: number }[] = [];
  for (const line of text.split(/\r?\n/)) {
    const stream = streams.at(-1);
    const [, address = ""] = /^c=IN IP[46] ([\da-fA-F:.]{2,45})(?:\/|$)/.exec(line) ?? [];
    if (address !== "" && stream === undefined) session = canonicalAddress(address);
    else if (address !== "" && stream !== undefined) stream.address = canonicalAddress(address);
    const [, port] = /^m=(?:audio|video|image|text) (\d{1,5})(?:\/\d{1,3})? (?:RTP|UDP|udptl|DTLS)/.exec(line) ?? [];
    if (port !== undefined && streams.length >= MAX_MEDIA) break;
    if (port !== undefined) streams.push({ address: session, port: Number(port), rtcp: Number(port) + 1 });
    const [, rtcp] = /^a=rtcp:(\d{1,5})(?: |$)/.exec(line) ?? [];
    if (rtcp !== undefined && stream !== undefined) stream.rtcp = Number(rtcp);
  }
  return streams
    .flatMap(({ address, port, rtcp }) => (address === null ? [] : [port, rtcp].map((one) => ({ address, port: one }))))
    .filter(({ port }) => port > 1 && port < 65_536);
}
