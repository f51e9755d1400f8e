/**
 * NETLINK_SOCK_DIAG messages: request of an inet dump and parser of its answers. Pure.
 *
 * | offset in struct inet_diag_msg | field |
 * |---|---|
 * | 0 | family u8, state u8, timer u8, retrans u8 |
 * | 4 | sport be16, dport be16, src[16], dst[16], if u32, cookie[8] |
 * | 52 | expires, rqueue, wqueue, uid, inode: u32 each |
 * @see sock_diag(7); linux v6.18 include/uapi/linux/inet_diag.h
 */

import { GarrisonError } from "#src/lib/errors.ts";
import { formatIpAddress } from "#src/lib/ip-address.ts";

const TCP_CLOSE = 7;
const TCP_LISTEN = 10;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG_HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const INET_DIAG_REQ_BYTES = 56;
const INET_DIAG_MSG_BYTES = 72;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO = { tcp: 6, udp: 17 } as const;

/** What is asked for. An MPTCP listener is among `tcp`, by the socket of its first subflow. */
export type DiagProtocol = keyof typeof IPPROTO;

/** A TCP socket in LISTEN or an unconnected UDP socket with a port. */
export interface InetSocket {
  readonly protocol: DiagProtocol;
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Owner of the socket: who made it. */
  readonly uid: number;
  readonly inode: number;
}

/** Dump request for one protocol and family: TCP in LISTEN only, UDP unconnected only (the kernel filters). */
export function inetDiagRequest(protocol: DiagProtocol, family: 4 | 6): Buffer {
  const request = Buffer.alloc(NLMSG_HEADER_BYTES + INET_DIAG_REQ_BYTES);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  request.writeUInt16LE(NLM_F_REQUEST_DUMP, 6);
  request.writeUInt32LE(1, 8);
  request[16] = family === 4 ? AF_INET : AF_INET6;
  request[17] = IPPROTO[protocol];
  request.writeUInt32LE(1 << (protocol === "udp" ? TCP_CLOSE : TCP_LISTEN), 20);
  return request;
}

/**
 * Adds the sockets of one datagram to `sockets`.
 * @returns `true` when the dump is complete
 * @throws GarrisonError `GARRISON_NETLINK_TRUNCATED` or `GARRISON_NETLINK_ERROR`
 */
export function parseInetDiag(datagram: Buffer, protocol: DiagProtocol, sockets: InetSocket[]): boolean {
  let offset = 0;
  while (offset + NLMSG_HEADER_BYTES <= datagram.length) {
    const messageBytes = datagram.readUInt32LE(offset);
    const type = datagram.readUInt16LE(offset + 4);
    if (messageBytes < NLMSG_HEADER_BYTES || offset + messageBytes > datagram.length) {
      throw truncated(messageBytes, datagram.length - offset);
    }
    const body = offset + NLMSG_HEADER_BYTES;
    if (type === NLMSG_DONE) return true;
    if (type === NLMSG_ERROR) {
      if (messageBytes < NLMSG_HEADER_BYTES + 4) throw truncated(messageBytes, NLMSG_HEADER_BYTES + 4);
      throw new GarrisonError(
        "GARRISON_NETLINK_ERROR",
        `Cannot dump sockets: the kernel answered error ${datagram.readInt32LE(body)}`,
      );
    }
    const isSocket = type === SOCK_DIAG_BY_FAMILY && messageBytes >= NLMSG_HEADER_BYTES + INET_DIAG_MSG_BYTES;
    if (isSocket) sockets.push(parseSocket(datagram, body, protocol));
    offset += (messageBytes + 3) & ~3;
  }
  return false;
}

function parseSocket(datagram: Buffer, at: number, protocol: DiagProtocol): InetSocket {
  const family = datagram[at] === AF_INET ? 4 : 6;
  return {
    protocol,
    family,
    address: formatIpAddress(datagram.subarray(at + 8, at + 8 + (family === 4 ? 4 : 16)), family),
    port: datagram.readUInt16BE(at + 4),
    uid: datagram.readUInt32LE(at + 64),
    inode: datagram.readUInt32LE(at + 68),
  };
}

function truncated(messageBytes: number, leftBytes: number): GarrisonError {
  return new GarrisonError(
    "GARRISON_NETLINK_TRUNCATED",
    `Cannot read sock_diag: message of ${messageBytes} bytes, ${leftBytes} are there`,
  );
}
