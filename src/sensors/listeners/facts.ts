/** What the mind knows of listeners: how to name them, when a new or vanished one is an alert, and how grave. */

import type { Change, HostKnowledge, SensorFacts, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

// Ports that tools for remote control use by default and no hosting service does (MITRE ATT&CK T1571).
const BACKDOOR_PORTS = new Set([1337, 4444, 4445, 5554, 6667, 9001, 12345, 31337, 54321]);
const TEMPORARY_FOLDERS = /^\/(?:tmp|var\/tmp|dev\/shm|run\/user)\//;
const FTP_PORT = 21;
const DNS_PORT = 53;

/** Judges listeners. */
export const facts: SensorFacts = {
  kinds: {
    "listener.new": "A program listens on a TCP or UDP port that is not ordinary on this host",
    "listener.gone": "A port that is ordinarily listened on is silent",
  },
  alertsWhileLearning: (change) => change.type === "new" && suspicions(change.observation.facts ?? {}).length > 0,
  judge: (change, host) => (change.type === "gone" ? judgeGone(change) : judgeNew(change, host)),
};

function judgeNew(change: Change, host: HostKnowledge): Verdict | null {
  const seen = change.observation.facts ?? {};
  if (isDataPortOfKnownServer(seen, host)) return null;
  const reasons = suspicions(seen);
  const siblings = host.members("listeners").filter((member) => member.facts["port"] === seen["port"]);
  return {
    kind: "listener.new",
    severity: severityOf(seen, reasons),
    ordinary:
      siblings.length === 0
        ? `nothing listens on ${describePort(seen)} on this host; ${host.members("listeners").length} other listeners are ordinary`
        : `${describePort(seen)} is ordinarily held by ${siblings.map((one) => String(one.facts["exe"])).join(", ")}`,
    observed: `${describe(seen)}${reasons.length > 0 ? `; ${reasons.join("; ")}` : ""}`,
    evidence: { ...seen, reasons, rarity: rarity(seen, host) },
    next: [`ss -lnp 'sport = :${seen["port"]}'`],
    attack: ["T1571", ...(reasons.length > 0 ? ["T1059"] : [])],
  };
}

function judgeGone(change: Change): Verdict {
  const seen = change.observation.facts ?? {};
  const port = Number(seen["port"]);
  return {
    kind: "listener.gone",
    severity: port < 1024 ? "medium" : "low",
    ordinary: `${describe(seen)}`,
    observed: `nothing listens on ${describePort(seen)} any more`,
    evidence: seen,
    next: seen["unit"] ? [`systemctl status ${seen["unit"]}`] : [],
    attack: ["T1489"],
  };
}

/** A passive FTP or DNS query port of the very program that ordinarily holds port 21 or 53: never a matter of the port number. */
function isDataPortOfKnownServer(seen: JsonObject, host: HostKnowledge): boolean {
  const serverPort = seen["protocol"] === "tcp" ? FTP_PORT : DNS_PORT;
  return (
    Number(seen["port"]) >= 1024 &&
    typeof seen["exe"] === "string" &&
    host
      .members("listeners")
      .some(
        (member) =>
          member.facts["exe"] === seen["exe"] &&
          member.facts["port"] === serverPort &&
          member.facts["protocol"] === seen["protocol"],
      )
  );
}

function suspicions(seen: JsonObject): string[] {
  const exe = typeof seen["exe"] === "string" ? seen["exe"] : "";
  return [
    ...(BACKDOOR_PORTS.has(Number(seen["port"]))
      ? [`port ${seen["port"]} is a usual default of remote-control tools`]
      : []),
    ...(exe.endsWith(" (deleted)") ? ["its program file has been deleted"] : []),
    ...(exe.startsWith("/memfd:") ? ["its program lies in memory only"] : []),
    ...(TEMPORARY_FOLDERS.test(exe) ? ["its program lies in a world-writable folder"] : []),
  ];
}

function severityOf(seen: JsonObject, reasons: readonly string[]): Severity {
  if (seen["addressClass"] === "loopback") return reasons.length > 0 ? "medium" : "low";
  return reasons.length > 0 || Number(seen["port"]) < 1024 ? "high" : "medium";
}

function rarity(seen: JsonObject, host: HostKnowledge): string {
  const sameExe = host.members("listeners").filter((member) => member.facts["exe"] === seen["exe"]).length;
  return sameExe === 0
    ? "first listener of this program on this host"
    : `this program has ${sameExe} ordinary listeners`;
}

function describePort(seen: JsonObject): string {
  return `${seen["protocol"]} port ${seen["port"]}`;
}

function describe(seen: JsonObject): string {
  const where = seen["namespace"] === "host" ? "" : ` in network namespace ${seen["namespace"]}`;
  return `${seen["exe"] ?? "a program that has ended"} listens on ${seen["protocol"]} ${seen["address"]} port ${seen["port"]} as uid ${seen["uid"]}${where}`;
}
