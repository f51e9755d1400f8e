/**
 * Listening unix sockets made before privileges are dropped, and who is at the other end of a connection.
 * Since: always. Needs: write permission on the folder; CAP_CHOWN to give it a group. Cost: none while idle.
 * Blinded by: nothing; SO_PEERCRED is set by the kernel at connect(2).
 */
import { chmodSync, chownSync, closeSync, rmSync } from "node:fs";
import { checked, libcFunction } from "./ffi.ts";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const MAX_PATH_BYTES = 107;

const socket = libcFunction<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const bind = libcFunction<(fd: number, address: Buffer, length: number) => number>(
  "int bind(int fd, const uint8_t *address, unsigned int length)",
);
const listen = libcFunction<(fd: number, backlog: number) => number>("int listen(int fd, int backlog)");
const getsockopt = libcFunction<(fd: number, level: number, name: number, value: Buffer, length: Buffer) => number>(
  "int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint8_t *length)",
);

/** Process, user and group at the other end when it connected. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * A listening socket in place of whatever lay at `path`, with mode 0660 and the group `gid`. The caller closes the fd.
 * @throws RangeError when the path is longer than the 107 bytes of sockaddr_un
 */
export function listenUnix(path: string, gid: number): number {
  const bytes = Buffer.from(path);
  if (bytes.length > MAX_PATH_BYTES) {
    throw new RangeError(
      `Cannot listen on "${path}": it has ${bytes.length} bytes, a unix socket path may have ${MAX_PATH_BYTES}; give a shorter --run folder`,
    );
  }
  rmSync(path, { force: true });
  const address = Buffer.alloc(2 + bytes.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  const fd = checked(socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0), "open a unix socket");
  try {
    checked(bind(fd, address, address.length), `bind "${path}"`);
    if (process.getuid?.() === 0) chownSync(path, 0, gid);
    chmodSync(path, 0o660);
    checked(listen(fd, 16), `listen on "${path}"`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Who connected. @throws GarrisonError `GARRISON_SYSCALL` when `fd` is no connected unix socket */
export function readPeerCredentials(fd: number): PeerCredentials {
  const value = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  checked(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, length), "read the credentials of a peer");
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}
