/**
 * Sockets of an account: whom it sends to, and which of its processes do.
 * Kernel interface: NETLINK_SOCK_DIAG, dump of TCP and UDP, IPv4 and IPv6. Since: 3.3. Needs: nothing; CAP_SYS_PTRACE for processes of
 * others. Without: no processes. Cost: 1 µs a socket of the host, of which at most 20,000 are looked at; one stat(2) a process of the
 * host, and one readlink(2) an fd of at most 64 of the account's. Asked for only when an account sends much.
 * Blinded by: sockets of other network namespaces; an unconnected UDP socket has no other end that the kernel knows.
 */
import { formatIpAddress } from "#src/lib/ip-address.ts";
import { ownerOf } from "./account-processes.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { type NetlinkMessage, NetlinkWriter } from "./netlink-messages.ts";
import { holdsAnySocket, listPids } from "./socket-owners.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const AF_INET = 2;
const AF_INET6 = 10;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
// All but TIME_WAIT (6), which has no owner, and LISTEN (10). UDP: unconnected is CLOSE (7).
const STATES = { tcp: 0x1fff & ~((1 << 6) | (1 << 10)) & ~1, udp: 0xffff } as const;
const SOCKET_ID_BYTES = 48;
// In struct inet_diag_msg: ports at 4 and 6, remote address at 24, uid at 64, inode at 68.
const REMOTE_PORT_AT = 6;
const REMOTE_AT = 24;
const UID_AT = 64;
const INODE_AT = 68;
const DIAG_BYTES = 72;
const MAX_SOCKETS = 20_000;
const MAX_KEPT = 4096;
const MAX_PROCESSES = 64;

/** A socket that is no listener. */
export interface AccountSocket {
  readonly protocol: "tcp" | "udp";
  /** The other end; `null`: an unconnected UDP socket. */
  readonly address: string | null;
  readonly port: number;
  readonly inode: number;
}

/** Sockets by uid, for the uids asked for; at most 4,096 together. @throws GarrisonError when the kernel has no sock_diag */
export function listAccountSockets(uids: ReadonlySet<number>): Map<number, AccountSocket[]> {
  const found = new Map<number, AccountSocket[]>();
  let seen = 0;
  let kept = 0;
  for (const protocol of ["tcp", "udp"] as const) {
    for (const family of [AF_INET, AF_INET6]) {
      // One each: a dump that is left off leaves its answers in the socket.
      using socket = new NetlinkSocket(NETLINK.sockDiag);
      socket.dump(requestOf(protocol, family), "list sockets", (message) => {
        seen++;
        const uid = isSocket(message) ? message.body.readUInt32LE(UID_AT) : -1;
        if (uids.has(uid)) {
          const sockets = found.get(uid) ?? [];
          found.set(uid, sockets);
          sockets.push(toSocket(message.body, protocol, family));
          kept++;
        }
        return seen < MAX_SOCKETS && kept < MAX_KEPT;
      });
    }
  }
  return found;
}

/** Processes of an account that hold any of these sockets, with how many; at most 64 processes are asked. */
export function findHolders(uid: number, sockets: readonly AccountSocket[]): Map<number, number> {
  const byInode = new Map(sockets.map(({ inode }) => [inode, inode]));
  const holders = new Map<number, number>();
  let asked = 0;
  for (const pid of listPids()) {
    if (ownerOf(pid) !== uid) continue;
    asked++;
    const held = holdsAnySocket(pid, byInode).length;
    if (held > 0) holders.set(pid, held);
    if (asked >= MAX_PROCESSES) break;
  }
  return holders;
}

function isSocket({ type, body }: NetlinkMessage): boolean {
  return type === SOCK_DIAG_BY_FAMILY && body.length >= DIAG_BYTES;
}

function toSocket(body: Buffer, protocol: "tcp" | "udp", family: number): AccountSocket {
  const port = body.readUInt16BE(REMOTE_PORT_AT);
  const bytes = body.subarray(REMOTE_AT, REMOTE_AT + (family === AF_INET ? 4 : 16));
  return {
    protocol,
    address: port === 0 ? null : formatIpAddress(bytes, family === AF_INET ? 4 : 6),
    port,
    inode: body.readUInt32LE(INODE_AT),
  };
}

/** struct inet_diag_req_v2: family, protocol, ext, pad; states u32; the id. */
function requestOf(protocol: "tcp" | "udp", family: number): Buffer {
  const states = Buffer.alloc(4);
  states.writeUInt32LE(STATES[protocol]);
  const writer = new NetlinkWriter();
  const body = [family, PROTOCOLS[protocol], 0, 0, ...states, ...Buffer.alloc(SOCKET_ID_BYTES)];
  writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, body);
  writer.end();
  return writer.bytes;
}
