/** What the mind knows of secrets: an unusual reader, or a secret that should not exist. */

import type { Change, HostKnowledge, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { isDeleted, isInMemory, isInSharedFolder } from "#src/lib/program-path.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import { quoteForShell } from "#src/lib/shell-quote.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

const MAX_READERS_SHOWN = 8;

/** Judges reads and creations of secrets. */
export const facts: SensorFacts = {
  kinds: {
    "secret.read": "A program that does not usually read this secret opened it",
    "secret.created": "A secret came into being",
  },
  describe: (known) =>
    known["path"] === undefined ? describeSecret(known) : `${describeReader(known)} reads ${known["path"]}`,
  informative: ["mode", "uid", "gid", "sizeBytes", "type"],
  alertsWhileLearning: (change) => change.type === "new" && isNeverOrdinary(change.observation.facts ?? {}),
  judge: (change, host) => {
    if (change.type === "new") return judgeRead(change, host);
    return change.type === "created" ? judgeCreated(change) : null;
  },
};

/** A program that anyone can put there, or that hides; also one that nobody could name: it must not become ordinary unseen. */
function isNeverOrdinary(seen: JsonObject): boolean {
  const { exe } = seen;
  return typeof exe !== "string" || isInSharedFolder(exe) || isInMemory(exe) || isDeleted(exe);
}

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
        : `${path} is read by ${describeReaders(readers.map((one) => one.facts))}`,
    observed: `${describeReader(seen)}, started by ${seen["parentExe"] || "an unknown program"}, ${seen["how"]} ${path}`,
    evidence: {
      ...seen,
      differsFromKnownReader: sameProgram === undefined ? null : differences(sameProgram.facts, seen),
      package: typeof seen["exe"] === "string" ? host.packageOf(seen["exe"]) : null,
    },
    next: [`stat -- ${quoteForShell(path)}`],
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
    next: [`stat -- ${quoteForShell(path)}`],
    attack: isAccessHash ? ["T1098"] : ["T1552"],
  };
}

function severityOf(path: string, isRoot: boolean): Severity {
  return !isRoot || path.endsWith("/.accesshash") ? "critical" : "high";
}

function describeReader(seen: JsonObject): string {
  return `${seen["exe"] ?? "a program that has ended"} as uid ${seen["uid"] ?? "unknown"}`;
}

function describeReaders(readers: readonly JsonObject[]): string {
  const shown = readers.slice(0, MAX_READERS_SHOWN).map(describeReader).join(", ");
  return readers.length > MAX_READERS_SHOWN ? `${shown} and ${readers.length - MAX_READERS_SHOWN} others` : shown;
}

function describeSecret(record: JsonObject): string {
  return `is a ${record["type"]} of mode ${record["mode"]}, owner ${record["uid"]}:${record["gid"]}`;
}

function differences(known: JsonObject, seen: JsonObject): string[] {
  return ["exeSha256", "uid", "parentExe"].filter((field) => known[field] !== seen[field]);
}
