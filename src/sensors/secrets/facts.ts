/** What the mind knows of secrets: an unusual reader, or a secret that should not exist. */
import type { Change, HostKnowledge, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import type { Severity } from "#src/model/severity.ts";

const TEMPORARY_FOLDERS = /^\/(?:tmp|var\/tmp|dev\/shm|run\/user)\/|^\/memfd:| \(deleted\)$/;

/** Judges reads and creations of secrets. */
export const facts: SensorFacts = {
  kinds: {
    "secret.read": "A program that does not usually read this secret opened it",
    "secret.created": "A secret came into being",
  },
  informative: ["mode", "uid", "gid", "sizeBytes", "type"],
  alertsWhileLearning: (change) =>
    change.type === "new" && TEMPORARY_FOLDERS.test(String(change.observation.facts?.["exe"] ?? "")),
  judge: (change, host) => {
    if (change.type === "new") return judgeRead(change, host);
    return change.type === "created" ? judgeCreated(change) : null;
  },
};

function judgeRead(change: Change, host: HostKnowledge): Verdict {
  const seen = change.observation.facts ?? {};
  const path = showRawPath(change.observation.group);
  const readers = host.members("secrets").filter((member) => member.group === change.observation.group);
  const sameProgram = readers.find((member) => member.facts["exe"] === seen["exe"]);
  return {
    kind: "secret.read",
    severity: severityOf(path, seen["uid"] === 0),
    ordinary:
      readers.length === 0
        ? `nothing reads ${path}`
        : `${path} is read by ${readers.slice(0, 8).map(describeReader).join(", ")}`,
    observed: `${seen["exe"] ?? "a program that has ended"} as uid ${seen["uid"]}, started by ${seen["parentExe"] ?? "an unknown program"}, ${seen["how"]} ${path}`,
    evidence: {
      ...seen,
      differsFromKnownReader: sameProgram === undefined ? null : differences(sameProgram.facts, seen),
    },
    next: [`stat -- ${path}`],
    attack: path.includes("shadow") ? ["T1003.008"] : ["T1552.001"],
  };
}

function judgeCreated(change: Change): Verdict {
  const path = showRawPath(change.observation.key);
  const isAccessHash = path.endsWith("/.accesshash");
  return {
    kind: "secret.created",
    severity: isAccessHash ? "high" : "medium",
    ordinary: `${path} does not exist`,
    observed: isAccessHash
      ? `${path} came into being: whoever knows it is root on this server`
      : `${path} came into being`,
    evidence: change.observation.facts ?? {},
    next: [`stat -- ${path}`],
    attack: isAccessHash ? ["T1098"] : ["T1552"],
  };
}

function severityOf(path: string, isRoot: boolean): Severity {
  return !isRoot || path.endsWith("/.accesshash") ? "critical" : "high";
}

function describeReader(member: { facts: Readonly<Record<string, unknown>> }): string {
  return `${member.facts["exe"]} (uid ${member.facts["uid"]})`;
}

function differences(known: Readonly<Record<string, unknown>>, seen: Readonly<Record<string, unknown>>): string[] {
  return ["exeSha256", "uid", "parentExe"].filter((field) => known[field] !== seen[field]);
}
