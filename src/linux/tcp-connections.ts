/**
 * TCP connections of this network namespace: who is at the other end, and how to end one.
 * Kernel interface: NETLINK_SOCK_DIAG, dump and SOCK_DESTROY. Since: 3.3; SOCK_DESTROY 4.9 where CONFIG_INET_DIAG_DESTROY is set.
 * Needs: nothing to list, CAP_NET_ADMIN to end. Without: EPERM or EOPNOTSUPP. Cost: one walk of the kernel's table, 1 ms where it has
 * 262,144 places, however few are taken; 0.5 µs more for each connection that it tells: of up to 16 networks only theirs.
 * Blinded by: connections of other network namespaces, such as those of containers, which only pass through.
 */
import { errnoOf } from "#src/lib/errors.ts";
import { containsNetwork, type IpNetwork } from "#src/lib/ip-network.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { NetlinkWriter } from "./netlink-messages.ts";
import { remoteFilter } from "./sock-diag-filter.ts";

// The old request: unlike SOCK_DIAG_BY_FAMILY it asks for both families in one walk of the table, as ss(8) does.
const TCPDIAG_GETSOCK = 18;
const INET_DIAG_REQ_BYTECODE = 1;
const SOCK_DESTROY = 21;
const NLM_F_REQUEST_DUMP = 0x301;
const NLM_F_REQUEST_ACK = 0x5;
const AF_INET = 2;
const IPPROTO_TCP = 6;
const TCP_ESTABLISHED = 1;
const ESTABLISHED = 1 << TCP_ESTABLISHED;
// All but TIME_WAIT (6), CLOSE (7) and LISTEN (10), which have nobody at the other end.
const CONNECTED = 0x1fff & ~((1 << 6) | (1 << 7) | (1 << 10)) & ~1;
// A longer filter would cost the kernel more than telling all.
const MAX_FILTERED = 16;
// In struct inet_diag_msg: state at 1; the id at 4: ports, then addresses at 8 and 24; uid at 64, inode at 68.
const SOCKET_ID_AT = 4;
const SOCKET_ID_BYTES = 48;
const REMOTE_AT = 24;
const UID_AT = 64;
const DIAG_BYTES = 72;

/** One connection. */
export interface TcpConnection {
  /** The other end, as a network of full length; IPv4-mapped as IPv4. */
  readonly remote: IpNetwork;
  readonly localPort: number;
  readonly inode: number;
  /** AF_INET or AF_INET6, and the kernel's struct inet_diag_sockid. */
  readonly family: number;
  readonly id: Buffer;
}

/** What is listed. */
export interface ListOptions {
  /** Only those that are established: nobody is logged in on others. @default false */
  readonly isEstablished?: boolean;
}

/** Connections whose other end lies in one of the networks; `null`: all. @throws GarrisonError when the kernel has no sock_diag */
export function listConnections(
  networks: readonly IpNetwork[] | null,
  { isEstablished = false }: ListOptions = {},
): TcpConnection[] {
  using socket = new NetlinkSocket(NETLINK.sockDiag);
  const isSought = networks === null ? () => true : matcherOf(networks);
  const filter = networks !== null && networks.length <= MAX_FILTERED ? remoteFilter(networks) : null;
  const found: TcpConnection[] = [];
  socket.dump(dumpRequest(isEstablished ? ESTABLISHED : CONNECTED, filter), "list connections", ({ type, body }) => {
    if (type !== TCPDIAG_GETSOCK || body.length < DIAG_BYTES) return;
    const family = body[0]!;
    const remote = remoteOf(body, family);
    if (!isSought(remote)) return;
    found.push({
      remote,
      localPort: body.readUInt16BE(SOCKET_ID_AT),
      inode: body.readUInt32LE(68),
      family,
      id: Buffer.from(body.subarray(SOCKET_ID_AT, SOCKET_ID_AT + SOCKET_ID_BYTES)),
    });
  });
  return found;
}

/** How many connections each uid has: who made the socket. @throws GarrisonError when the kernel has no sock_diag */
export function countConnections(): Map<number, number> {
  using socket = new NetlinkSocket(NETLINK.sockDiag);
  const counts = new Map<number, number>();
  socket.dump(dumpRequest(CONNECTED, null), "count connections", ({ type, body }) => {
    if (type !== TCPDIAG_GETSOCK || body.length < DIAG_BYTES) return;
    const uid = body.readUInt32LE(UID_AT);
    counts.set(uid, (counts.get(uid) ?? 0) + 1);
  });
  return counts;
}

/**
 * Ends connections: their processes get ECONNABORTED, the other end a reset.
 * @returns how many ended; those that ended by themselves meanwhile do not count
 * @throws GarrisonError when the kernel cannot (EOPNOTSUPP) or we may not (EPERM)
 */
export function endConnections(connections: readonly TcpConnection[]): number {
  if (connections.length === 0) return 0;
  using socket = new NetlinkSocket(NETLINK.sockDiag);
  let ended = 0;
  for (const connection of connections) {
    try {
      socket.ask(destroyRequest(connection), "end a connection");
      ended++;
    } catch (error) {
      if (errnoOf((error as Error).cause) !== "ENOENT") throw error;
    }
  }
  return ended;
}

/** Whether an address lies in one of many networks: quick for many that are single addresses. */
export function matcherOf(networks: readonly IpNetwork[]): (address: IpNetwork) => boolean {
  const single = new Set<string>();
  const wide: IpNetwork[] = [];
  for (const network of networks) {
    if (network.prefix === network.bytes.length * 8) single.add(keyOf(network));
    else wide.push(network);
  }
  return (address) =>
    (single.size > 0 && single.has(keyOf(address))) || wide.some((network) => containsNetwork(network, address));
}

function keyOf({ bytes }: IpNetwork): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function remoteOf(body: Buffer, family: number): IpNetwork {
  const bytes = Uint8Array.from(body.subarray(REMOTE_AT, REMOTE_AT + (family === AF_INET ? 4 : 16)));
  if (family === AF_INET) return { family: 4, bytes, prefix: 32 };
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? { family: 4, bytes: bytes.slice(12), prefix: 32 } : { family: 6, bytes, prefix: 128 };
}

/** struct inet_diag_req: family (not looked at), lengths of nothing, ext; the id; states u32, nothing u32. */
function dumpRequest(stateBits: number, filter: Buffer | null): Buffer {
  const writer = new NetlinkWriter();
  const states = Buffer.alloc(8);
  states.writeUInt32LE(stateBits);
  writer.begin(TCPDIAG_GETSOCK, NLM_F_REQUEST_DUMP, 1, [AF_INET, 0, 0, 0, ...Buffer.alloc(SOCKET_ID_BYTES), ...states]);
  if (filter !== null) writer.raw(INET_DIAG_REQ_BYTECODE, filter);
  writer.end();
  return writer.bytes;
}

/** struct inet_diag_req_v2: family, protocol, ext, pad; states u32; the id. */
function destroyRequest({ family, id }: TcpConnection): Buffer {
  const writer = new NetlinkWriter();
  const body = [family, IPPROTO_TCP, 0, 0, 0xff, 0xff, 0xff, 0xff, ...id];
  writer.begin(SOCK_DESTROY, NLM_F_REQUEST_ACK, 1, body);
  writer.end();
  return writer.bytes;
}
