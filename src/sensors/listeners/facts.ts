/** What the mind knows of listeners: how to name them, when a new or vanished one is an alert, and how grave. */

import type { Change, HostKnowledge, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { isDeleted, isInMemory, isInSharedFolder } from "#src/lib/program-path.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

// Ports that tools for remote control use by default and no hosting service does (MITRE ATT&CK T1571).
const BACKDOOR_PORTS = new Set([1337, 4444, 4445, 5554, 6667, 9001, 12345, 31337, 54321]);
// Control ports by protocol: a program that ordinarily holds one opens others for each transfer or query.
const SERVER_PORTS: Readonly<Record<string, readonly number[]>> = { tcp: [21, 990], udp: [53] };
const FIRST_USER_PORT = 1024;

/** Judges listeners. */
export const facts: SensorFacts = {
  kinds: {
    "listener.new": "A program listens on a TCP or UDP port that is not ordinary on this host",
    "listener.gone": "A port that is ordinarily listened on is silent",
  },
  describe,
  alertsWhileLearning: (change) => change.type === "new" && suspicions(change.observation.facts ?? {}).length > 0,
  judge: (change, host) => (change.type === "gone" ? judgeGone(change) : judgeNew(change, host)),
};

function judgeNew(change: Change, host: HostKnowledge): Verdict | null {
  const seen = change.observation.facts ?? {};
  const members = host.members("listeners");
  const reasons = suspicions(seen);
  if (reasons.length === 0 && isDataPortOfKnownServer(seen, host)) return null;
  const siblings = members.filter(
    ({ facts: one }) => one["port"] === seen["port"] && one["protocol"] === seen["protocol"],
  );
  return {
    kind: "listener.new",
    severity: severityOf(seen, reasons),
    ordinary:
      siblings.length === 0
        ? `nothing listens on ${describePort(seen)} on this host; ${members.length} other listeners are ordinary`
        : `${describePort(seen)} is ordinarily held by ${siblings.map((one) => String(one.facts["exe"])).join(", ")}`,
    observed: `${describe(seen)}${reasons.length > 0 ? `; ${reasons.join("; ")}` : ""}`,
    evidence: { ...seen, reasons, rarity: rarity(seen, host), package: packageOf(seen, host) },
    next: [`ss -lnp 'sport = :${seen["port"]}'`],
    attack: ["T1571", ...(reasons.length > 0 ? ["T1059"] : [])],
  };
}

function judgeGone(change: Change): Verdict {
  const seen = change.observation.facts ?? {};
  return {
    kind: "listener.gone",
    severity: Number(seen["port"]) < FIRST_USER_PORT ? "medium" : "low",
    ordinary: describe(seen),
    observed: `nothing listens on ${describePort(seen)} any more`,
    evidence: seen,
    next: seen["unit"] ? [`systemctl status ${seen["unit"]}`] : [],
    attack: ["T1489"],
  };
}

/** A passive FTP or DNS query port of the very program that ordinarily holds the control port: never a matter of the port number. */
function isDataPortOfKnownServer(seen: JsonObject, host: HostKnowledge): boolean {
  const serverPorts = SERVER_PORTS[String(seen["protocol"])] ?? [];
  if (Number(seen["port"]) < FIRST_USER_PORT || typeof seen["exe"] !== "string") return false;
  return host
    .members("listeners")
    .some(
      ({ facts: known }) =>
        known["exe"] === seen["exe"] &&
        known["protocol"] === seen["protocol"] &&
        serverPorts.includes(Number(known["port"])) &&
        isOnHost(known) === isOnHost(seen),
    );
}

function isOnHost(seen: JsonObject): boolean {
  return seen["namespace"] === "host";
}

function suspicions(seen: JsonObject): string[] {
  const exe = typeof seen["exe"] === "string" ? seen["exe"] : "";
  return [
    ...(BACKDOOR_PORTS.has(Number(seen["port"]))
      ? [`port ${seen["port"]} is a usual default of remote-control tools`]
      : []),
    ...(isDeleted(exe) ? ["its program file has been deleted"] : []),
    ...(isInMemory(exe) ? ["its program lies in memory only"] : []),
    ...(isInSharedFolder(exe) ? ["its program lies in a world-writable folder"] : []),
  ];
}

function severityOf(seen: JsonObject, reasons: readonly string[]): Severity {
  if (seen["addressClass"] === "loopback") return reasons.length > 0 ? "medium" : "low";
  return reasons.length > 0 || Number(seen["port"]) < FIRST_USER_PORT ? "high" : "medium";
}

function rarity(seen: JsonObject, host: HostKnowledge): string {
  const sameExe = host.members("listeners").filter((member) => member.facts["exe"] === seen["exe"]).length;
  return sameExe === 0
    ? "first listener of this program on this host"
    : `this program has ${sameExe} ordinary listeners`;
}

function packageOf(seen: JsonObject, host: HostKnowledge): string | null {
  return typeof seen["exe"] === "string" ? host.packageOf(seen["exe"]) : null;
}

function describePort(seen: JsonObject): string {
  return `${seen["protocol"]} port ${seen["port"]}`;
}

function describe(seen: JsonObject): string {
  const where = isOnHost(seen) ? "" : ` in network namespace ${seen["namespace"]}`;
  const port = seen["ephemeral"] === true ? `port ${seen["port"]} (of the ports that change)` : `port ${seen["port"]}`;
  return `${seen["exe"] ?? "a program that has ended"} listens on ${seen["protocol"]} ${seen["address"]} ${port} as uid ${seen["uid"] ?? "unknown"}${where}`;
}
