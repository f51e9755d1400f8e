/** What the mind knows of traffic: when it is an alert, and how grave. */
import type { Change, HostKnowledge, SensorFacts, Verdict } from "#src/judge/contract.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

const FIRST_USER_UID = 1000;
/** So many times the ordinary most is grave. */
const GRAVE = 10;

/** Units of what is measured, for texts. Nobody is alerted of what comes in. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ["packets-out", "packets/s"],
  ["bytes-out", "bytes/s"],
  ["connections-out", "TCP connections/s"],
  ["mail-connections-out", "connections/s to mail servers"],
]);

/** A level that is above what is ordinary. */
export interface HighLevel {
  /** Such as `packets-out account:1003`. */
  readonly series: string;
  readonly value: number;
  readonly expectedLow: number;
  readonly expectedHigh: number;
  readonly detail: JsonObject | null;
}

/** Judges traffic. */
export const facts: SensorFacts = {
  kinds: {
    "traffic.out-high": "An account, or a network interface, sends more than is ordinary on this host",
    "traffic.mail-new": "An account that never did before connects to mail servers (ports 25, 465, 587)",
  },
  describe: (seen) => `${nameOf(seen)} connects to mail servers`,
  judge: (change, host) => (change.type === "new" ? judgeMailer(change, host) : null),
};

/** Why a level is an alert; `null`: it is none of what is sent, or not high. */
export function judgeLevel({ series, value, expectedLow, expectedHigh, detail }: HighLevel): Verdict | null {
  const [measure = "", of = ""] = splitOnce(series);
  const unit = UNITS.get(measure);
  if (unit === undefined || value <= expectedHigh) return null;
  const multiple = expectedHigh > 0 ? value / expectedHigh : null;
  const times = multiple === null ? "where none are ordinary" : `${shortNumber(multiple)} times the ordinary most`;
  const seen = detail ?? {};
  return {
    kind: "traffic.out-high",
    severity: severityOf(measure, of, multiple),
    ordinary: `${ownerOf(of, seen)} ordinarily sends ${shortNumber(expectedLow)} to ${shortNumber(expectedHigh)} ${unit}`,
    observed: [`${ownerOf(of, seen)} sends ${shortNumber(value)} ${unit}, ${times}`, ...inWords(seen)].join("; "),
    evidence: { series, value, expectedLow, expectedHigh, multiple, ...seen },
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

function ownerOf(of: string, seen: JsonObject): string {
  if (!of.startsWith("account:")) return of === "other interfaces" ? of : `interface ${of}`;
  return nameOf({ user: seen["user"] ?? null, uid: Number(of.slice("account:".length)) });
}

function nameOf({ user, uid }: JsonObject): string {
  return typeof user === "string" ? `account ${user} (uid ${uid})` : `the account with uid ${uid}`;
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value)
    ? value.filter((one) => typeof one === "object" && one !== null && !Array.isArray(one))
    : [];
}

function splitOnce(series: string): string[] {
  const at = series.indexOf(" ");
  return at === -1 ? [series] : [series.slice(0, at), series.slice(at + 1)];
}

/** Such as `20,005` and `0.3`. */
function shortNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 1 : 0 });
}
