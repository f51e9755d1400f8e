/** Each half minute: how many processes and TCP connections each account has. */
import { countProcesses } from "#src/linux/account-processes.ts";
import { countConnections } from "#src/linux/tcp-connections.ts";
import type { Level, Levels } from "#src/model/observation.ts";
import type { PollSensor } from "#src/model/sensor.ts";

const EVERY_MS = 30_000;
/** Of the accounts with the most. */
const MAX_ACCOUNTS = 2000;

/** Counts what accounts use. */
export const sensor: PollSensor = {
  everyMs: EVERY_MS,
  poll(context) {
    const processes = levelsOf("processes", countProcesses());
    const connections = levelsOf("connections", countConnections());
    const accounts = Math.max(processes.length, connections.length);
    context.sight({
      state: "watching",
      sees: [`processes and TCP connections of accounts each ${EVERY_MS / 1000} s`],
      blindTo: [
        "connections of other network namespaces",
        ...(accounts < MAX_ACCOUNTS ? [] : [`accounts beyond the ${MAX_ACCOUNTS} with the most`]),
      ],
    });
    const levels: Levels = {
      sensor: "accounts",
      type: "levels",
      atUnixMs: Date.now(),
      spanMs: EVERY_MS,
      wholeOf: accounts < MAX_ACCOUNTS ? [""] : [],
      values: [...processes, ...connections],
    };
    return Promise.resolve([levels]);
  },
};

function levelsOf(kind: string, counts: ReadonlyMap<number, number>): Level[] {
  const most = [...counts].sort(([, one], [, other]) => other - one).slice(0, MAX_ACCOUNTS);
  return most.map(([uid, value]) => ({ series: `${kind} account:${uid}`, value, detail: null }));
}
