/**
 * Addresses from which somebody who may become root, or has become root, is logged in now: these are never blocked.
 *
 * Kernel interface: sock_diag, /proc/PID/{loginuid,sessionid,stat,status,fd}; logind and utmp. Since: always; loginuid needs CONFIG_AUDITSYSCALL.
 * Needs: CAP_SYS_PTRACE for the sockets of processes of others, and no Landlock domain of our own, which hides them all the same;
 * without, sessions are known by logind and utmp alone ({@link AdminSessions.seesSockets}).
 * Cost: one dump of connections (see tcp-connections.ts); where somebody is connected 5 ms at 300 processes, at most once a second.
 * Blinded by: a login whose daemon sets no login uid (no pam_loginuid); a session that began within the last second.
 *
 * A connection belongs to a login when a process holds its socket whose audit session is another one than its parent's: there it
 * began. A daemon that an admin has started from his shell has one too, and the same as its children before they log anybody in.
 */
import { readFileSync } from "node:fs";
import type { IpNetwork } from "#src/lib/ip-network.ts";
import { listGroupMembers } from "./group-file.ts";
import { type LoginSession, readLoginSessions } from "./login-sessions.ts";
import { readProcText, whyExesAreHidden } from "./proc.ts";
import { parseEffectiveUid, parseLoginUid, parseProcStat } from "./proc-text.ts";
import { holdsAnySocket, listPids } from "./socket-owners.ts";
import { listConnections, matcherOf } from "./tcp-connections.ts";

const FRESH_MS = 1000;
const ADMIN_GROUPS = ["sudo", "wheel", "admin"];
const MAX_PASSWD_BYTES = 4 * 1024 * 1024;

/** A process of a login session. */
interface SessionProcess {
  readonly pid: number;
  readonly parentPid: number;
  readonly uid: number | null;
  readonly loginUid: number;
  readonly session: string;
}

/** Looks when asked; what it saw of processes holds for a second. */
export class AdminSessions {
  #seenAtMs = Number.NEGATIVE_INFINITY;
  #processes = new Map<number, SessionProcess>();
  #sessions: readonly LoginSession[] = [];
  #adminUids: ReadonlySet<number> = new Set();

  /** Whether it can know a session by the socket that a process holds. */
  readonly seesSockets: boolean = whyExesAreHidden() === null;

  /**
   * Addresses from which an admin is logged in.
   * @param networks only addresses of these; `null`: all
   * @throws GarrisonError when the kernel has no sock_diag
   */
  peers(networks: readonly IpNetwork[] | null): IpNetwork[] {
    const connections = listConnections(networks, { isEstablished: true });
    if (connections.length === 0) return [];
    this.#refresh();
    const byInode = new Map(connections.map(({ inode, remote }) => [inode, remote]));
    const isConnected = matcherOf(connections.map(({ remote }) => remote));
    return [...this.#byLogin().filter(isConnected), ...(this.seesSockets ? this.#bySocket(byInode) : [])];
  }

  #refresh(): void {
    if (performance.now() - this.#seenAtMs < FRESH_MS) return;
    this.#processes = new Map(
      listPids()
        .flatMap((pid) => readSessionProcess(pid) ?? [])
        .map((one) => [one.pid, one]),
    );
    this.#sessions = readLoginSessions();
    this.#adminUids = readAdminUids();
    this.#seenAtMs = performance.now();
  }

  #byLogin(): IpNetwork[] {
    return this.#sessions.flatMap(({ pid, from }) => {
      const leader = this.#processes.get(pid);
      return leader !== undefined && this.#isAdmin(leader) ? [from] : [];
    });
  }

  #bySocket(byInode: ReadonlyMap<number, IpNetwork>): IpNetwork[] {
    return [...this.#processes.values()].flatMap((one) => {
      if (this.#processes.get(one.parentPid)?.session === one.session || !this.#isAdmin(one)) return [];
      return holdsAnySocket(one.pid, byInode);
    });
  }

  #isAdmin({ loginUid, session }: SessionProcess): boolean {
    if (this.#adminUids.has(loginUid)) return true;
    // Somebody in the session has become root: not the daemon's own part, whose parent is root too.
    for (const one of this.#processes.values()) {
      if (one.session !== session || one.uid !== 0) continue;
      const parent = this.#processes.get(one.parentPid);
      if (parent?.session === session && parent.uid !== 0) return true;
    }
    return false;
  }
}

/** Root, and who is in a group that may become root. */
function readAdminUids(): Set<number> {
  const members = new Set(listGroupMembers(ADMIN_GROUPS));
  const uids = new Set([0]);
  for (const line of readStart("/etc/passwd").split("\n")) {
    const [name = "", , uid = ""] = line.split(":");
    if (members.has(name) && /^\d{1,10}$/.test(uid)) uids.add(Number(uid));
  }
  return uids;
}

function readStart(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, MAX_PASSWD_BYTES);
  } catch {
    return "";
  }
}

function readSessionProcess(pid: number): SessionProcess | undefined {
  const loginUid = parseLoginUid(readProcText(`/proc/${pid}/loginuid`) ?? "");
  if (loginUid === null) return undefined;
  const stat = parseProcStat(readProcText(`/proc/${pid}/stat`) ?? "");
  const session = readProcText(`/proc/${pid}/sessionid`);
  if (stat === undefined || session === undefined) return undefined;
  const uid = parseEffectiveUid(readProcText(`/proc/${pid}/status`) ?? "");
  return { pid, parentPid: stat.parentPid, uid, loginUid, session };
}
