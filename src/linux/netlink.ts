/**
 * A netlink(7) socket: requests, dumps, batches and group membership.
 * Since: always. Needs: nothing to read; CAP_NET_ADMIN for nf_tables, conntrack, sock_diag destroy, groups of netfilter, and for
 * batches of more than 200 KiB. Without: the kernel answers EPERM, which the caller gets.
 * Cost: two system calls a request; the kernel has done it when the first one returns.
 * It stays with the network namespace in which it was made. Blinded by: nothing; a dump may miss what changes meanwhile.
 */
import { closeSync, writeSync } from "node:fs";
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import { errnoName } from "./errno.ts";
import { checked, lastErrno, libcFunction } from "./ffi.ts";
import { type NetlinkMessage, NLMSG_DONE, NLMSG_ERROR, readErrno, readMessages } from "./netlink-messages.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_DROP_MEMBERSHIP = 2;
const NETLINK_CAP_ACK = 10;
const MSG_DONTWAIT = 0x40;
const MAX_DATAGRAM_BYTES = 128 * 1024;
// What every socket may send without asking for more (net.core.wmem_default), less the kernel's own part.
const SMALL_BYTES = 128 * 1024;

/** Protocols of netlink that we speak. */
export const NETLINK = { route: 0, sockDiag: 4, netfilter: 12 } as const;

const socket = libcFunction<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const setsockopt = libcFunction<(fd: number, level: number, name: number, value: Buffer, length: number) => number>(
  "int setsockopt(int fd, int level, int name, const uint8_t *value, unsigned int length)",
);
const getsockname = libcFunction<(fd: number, address: Buffer, length: Buffer) => number>(
  "int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint8_t *length)",
);
const bind = libcFunction<(fd: number, address: Buffer, length: number) => number>(
  "int bind(int fd, const uint8_t *address, unsigned int length)",
);
const recv = libcFunction<(fd: number, buffer: Buffer, length: number, flags: number) => number>(
  "long recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)",
);

/** One socket; the owner disposes it. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  /** The kernel's name for this socket; changes made through it carry it. */
  readonly port: number;
  readonly #buffer = Buffer.alloc(MAX_DATAGRAM_BYTES);
  #sendBytes = SMALL_BYTES;

  /** @throws GarrisonError `GARRISON_SYSCALL` when the kernel has none of this protocol */
  constructor(protocol: (typeof NETLINK)[keyof typeof NETLINK]) {
    this.fd = checked(socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol), "open a netlink socket");
    try {
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK, 0);
      checked(bind(this.fd, address, address.length), "bind a netlink socket");
      const length = Buffer.from([12, 0, 0, 0]);
      checked(getsockname(this.fd, address, length), "name a netlink socket");
      this.port = address.readUInt32LE(4);
      this.#set(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Room for what comes while nobody reads. Best effort: it needs CAP_NET_ADMIN. */
  setReceiveBytes(bytes: number): void {
    this.#set(SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  }

  /** Hears what the kernel tells this group. @throws GarrisonError `GARRISON_SYSCALL` */
  join(group: number): void {
    checked(this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group), `join netlink group ${group}`);
  }

  leave(group: number): void {
    this.#set(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group);
  }

  /**
   * Sends messages of which none asks for an acknowledgement: the kernel has done them when it returns, and tells only failures.
   * @throws GarrisonError `GARRISON_NETLINK_ERROR` with the first one, its errno as `cause.code`
   */
  send(messages: Buffer, act: string): void {
    this.#write(messages, act);
    for (let failure: GarrisonError | null = null; ; ) {
      const answers = this.receive();
      if (answers === null) {
        if (failure !== null) throw failure;
        return;
      }
      for (const answer of answers) failure ??= failureOf(answer, act);
    }
  }

  /**
   * Answers to one request that asks for a dump or an acknowledgement (NLM_F_DUMP, NLM_F_ACK).
   * @throws GarrisonError `GARRISON_NETLINK_ERROR`
   */
  ask(request: Buffer, act: string): NetlinkMessage[] {
    const answers: NetlinkMessage[] = [];
    this.dump(request, act, ({ body, ...rest }) => answers.push({ ...rest, body: Buffer.from(body) }));
    return answers;
  }

  /**
   * The same for many answers: each is seen where it lies, and is gone when `see` returns. When `see` returns `false` nothing more
   * is read; the socket is then of no further use.
   */
  dump(request: Buffer, act: string, see: (message: NetlinkMessage) => unknown): void {
    this.#write(request, act);
    const sequence = request.readUInt32LE(8);
    for (;;) {
      const length = checked(recv(this.fd, this.#buffer, this.#buffer.length, 0), act);
      for (const message of readMessages(this.#buffer.subarray(0, length))) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_DONE) return;
        if (message.type !== NLMSG_ERROR) {
          if (see(message) === false) return;
        } else if (readErrno(message) === 0) return;
        else throw failureOf(message, act) ?? new GarrisonError("GARRISON_NETLINK_ERROR", `Cannot ${act}`);
      }
    }
  }

  /**
   * What waits, one datagram; `null` when nothing does. It lies in the socket's own memory until the next call.
   * @throws GarrisonError `GARRISON_SYSCALL`; with ENOBUFS as `cause.code` something was lost
   */
  receive(): NetlinkMessage[] | null {
    const length = recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    if (length === -1 && lastErrno() === "EAGAIN") return null;
    return [...readMessages(this.#buffer.subarray(0, checked(length, "read a netlink socket")))];
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }

  #write(messages: Buffer, act: string): void {
    if (messages.length > this.#sendBytes) {
      this.#sendBytes = messages.length * 2;
      this.#set(SOL_SOCKET, SO_SNDBUFFORCE, this.#sendBytes);
    }
    try {
      writeSync(this.fd, messages);
    } catch (error) {
      throw new GarrisonError("GARRISON_NETLINK_ERROR", `Cannot ${act}: ${errnoOf(error) ?? "unknown"}`, {
        cause: error,
      });
    }
  }

  #set(level: number, name: number, value: number): number {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return setsockopt(this.fd, level, name, bytes, bytes.length);
  }
}

function failureOf(message: NetlinkMessage, act: string): GarrisonError | null {
  const errno = message.type === NLMSG_ERROR ? readErrno(message) : 0;
  if (errno === 0) return null;
  const code = errnoName(errno);
  return new GarrisonError("GARRISON_NETLINK_ERROR", `Cannot ${act}: the kernel answered ${code}`, {
    cause: Object.assign(new Error(`errno ${errno}`), { code }),
  });
}
