/** What accounts have sent between two tellings of the warden. Pure. */
import { ACCOUNT_NUMBERS, type AccountCounts, PORT_NUMBERS } from "#src/wire/account-counts.ts";

/** What one account has sent since the telling before. */
export interface AccountTraffic {
  readonly uid: number;
  readonly packets: number;
  readonly bytes: number;
  readonly connections: number;
  readonly mailConnections: number;
}

/** What accounts have sent since the telling before. */
export interface AccountsTraffic {
  readonly spanMs: number;
  readonly accounts: readonly AccountTraffic[];
}

/** One destination port of an account. */
export interface AccountPort {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** Connections begun, or UDP packets. */
  readonly count: number;
}

/** Subtracts one telling from the next. Memory: 100 bytes an account, at most 8,000. */
export class AccountDifferences {
  #epoch = -1;
  #atMs = 0;
  #before = new Map<number, AccountTraffic>();

  /** @returns `null`: it is the telling of before, or the first, from which nothing can be subtracted */
  take({ epoch, atMs, accounts }: AccountCounts): AccountsTraffic | null {
    if (epoch === this.#epoch && atMs <= this.#atMs) return null;
    const isFirst = this.#epoch === -1;
    const spanMs = atMs - this.#atMs;
    if (epoch !== this.#epoch) this.#before.clear();
    this.#epoch = epoch;
    this.#atMs = atMs;
    const differences: AccountTraffic[] = [];
    for (let at = 0; at + ACCOUNT_NUMBERS <= accounts.length; at += ACCOUNT_NUMBERS) {
      const [uid, packets, bytes, connections, mailConnections] = accounts.slice(at, at + ACCOUNT_NUMBERS);
      const now = {
        uid: uid!,
        packets: packets!,
        bytes: bytes!,
        connections: connections!,
        mailConnections: mailConnections!,
      };
      differences.push(subtract(now, this.#before.get(now.uid)));
      // One that a telling leaves out is not forgotten: the next goes on from where it was.
      this.#before.set(now.uid, now);
    }
    return isFirst || spanMs <= 0 ? null : { spanMs, accounts: differences };
  }

  /** Accounts that have begun a connection to a mail server since the counts began. */
  mailers(): number[] {
    return [...this.#before.values()].filter(({ mailConnections }) => mailConnections > 0).map(({ uid }) => uid);
  }
}

/** Destination ports of an account, busiest first. */
export function portsOf({ ports }: AccountCounts, uid: number): AccountPort[] {
  const found: AccountPort[] = [];
  for (let at = 0; at + PORT_NUMBERS <= ports.length; at += PORT_NUMBERS) {
    if (ports[at] !== uid) continue;
    found.push({ protocol: ports[at + 1] === 6 ? "tcp" : "udp", port: ports[at + 2]!, count: ports[at + 3]! });
  }
  return found;
}

/** A count that fell has begun at 0 again. */
function subtract(now: AccountTraffic, before: AccountTraffic | undefined): AccountTraffic {
  if (before === undefined || now.packets < before.packets) return now;
  return {
    uid: now.uid,
    packets: now.packets - before.packets,
    bytes: Math.max(0, now.bytes - before.bytes),
    connections: Math.max(0, now.connections - before.connections),
    mailConnections: Math.max(0, now.mailConnections - before.mailConnections),
  };
}
