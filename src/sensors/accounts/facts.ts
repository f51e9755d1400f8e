/** What the mind knows of the use of accounts: how to name it, and when more than ordinary is an alert. */
import type { Departure, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { departureEvidence } from "#src/judge/departure-evidence.ts";
import { parseAccountSeries } from "#src/ordinary/levels/series-name.ts";

// Fewer are a matter of a page being loaded.
const FLOORS = { processes: 30, connections: 50 } as const;
type Counted = keyof typeof FLOORS;

const KINDS: Readonly<Record<Counted, string>> = {
  processes: "account.processes-high",
  connections: "account.connections-high",
};
const NAMES: Readonly<Record<Counted, string>> = { processes: "processes", connections: "TCP connections" };

/** Judges accounts. */
export const facts: SensorFacts = {
  kinds: {
    "account.processes-high": "An account has unusually many processes for this hour",
    "account.connections-high": "An account has unusually many TCP connections for this hour",
  },
  levels: {
    sortOf(series, userName) {
      const { kind, uid } = parseAccountSeries(series) ?? {};
      if (uid === undefined || !isCounted(kind)) return null;
      return {
        unit: NAMES[kind],
        scope: `of ${userName(uid) ?? `uid ${uid}`}`,
        isTold: true,
        floor: FLOORS[kind],
        limit: null,
      };
    },
    judge: judgeLevel,
  },
  judge: () => null,
};

function judgeLevel(departure: Departure): Verdict {
  const { series, ordinary, observed } = departure;
  const { kind, uid = 0 } = parseAccountSeries(series) ?? {};
  const counted: Counted = isCounted(kind) ? kind : "processes";
  const isProcesses = counted === "processes";
  return {
    kind: KINDS[counted],
    severity: "medium",
    ordinary,
    observed,
    evidence: { ...departureEvidence(departure), uid },
    next: isProcesses ? [`ps -f --user ${uid}`] : ["ss -tnp"],
    attack: isProcesses ? ["T1496"] : ["T1071"],
  };
}

function isCounted(kind: string | undefined): kind is Counted {
  return kind !== undefined && Object.hasOwn(FLOORS, kind);
}
