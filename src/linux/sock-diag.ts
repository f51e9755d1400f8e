/**
 * NETLINK_SOCK_DIAG: the listening sockets of one network namespace, from the kernel's own tables.
 * Since: 3.3. Needs: nothing. Cost: 0.02 to 0.2 ms a dump, even beside 100,000 connections.
 * Blinded by: other network namespaces (each needs its own socket, see net-namespace.ts); AF_PACKET, raw and SCTP sockets (not
 * asked for). Before the socket of an MPTCP listener was grafted onto its first subflow its inode belongs to no process.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { checked, libcFunction } from "./ffi.ts";
import { type DiagProtocol, type InetSocket, inetDiagRequest, parseInetDiag } from "./sock-diag-messages.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const BOTH: readonly DiagProtocol[] = ["tcp", "udp"];

const socket = libcFunction<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);

/** Keeps one netlink socket open; the owner disposes it. It stays with the namespace in which it was made. */
export class SockDiag implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(64 * 1024);

  /** @throws GarrisonError `GARRISON_SYSCALL` when the kernel has no sock_diag */
  constructor() {
    this.#fd = checked(socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG), "open sock_diag");
  }

  /** All listening TCP and unconnected UDP sockets that have a port, IPv4 and IPv6. */
  listeners(protocols: readonly DiagProtocol[] = BOTH): InetSocket[] {
    const sockets: InetSocket[] = [];
    for (const protocol of protocols) {
      for (const family of [4, 6] as const) this.#dump(protocol, family, sockets);
    }
    return sockets.filter((one) => one.port !== 0);
  }

  #dump(protocol: DiagProtocol, family: 4 | 6, sockets: InetSocket[]): void {
    writeSync(this.#fd, inetDiagRequest(protocol, family));
    for (;;) {
      const length = readSync(this.#fd, this.#buffer);
      if (parseInetDiag(this.#buffer.subarray(0, length), protocol, sockets)) return;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
