/**
 * TCP connections of this network namespace: who is at the other end, and how to end one.
 * Kernel interface: NETLINK_SOCK_DIAG, dump and SOCK_DESTROY. Since: 3.3; SOCK_DESTROY 4.9 where CONFIG_INET_DIAG_DESTROY is set.
 * Needs: nothing to list, CAP_NET_ADMIN to end. Without: EPERM or EOPNOTSUPP. Cost: 0.05 ms and 0.5 µs a connection to list.
 * Blinded by: connections of other network namespaces, such as those of containers, which only pass through.
 */
import { errnoOf } from "#src/lib/errors.ts";
import { containsNetwork, type IpNetwork } from "#src/lib/ip-network.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { NetlinkWriter } from "./netlink-messages.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const SOCK_DESTROY = 21;
const NLM_F_REQUEST_DUMP = 0x301;
const NLM_F_REQUEST_ACK = 0x5;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_ESTABLISHED = 1;
// All but TIME_WAIT (6), CLOSE (7) and LISTEN (10), which have nobody at the other end.
const CONNECTED = 0x1fff & ~((1 << 6) | (1 << 7) | (1 << 10)) & ~1;
// In struct inet_diag_msg: state at 1; the id at 4: ports, then addresses at 8 and 24; inode at 68.
const SOCKET_ID_AT = 4;
const SOCKET_ID_BYTES = 48;
const REMOTE_AT = 24;
const DIAG_BYTES = 72;

/** One connection. */
export interface TcpConnection {
  /** The other end, as a network of full length; IPv4-mapped as IPv4. */
  readonly remote: IpNetwork;
  readonly localPort: number;
  readonly isEstablished: boolean;
  readonly inode: number;
  /** AF_INET or AF_INET6, and the kernel's struct inet_diag_sockid. */
  readonly family: number;
  readonly id: Buffer;
}

/** Connections whose other end lies in one of the networks; `null`: all. @throws GarrisonError when the kernel has no sock_diag */
export function listConnections(networks: readonly IpNetwork[] | null): TcpConnection[] {
  using socket = new NetlinkSocket(NETLINK.sockDiag);
  const isSought = networks === null ? () => true : matcherOf(networks);
  const found: TcpConnection[] = [];
  for (const family of [AF_INET, AF_INET6]) {
    socket.dump(diagRequest(family), "list connections", ({ type, body }) => {
      if (type !== SOCK_DIAG_BY_FAMILY || body.length < DIAG_BYTES) return;
      const remote = remoteOf(body, family);
      if (!isSought(remote)) return;
      found.push({
        remote,
        localPort: body.readUInt16BE(SOCKET_ID_AT),
        isEstablished: body[1] === TCP_ESTABLISHED,
        inode: body.readUInt32LE(68),
        family,
        id: Buffer.from(body.subarray(SOCKET_ID_AT, SOCKET_ID_AT + SOCKET_ID_BYTES)),
      });
    });
  }
  return found;
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

/** struct inet_diag_req_v2: family, protocol, ext, pad; states u32; the id. */
function diagRequest(family: number): Buffer {
  const writer = new NetlinkWriter();
  const states = Buffer.alloc(4);
  states.writeUInt32LE(CONNECTED);
  const body = [family, IPPROTO_TCP, 0, 0, ...states, ...Buffer.alloc(SOCKET_ID_BYTES)];
  writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, body);
  writer.end();
  return writer.bytes;
}

function destroyRequest({ family, id }: TcpConnection): Buffer {
  const writer = new NetlinkWriter();
  const body = [family, IPPROTO_TCP, 0, 0, 0xff, 0xff, 0xff, 0xff, ...id];
  writer.begin(SOCK_DESTROY, NLM_F_REQUEST_ACK, 1, body);
  writer.end();
  return writer.bytes;
}
