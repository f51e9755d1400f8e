/** Listener identity and /proc/net/tcp of other network namespaces. Pure. */
import { classifyBindAddress, formatIpAddress } from "#src/lib/ip-address.ts";
import type { InetSocket } from "#src/linux/sock-diag-messages.ts";

/** Ports that the kernel gives to sockets that ask for none: /proc/sys/net/ipv4/ip_local_port_range. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** @returns the kernel's default when the text is not two ports */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})\s+(\d{1,5})/.exec(text);
  return match === null ? { first: 32_768, last: 60_999 } : { first: Number(match[1]), last: Number(match[2]) };
}

/** Whether a socket's port was most likely chosen by the kernel. */
export function isEphemeral(port: number, range: PortRange): boolean {
  return port >= range.first && port <= range.last;
}

/**
 * Identity of a listener: who listens and where, not the port alone. Ephemeral ports are one identity per program, because the
 * number means nothing.
 */
export function listenerKey(socket: InetSocket, exe: string | null, range: PortRange, namespace: string): string {
  const port = isEphemeral(socket.port, range) ? "ephemeral" : String(socket.port);
  return JSON.stringify([namespace, socket.protocol, classifyBindAddress(socket.address), port, exe, socket.uid]);
}

/**
 * Listening sockets of a /proc/PID/net/tcp or tcp6 text: state 0A. The kernel prints addresses as native-endian 32-bit words.
 * Lines that are not of that form are passed over.
 */
export function parseProcNetListeners(text: string, family: 4 | 6): InetSocket[] {
  const sockets: InetSocket[] = [];
  for (const line of text.split("\n").slice(1)) {
    const match = /^\s*\d+: ([0-9A-F]{8}(?:[0-9A-F]{24})?):([0-9A-F]{4}) \S+ 0A \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)/.exec(
      line,
    );
    if (match === null || (match[1]?.length === 8) !== (family === 4)) continue;
    const bytes = Buffer.from(match[1] ?? "", "hex").swap32();
    sockets.push({
      protocol: "tcp",
      family,
      address: formatIpAddress(bytes, family),
      port: Number.parseInt(match[2] ?? "", 16),
      uid: Number(match[3]),
      inode: Number(match[4]),
    });
  }
  return sockets;
}
