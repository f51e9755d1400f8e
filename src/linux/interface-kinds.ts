/**
 * Which network interfaces lead to the world: those of hardware, bonds and VLANs, and those that carry a default route.
 * Kernel interface: NETLINK_ROUTE, RTM_GETLINK and RTM_GETROUTE. Since: always. Needs: nothing. Without: throws.
 * Cost: 0.1 ms on an ordinary host. Blinded by: default routes behind the first 4,096 routes (they come first); policy routing tables,
 * whose default routes count all the same.
 * @see rtnetlink(7)
 */
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { attributeText, type NetlinkMessage, NetlinkWriter, readAttributes } from "./netlink-messages.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_GETROUTE = 26;
const NLM_F_REQUEST_DUMP = 0x301;
const IFINFOMSG_BYTES = 16;
const RTMSG_BYTES = 12;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const RTA_OIF = 4;
const RTA_MULTIPATH = 9;
const RTNEXTHOP_BYTES = 8;
const RTN_UNICAST = 1;
const RTN_TYPE_AT = 7;
const ARPHRD_LOOPBACK = 772;
const MAX_ROUTES = 4096;
// Hardware, also a virtual machine's, has no kind at all.
const OUTWARD_KINDS = ["", "bond", "team", "vlan"];

/** Names of the interfaces that lead out. @throws GarrisonError */
export function readOutwardInterfaces(): Set<string> {
  const byDefault = readDefaultInterfaces();
  const found = new Set<string>();
  dump(RTM_GETLINK, IFINFOMSG_BYTES, "list interfaces", ({ type, body }) => {
    if (type !== RTM_NEWLINK || body.readUInt16LE(2) === ARPHRD_LOOPBACK) return true;
    const attributes = readAttributes(body.subarray(IFINFOMSG_BYTES));
    const info = attributes.get(IFLA_LINKINFO);
    const kind = info === undefined ? "" : attributeText(readAttributes(info).get(IFLA_INFO_KIND));
    const isOutward = OUTWARD_KINDS.includes(kind) || byDefault.has(body.readInt32LE(4));
    if (isOutward) found.add(attributeText(attributes.get(IFLA_IFNAME)));
    return true;
  });
  return found;
}

/** Numbers of the interfaces that carry a default route. */
function readDefaultInterfaces(): Set<number> {
  const found = new Set<number>();
  let routes = 0;
  dump(RTM_GETROUTE, RTMSG_BYTES, "read routes", ({ body }) => {
    routes++;
    // struct rtmsg: length of the destination's prefix at 1. "unreachable default" leads nowhere.
    if (body[1] !== 0 || body[RTN_TYPE_AT] !== RTN_UNICAST) return routes < MAX_ROUTES;
    const attributes = readAttributes(body.subarray(RTMSG_BYTES));
    const number = attributes.get(RTA_OIF)?.readInt32LE();
    if (number !== undefined) found.add(number);
    for (const hop of hopInterfaces(attributes.get(RTA_MULTIPATH))) found.add(hop);
    return routes < MAX_ROUTES;
  });
  return found;
}

/** struct rtnexthop: length u16, flags, hops, interface i32; attributes behind. */
function hopInterfaces(hops: Buffer | undefined): number[] {
  const found: number[] = [];
  for (let at = 0; hops !== undefined && at + RTNEXTHOP_BYTES <= hops.length; ) {
    const length = hops.readUInt16LE(at);
    if (length < RTNEXTHOP_BYTES || at + length > hops.length) break;
    found.push(hops.readInt32LE(at + 4));
    at += (length + 3) & ~3;
  }
  return found;
}

function dump(type: number, bodyBytes: number, act: string, see: (message: NetlinkMessage) => boolean): void {
  using socket = new NetlinkSocket(NETLINK.route);
  const writer = new NetlinkWriter();
  writer.begin(type, NLM_F_REQUEST_DUMP, 1, Array<number>(bodyBytes).fill(0));
  writer.end();
  socket.dump(writer.bytes, act, see);
}
