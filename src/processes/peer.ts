import type { Socket } from "node:net";
import { readPeerCredentials } from "#src/linux/unix-socket.ts";

/**
 * The uid at the other end of a unix socket when it connected, or `null` when the kernel does not name it: the caller must then
 * refuse.
 */
export function readPeerUid(socket: Socket): number | null {
  // Node has no public way to the descriptor of a socket; `_handle.fd` has been stable since 0.12.
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return null;
  try {
    return readPeerCredentials(fd).uid;
  } catch {
    return null;
  }
}

/**
 * Whether the other end of a unix socket is the mind (or root, who may anyway). Fails closed. The folder's permissions are the
 * first fence, this is the second.
 */
export function isMindPeer(socket: Socket, mindUid: number): boolean {
  const uid = readPeerUid(socket);
  return uid === mindUid || uid === 0;
}
