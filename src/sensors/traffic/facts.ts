/** What the mind knows of traffic: when it is an alert, and how grave. */
import type { Change, Departure, HostKnowledge, LevelSort, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { departureEvidence } from "#src/judge/departure-evidence.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";
import { parseAccountSeries, splitSeries } from "#src/ordinary/levels/series-name.ts";

const FIRST_USER_UID = 1000;
/** So many times the ordinary most is grave. */
const GRAVE = 10;

/** What a value is a number of, and how much of it is nothing to tell: a page, an update, a few messages. `null`: never told. */
const SORTS: Readonly<Record<string, { readonly unit: string; readonly floor: number | null }>> = {
  "packets-out": { unit: "packets/s", floor: 200 },
  "bytes-out": { unit: "bytes/s", floor: 500_000 },
  "connections-out": { unit: "TCP connections/s", floor: 5 },
  "mail-connections-out": { unit: "connections/s to mail servers", floor: 0.5 },
  "packets-in": { unit: "packets/s", floor: null },
  "bytes-in": { unit: "bytes/s", floor: null },
};

/** Judges traffic. */
export const facts: SensorFacts = {
  kinds: {
    "traffic.out-high": "An account, or a network interface, sends more than is ordinary on this host",
    "traffic.mail-new": "An account that never did before connects to mail servers (ports 25, 465, 587)",
  },
  levels: { sortOf, judge: judgeLevel },
  describe: (seen) => `${nameOf(seen)} connects to mail servers`,
  judge: (change, host) => (change.type === "new" ? judgeMailer(change, host) : null),
};

function sortOf(series: string, userName: (uid: number) => string | null): LevelSort | null {
  const { kind: measure, of } = splitSeries(series);
  const sort = Object.hasOwn(SORTS, measure) ? SORTS[measure] : undefined;
  if (sort === undefined || of === "") return null;
  const { uid } = parseAccountSeries(series) ?? {};
  const owner = uid === undefined ? `on ${of}` : `by ${userName(uid) ?? `uid ${uid}`}`;
  return {
    unit: sort.unit,
    scope: `${measure.endsWith("-in") ? "in" : "out"} ${owner}`,
    isTold: sort.floor !== null,
    floor: sort.floor ?? 0,
    limit: null,
  };
}

function judgeLevel(departure: Departure): Verdict {
  const { series, value, expected, ordinary, observed, detail } = departure;
  const { kind: measure, of } = splitSeries(series);
  const high = expected?.expectedHigh ?? 0;
  const multiple = high > 0 ? value / high : null;
  const seen = detail ?? {};
  return {
    kind: "traffic.out-high",
    severity: severityOf(measure, of, multiple),
    ordinary,
    observed: [observed, ...inWords(seen)].join("; "),
    evidence: { ...departureEvidence(departure), multiple, ...seen },
    next: nextOf(of, seen),
    attack: measure === "bytes-out" ? ["T1048", "T1498"] : ["T1498"],
  };
}

function judgeMailer({ observation }: Change, host: HostKnowledge): Verdict {
  const seen = observation.facts ?? {};
  const others = host.members("traffic").length;
  return {
    kind: "traffic.mail-new",
    severity: Number(seen["uid"]) >= FIRST_USER_UID ? "high" : "medium",
    ordinary: `${howMany(others)} to mail servers, and ${nameOf(seen)} does not`,
    observed: [`${nameOf(seen)} connects to mail servers`, ...inWords(seen)].join("; "),
    evidence: seen,
    next: nextOf(`account:${seen["uid"]}`, seen),
    attack: ["T1071.003"],
  };
}

function howMany(accounts: number): string {
  if (accounts === 0) return "no account of this host ordinarily connects";
  return accounts === 1
    ? "1 account of this host ordinarily connects"
    : `${accounts} accounts of this host ordinarily connect`;
}

function severityOf(measure: string, of: string, multiple: number | null): Severity {
  const isGrave = multiple === null || multiple >= GRAVE;
  const isUser = of.startsWith("account:") && Number(of.slice("account:".length)) >= FIRST_USER_UID;
  if (isUser) return isGrave || measure === "mail-connections-out" ? "high" : "medium";
  return isGrave ? "medium" : "low";
}

/** Processes, other ends, ports, and accounts behind an interface, as far as they are known. */
function inWords(seen: JsonObject): string[] {
  const processes = objectsOf(seen["processes"]).map(({ exe, comm, pid }) => `${exe ?? comm} (pid ${pid})`);
  const destinations = objectsOf(seen["destinations"]).map(
    ({ protocol, address, port }) => `${address} ${protocol} port ${port}`,
  );
  const ports = objectsOf(seen["ports"]).map(({ protocol, port }) => `${protocol} ${port}`);
  const accounts = objectsOf(seen["accounts"]).map((account) => nameOf(account));
  return [
    ...(processes.length > 0 ? [`by ${processes.join(", ")}`] : []),
    ...(destinations.length > 0 ? [`to ${destinations.join(", ")}`] : []),
    ...(ports.length > 0 ? [`ports ${ports.join(", ")}`] : []),
    ...(accounts.length > 0 ? [`most by ${accounts.join(", ")}`] : []),
  ];
}

function nextOf(of: string, seen: JsonObject): string[] {
  if (!of.startsWith("account:")) return ["ss -tunp"];
  const uid = of.slice("account:".length);
  const [first] = objectsOf(seen["processes"]);
  return [
    `ps -o pid,ppid,lstart,args -u ${uid}`,
    ...(first === undefined ? [] : [`ls -l /proc/${first["pid"]}/exe /proc/${first["pid"]}/cwd`]),
  ];
}

function nameOf({ user, uid }: JsonObject): string {
  return typeof user === "string" ? `account ${user} (uid ${uid})` : `the account with uid ${uid}`;
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value)
    ? value.filter((one) => typeof one === "object" && one !== null && !Array.isArray(one))
    : [];
}
