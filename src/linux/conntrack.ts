/**
 * Entries of connection tracking: found by source, and deleted, so that nothing passes any more as established.
 * Kernel interface: NETLINK_NETFILTER, ctnetlink. Since: 2.6.14, where nf_conntrack_netlink is there. Needs: CAP_NET_ADMIN.
 * Without: throws. Cost: 1 µs an entry of the table; a table of more than 65,536 entries is left alone.
 * Blinded by: other zones; entries that are made while we look.
 * @see linux v6.18 include/uapi/linux/netfilter/nfnetlink_conntrack.h
 */
import { readFileSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import type { IpNetwork } from "#src/lib/ip-network.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { NetlinkWriter, readAttributes } from "./netlink-messages.ts";
import { matcherOf } from "./tcp-connections.ts";

const CT_GET = (1 << 8) | 1;
const CT_DELETE = (1 << 8) | 2;
const NLM_F_REQUEST_DUMP = 0x301;
const NLM_F_REQUEST_ACK = 0x5;
const NFGENMSG_BYTES = 4;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_IP = 1;
const SOURCES = { 2: { attribute: 1, family: 4, prefix: 32 }, 10: { attribute: 3, family: 6, prefix: 128 } } as const;
const NLA_F_NESTED = 0x8000;
const COUNT = "/proc/sys/net/netfilter/nf_conntrack_count";
const MAX_ENTRIES = 65_536;

/**
 * Deletes the entries of connections that come from the networks.
 * @returns how many; 0 also when there is no connection tracking here, or too much of it
 * @throws GarrisonError when we may not
 */
export function deleteConntrack(networks: readonly IpNetwork[]): number {
  const entries = readCount();
  if (entries === 0 || entries > MAX_ENTRIES) return 0;
  using socket = new NetlinkSocket(NETLINK.netfilter);
  const isSought = matcherOf(networks);
  let deleted = 0;
  for (const family of [2, 10] as const) {
    for (const tuple of findTuples(socket, family, isSought)) {
      if (deleteTuple(socket, family, tuple)) deleted++;
    }
  }
  return deleted;
}

function findTuples(socket: NetlinkSocket, family: 2 | 10, isSought: (source: IpNetwork) => boolean): Buffer[] {
  const { attribute, ...full } = SOURCES[family];
  const found: Buffer[] = [];
  socket.dump(requestOf(CT_GET, NLM_F_REQUEST_DUMP, family, null), "list connection tracking", ({ body }) => {
    const tuple = readAttributes(body.subarray(NFGENMSG_BYTES)).get(CTA_TUPLE_ORIG);
    const addresses = tuple === undefined ? undefined : readAttributes(tuple).get(CTA_TUPLE_IP);
    const source = addresses === undefined ? undefined : readAttributes(addresses).get(attribute);
    if (tuple === undefined || source?.length !== full.prefix / 8) return;
    if (isSought({ ...full, bytes: Uint8Array.from(source) })) found.push(Buffer.from(tuple));
  });
  return found;
}

function deleteTuple(socket: NetlinkSocket, family: number, tuple: Buffer): boolean {
  try {
    socket.ask(requestOf(CT_DELETE, NLM_F_REQUEST_ACK, family, tuple), "delete from connection tracking");
    return true;
  } catch (error) {
    if (errnoOf((error as Error).cause) === "ENOENT") return false;
    throw error;
  }
}

function requestOf(type: number, flags: number, family: number, tuple: Buffer | null): Buffer {
  const writer = new NetlinkWriter();
  writer.begin(type, flags, 1, [family, 0, 0, 0]);
  if (tuple !== null) writer.raw(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
  writer.end();
  return writer.bytes;
}

/** Entries of this namespace's table; 0 when there is none. */
function readCount(): number {
  try {
    return Number(readFileSync(COUNT, "latin1"));
  } catch {
    return 0;
  }
}
