/** What a port number means, and the identity of a listener. Pure. */
import { createHash } from "node:crypto";
import { classifyBindAddress } from "#src/lib/ip-address.ts";
import type { InetSocket } from "#src/linux/sock-diag-messages.ts";

// RFC 6335 §6: dynamic ports. Passive FTP ranges lie here too (cPanel: 49152 to 65534).
const FIRST_DYNAMIC_PORT = 49_152;
const MAX_KEY = 4096;

/** Ports that the kernel gives to sockets that ask for none: /proc/sys/net/ipv4/ip_local_port_range. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A socket that listens, or did: then its owner and inode may not be known. */
export interface ListeningSocket extends Omit<InetSocket, "uid" | "inode"> {
  readonly uid: number | null;
  /** 0 when it had ended before we looked. */
  readonly inode: number;
}

/** @returns the kernel's default when the text is not two ports */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text);
  return match === null ? { first: 32_768, last: 60_999 } : { first: Number(match[1]), last: Number(match[2]) };
}

/** Whether a socket's port was most likely chosen by the kernel, or by a server for one transfer. */
export function isEphemeral(port: number, range: PortRange): boolean {
  return (port >= range.first && port <= range.last) || port >= FIRST_DYNAMIC_PORT;
}

/**
 * Identity of a listener: who listens and where, not the port alone. Ephemeral ports are one identity per program, because the
 * number means nothing; so are all other network namespaces, because their numbers change with each start of a container.
 * At most 4 KiB: a longer one is its digest.
 */
export function listenerKey(socket: ListeningSocket, exe: string | null, range: PortRange, isHost: boolean): string {
  const port = isEphemeral(socket.port, range) ? "ephemeral" : String(socket.port);
  const place = isHost ? "host" : "namespace";
  const key = JSON.stringify([place, socket.protocol, classifyBindAddress(socket.address), port, exe, socket.uid]);
  return key.length <= MAX_KEY ? key : `sha256 ${createHash("sha256").update(key).digest("hex")}`;
}
