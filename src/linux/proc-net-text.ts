/**
 * Parser of /proc/PID/net/tcp, tcp6, udp and udp6. Pure.
 * @see proc_pid_net(5); linux v6.18 net/ipv4/tcp_ipv4.c get_tcp4_sock: addresses are printed as native-endian 32-bit words
 */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import type { DiagProtocol, InetSocket } from "./sock-diag-messages.ts";

const LINE =
  /^\s*\d+: ([\dA-F]{8}(?:[\dA-F]{24})?):([\dA-F]{4}) [\dA-F:]+ ([\dA-F]{2}) [\dA-F:]+ [\dA-F:]+ [\dA-F]+\s+(\d{1,10})\s+\d+\s+(\d{1,16}) /;
// include/net/tcp_states.h; an unconnected UDP socket is in TCP_CLOSE.
const WANTED_STATE = { tcp: "0A", udp: "07" } as const;

/** TCP sockets in LISTEN, or unconnected UDP sockets with a port. Lines that are not of the kernel's form are passed over. */
export function parseProcNetSockets(text: string, protocol: DiagProtocol, family: 4 | 6): InetSocket[] {
  return text.split("\n").flatMap((line) => {
    const [, address = "", port = "", state, uid, inode] = LINE.exec(line) ?? [];
    if (state !== WANTED_STATE[protocol] || (address.length === 8) !== (family === 4) || port === "0000") return [];
    return {
      protocol,
      family,
      address: formatIpAddress(Buffer.from(address, "hex").swap32(), family),
      port: Number.parseInt(port, 16),
      uid: Number(uid),
      inode: Number(inode),
    };
  });
}
