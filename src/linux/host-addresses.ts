/**
 * Addresses of this host, and the gateways of its routes.
 * Kernel interface: NETLINK_ROUTE, RTM_GETADDR and RTM_GETROUTE. Since: always. Needs: nothing. Cost: 0.1 ms each on an ordinary host.
 * Blinded by: addresses and routes of other network namespaces; gateways behind the first 4,096 routes (default routes come first).
 * @see rtnetlink(7)
 */
import type { IpNetwork } from "#src/lib/ip-network.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { type NetlinkMessage, NetlinkWriter, readAttributes } from "./netlink-messages.ts";

const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const NLM_F_REQUEST_DUMP = 0x301;
const IFADDRMSG_BYTES = 8;
const RTMSG_BYTES = 12;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const RTA_GATEWAY = 5;
const RTA_MULTIPATH = 9;
const RTA_VIA = 18;
const RTNEXTHOP_BYTES = 8;
const MAX_ADDRESSES = 65_536;
const MAX_ROUTES = 4096;

/** Addresses of all interfaces of this network namespace, each as a network of full length; at most 65,536. */
export function readHostAddresses(): IpNetwork[] {
  const found: IpNetwork[] = [];
  dump(RTM_GETADDR, IFADDRMSG_BYTES, (message) => {
    const attributes = readAttributes(message.body.subarray(IFADDRMSG_BYTES));
    // At the end of a tunnel IFA_ADDRESS is the other one's.
    const address = toNetwork(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS));
    if (address !== undefined) found.push(address);
    return found.length < MAX_ADDRESSES;
  });
  return found;
}

/** Gateways of the routes of this network namespace, of the default routes first. */
export function readGateways(): IpNetwork[] {
  const found = new Map<string, IpNetwork>();
  let routes = 0;
  dump(RTM_GETROUTE, RTMSG_BYTES, (message) => {
    for (const gateway of gatewaysOf(message)) found.set(Buffer.from(gateway.bytes).toString("hex"), gateway);
    routes++;
    return routes < MAX_ROUTES;
  });
  return [...found.values()];
}

function gatewaysOf({ body }: NetlinkMessage): IpNetwork[] {
  const attributes = readAttributes(body.subarray(RTMSG_BYTES));
  const hops = attributes.get(RTA_MULTIPATH);
  const all = [attributes, ...(hops === undefined ? [] : nextHops(hops))];
  return all.flatMap((one) => toNetwork(one.get(RTA_GATEWAY)) ?? toNetwork(one.get(RTA_VIA)?.subarray(2)) ?? []);
}

/** struct rtnexthop: length u16, flags, hops, interface; attributes behind. */
function nextHops(hops: Buffer): Map<number, Buffer>[] {
  const found: Map<number, Buffer>[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= hops.length; ) {
    const length = hops.readUInt16LE(at);
    if (length < RTNEXTHOP_BYTES || at + length > hops.length) break;
    found.push(readAttributes(hops.subarray(at + RTNEXTHOP_BYTES, at + length)));
    at += (length + 3) & ~3;
  }
  return found;
}

function dump(type: number, bodyBytes: number, see: (message: NetlinkMessage) => boolean): void {
  using socket = new NetlinkSocket(NETLINK.route);
  const writer = new NetlinkWriter();
  writer.begin(type, NLM_F_REQUEST_DUMP, 1, Array<number>(bodyBytes).fill(0));
  writer.end();
  socket.dump(writer.bytes, type === RTM_GETADDR ? "read addresses" : "read routes", see);
}

function toNetwork(value: Buffer | undefined): IpNetwork | undefined {
  if (value?.length === 4) return { family: 4, bytes: Uint8Array.from(value), prefix: 32 };
  if (value?.length === 16) return { family: 6, bytes: Uint8Array.from(value), prefix: 128 };
  return undefined;
}
