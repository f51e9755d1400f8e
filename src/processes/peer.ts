import type { Socket } from "node:net";
import { readPeerCredentials } from "#src/linux/unix-socket.ts";

/**
 * Whether the other end of a unix socket is the mind (or root, who may anyway). Fails closed: a socket whose peer the kernel does
 * not name is not the mind. The folder's permissions are the first fence, this is the second.
 */
export function isMindPeer(socket: Socket, mindUid: number): boolean {
  // Node has no public way to the descriptor of a socket; `_handle.fd` has been stable since 0.12.
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return false;
  try {
    const { uid } = readPeerCredentials(fd);
    return uid === mindUid || uid === 0;
  } catch {
    return false;
  }
}
