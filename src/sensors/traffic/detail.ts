/** Who and what makes up an account's traffic just now: processes, other ends, ports. Asked for only when it is high. */
import { type AccountSocket, findHolders, listAccountSockets } from "#src/linux/account-sockets.ts";
import { readActor } from "#src/linux/proc.ts";
import type { Actor } from "#src/model/actor.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { AccountPort } from "./accounts.ts";

const SHOWN = 5;

/** A process of the account that holds sockets. */
export interface Holder {
  readonly actor: Actor;
  readonly sockets: number;
}

/** What the kernel's tables of sockets say of accounts. */
export function readAccountSockets(uids: readonly number[]): Map<number, readonly AccountSocket[]> {
  return listAccountSockets(new Set(uids));
}

/** Processes that hold most of the sockets, at most 5. */
export function readHolders(uid: number, sockets: readonly AccountSocket[]): Holder[] {
  return [...findHolders(uid, sockets)]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .flatMap(([pid, held]) => {
      const actor = readActor(pid);
      return actor === null ? [] : [{ actor, sockets: held }];
    });
}

/** All of it as evidence. */
export function describeAccount(
  account: { readonly uid: number; readonly user: string | null },
  sockets: readonly AccountSocket[],
  holders: readonly Holder[],
  ports: readonly AccountPort[],
): JsonObject {
  return {
    uid: account.uid,
    user: account.user,
    processes: holders.map(({ actor: { pid, exe, comm, unit }, sockets: held }) => ({
      pid,
      exe,
      comm,
      unit,
      sockets: held,
    })),
    destinations: topDestinations(sockets),
    ports: ports.slice(0, SHOWN).map(({ protocol, port, count }) => ({ protocol, port, count })),
  };
}

/** The other ends with most sockets, at most 5; unconnected sockets have none. */
export function topDestinations(sockets: readonly AccountSocket[]): JsonObject[] {
  const counted = new Map<string, { protocol: string; address: string; port: number; sockets: number }>();
  for (const { protocol, address, port } of sockets) {
    if (address === null) continue;
    const key = `${protocol} ${address} ${port}`;
    const found = counted.get(key);
    if (found === undefined) counted.set(key, { protocol, address, port, sockets: 1 });
    else found.sockets++;
  }
  return [...counted.values()].sort((a, b) => b.sockets - a.sockets).slice(0, SHOWN);
}
