/**
 * A mark of the rules of iptables that changes when anyone changes them: so that a look each second costs next to nothing.
 * Kernel interface: of the legacy variant getsockopt(IPT_SO_GET_INFO) on a raw socket, of the nft variant NFT_MSG_GETGEN.
 * Since: 2.4, 3.13. Needs: CAP_NET_ADMIN, CAP_NET_RAW. Without: throws. Cost: three or two system calls.
 * Blinded by: of the legacy variant, a change that leaves number and size of the rules as they were.
 */
import { closeSync } from "node:fs";
import { checked, lastErrno, libcFunction } from "./ffi.ts";
import { NETLINK, NetlinkSocket } from "./netlink.ts";
import { NetlinkWriter, readAttributes } from "./netlink-messages.ts";

const FAMILIES = [
  { domain: 2, level: 0 },
  { domain: 10, level: 41 },
] as const;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_RAW = 255;
const SO_GET_INFO = 64;
const INFO_BYTES = 84;
const NFT_MSG_GETGEN = (10 << 8) | 16;
const NLM_F_REQUEST_ACK = 0x5;
const NFTA_GEN_ID = 1;

const socket = libcFunction<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const getsockopt = libcFunction<(fd: number, level: number, name: number, value: Buffer, length: Buffer) => number>(
  "int getsockopt(int fd, int level, int name, _Inout_ uint8_t *value, _Inout_ uint8_t *length)",
);

/** Of the tables `filter` of the legacy variant: hooks, number and size of their rules. @throws GarrisonError `GARRISON_SYSCALL` */
export function readLegacyState(): string {
  return FAMILIES.map(({ domain, level }) => {
    const fd = checked(socket(domain, SOCK_RAW_CLOEXEC, IPPROTO_RAW), "open a raw socket");
    try {
      const info = Buffer.alloc(INFO_BYTES);
      info.write("filter");
      const length = Buffer.from([INFO_BYTES, 0, 0, 0]);
      // A table that nobody has used is not there.
      return getsockopt(fd, level, SO_GET_INFO, info, length) === -1 ? lastErrno() : info.toString("hex", 32);
    } finally {
      closeSync(fd);
    }
  }).join(" ");
}

/** Of all of nf_tables: how often it was changed. @throws GarrisonError */
export function readNfGeneration(): string {
  using asking = new NetlinkSocket(NETLINK.netfilter);
  const writer = new NetlinkWriter();
  writer.begin(NFT_MSG_GETGEN, NLM_F_REQUEST_ACK, 1, [0, 0, 0, 0]);
  writer.end();
  const [answer] = asking.ask(writer.bytes, "read the generation of nf_tables");
  return answer === undefined ? "" : (readAttributes(answer.body.subarray(4)).get(NFTA_GEN_ID)?.toString("hex") ?? "");
}
