/**
 * Logins from afar, as logind and utmp have them: who, from where, and the process it began with.
 * Kernel interface: none; files /run/systemd/sessions/* and /run/utmp, written by root. Needs: nothing. Cost: a file a session, 0.02 ms each.
 * Blinded by: hosts that have neither; a login that came by a name which utmp gives no address for.
 * @see utmp(5): struct utmp of glibc, 384 bytes
 */
import { closeSync, constants, openSync, readdirSync, readSync } from "node:fs";
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";

const MAX_SESSIONS = 1000;
const MAX_SESSION_BYTES = 8192;
const UTMP_BYTES = 384;
const USER_PROCESS = 7;

/** A login from another machine. */
export interface LoginSession {
  /** The process that the login began with, such as the sshd of one connection. */
  readonly pid: number;
  readonly from: IpNetwork;
}

/** Sessions that logind and utmp have now; at most 1,000 of each. */
export function readLoginSessions(logindFolder = "/run/systemd/sessions", utmpPath = "/run/utmp"): LoginSession[] {
  return [...readLogind(logindFolder), ...parseUtmp(readBytes(utmpPath, MAX_SESSIONS * UTMP_BYTES))];
}

/** One file of logind, lines of `KEY=value`. @returns `undefined` when it is no login from afar */
export function parseLogindSession(text: string): LoginSession | undefined {
  const fields = new Map(
    text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  return toSession(Number(fields.get("LEADER")), fields.get("REMOTE_HOST") ?? "");
}

/** The records of a utmp file. */
export function parseUtmp(bytes: Buffer): LoginSession[] {
  const found: LoginSession[] = [];
  for (let at = 0; at + UTMP_BYTES <= bytes.length; at += UTMP_BYTES) {
    if (bytes.readUInt16LE(at) !== USER_PROCESS) continue;
    const address = bytes.subarray(at + 348, at + 364);
    const host = bytes.toString("latin1", at + 76, at + 332).replace(/\0.*$/s, "");
    const session = toSession(
      bytes.readInt32LE(at + 4),
      address.some((byte) => byte !== 0) ? addressText(address) : host,
    );
    if (session !== undefined) found.push(session);
  }
  return found;
}

function readLogind(folder: string): LoginSession[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[\w-]{1,64}$/.test(name))
      .slice(0, MAX_SESSIONS)
      .flatMap(
        (name) => parseLogindSession(readBytes(`${folder}/${name}`, MAX_SESSION_BYTES).toString("latin1")) ?? [],
      );
  } catch {
    return [];
  }
}

/** The first bytes of a regular file; none when it is not there. */
function readBytes(path: string, most: number): Buffer {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const bytes = Buffer.alloc(most);
      return bytes.subarray(0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

/** An IPv4 address has three words of zeros behind it. */
function addressText(bytes: Buffer): string {
  if (bytes.subarray(4).every((byte) => byte === 0)) return bytes.subarray(0, 4).join(".");
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(":");
}

function toSession(pid: number, host: string): LoginSession | undefined {
  // fe80::1%eth0: a zone says nothing of the packets.
  const from = parseNetwork(host.replace(/%.*$/, ""));
  return from === null || host.includes("/") || !Number.isSafeInteger(pid) || pid <= 0 ? undefined : { pid, from };
}
