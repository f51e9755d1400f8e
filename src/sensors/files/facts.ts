/** What the mind knows of watched files: which alert a difference is, how grave, and what it means. */
import type { Change, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import { diffText } from "#src/lib/text-diff.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";
import { judgeResellers } from "./resellers.ts";

/** Judges records of files. */
export const facts: SensorFacts = {
  kinds: {
    "file.mode": "The permission bits of a watched file changed",
    "file.owner": "The owner or group of a watched file changed",
    "file.content": "The content of a watched file, or the target of a watched link, changed",
    "file.created": "A watched file came into being",
    "file.deleted": "A watched file is gone",
    "file.attributes": "Extended attributes, capabilities or inode flags of a watched file changed",
    "reseller.privilege": "A cPanel reseller was given an ACL; critical when it is all, which is root",
  },
  informative: ["mtimeMs", "ctimeMs", "inode", "links", "text", "secret"],
  judge: (change) => (isResellerFile(change) ? judgeResellers(change) : null) ?? judgeFile(change),
};

// Who can write one of these is root, or becomes it.
const GRAVE =
  /\/(?:passwd|shadow|gshadow|sudoers|sudoers\.d\/[^/]+|ld\.so\.preload|authorized_keys2?|sshd_config|sshd_config\.d\/[^/]+|resellers)$/;

function isResellerFile(change: Change): boolean {
  return change.observation.key.endsWith("/var/cpanel/resellers");
}

/** The verdict on one change of one file: one alert, named by the gravest of its differences. */
export function judgeFile(change: Change): Verdict {
  const path = showRawPath(change.observation.key);
  const now = change.observation.facts;
  const before = change.before;
  const kind = kindOf(change);
  return {
    kind,
    severity: severityOf(kind, path, before, now),
    ordinary: before === null ? `${path} does not exist` : `${path} ${describe(before)}`,
    observed: describeChange(kind, path, change),
    evidence: {
      changed: [...change.fields],
      before: withoutText(before),
      now: withoutText(now),
      diff: readableDiff(before, now),
      ...(isSetBack(before, now) ? { mtimeSetBack: true } : {}),
    },
    next: nextCommands(kind, path),
    attack: attackOf(kind, path),
  };
}

function kindOf({ type, fields }: Change): string {
  if (type === "created") return "file.created";
  if (type === "deleted") return "file.deleted";
  if (fields.includes("type") || fields.includes("sha256") || fields.includes("target")) return "file.content";
  if (fields.includes("uid") || fields.includes("gid")) return "file.owner";
  if (fields.includes("mode")) return "file.mode";
  return fields.includes("sizeBytes") ? "file.content" : "file.attributes";
}

function severityOf(kind: string, path: string, before: JsonObject | null, now: JsonObject | null): Severity {
  const mode = Number.parseInt(String(now?.["mode"] ?? "0"), 8);
  const modeBefore = Number.parseInt(String(before?.["mode"] ?? "0"), 8);
  const isOpened = now?.["type"] !== "link" && (mode & 0o002) !== 0 && (modeBefore & 0o002) === 0;
  const isSetuid = (mode & 0o6000) !== 0 && (modeBefore & 0o6000) === 0;
  const isShown = now?.["secret"] === true && (mode & 0o004) !== 0 && (modeBefore & 0o004) === 0;
  if (isOpened || isSetuid || isShown || path.endsWith("/ld.so.preload")) return "critical";
  if (kind === "file.owner" && before?.["uid"] === 0) return "critical";
  if (GRAVE.test(path)) return "high";
  return kind === "file.attributes" ? "low" : "medium";
}

function describe(record: JsonObject): string {
  const flags =
    Array.isArray(record["flags"]) && record["flags"].length > 0 ? `, ${record["flags"].join(" and ")}` : "";
  const size = record["sizeBytes"] === undefined ? "" : `, ${record["sizeBytes"]} bytes`;
  return `is a ${record["type"]} of mode ${record["mode"]}, owner ${record["uid"]}:${record["gid"]}${size}${flags}`;
}

function describeChange(kind: string, path: string, change: Change): string {
  const now = change.observation.facts;
  if (now === null) return `${path} is gone`;
  if (change.before === null) return `${path} now ${describe(now)}`;
  const before = change.before;
  const parts = change.fields.map((field) => describeField(field, before, now));
  return `${path}: ${parts.join(", ") || kind}`;
}

function describeField(field: string, before: JsonObject, now: JsonObject): string {
  if (field === "sha256") return "other content";
  if (field === "flags" || field === "xattrs")
    return `${field} ${JSON.stringify(before[field] ?? [])} to ${JSON.stringify(now[field] ?? [])}`;
  return `${field} ${before[field] ?? "none"} to ${now[field] ?? "none"}`;
}

function readableDiff(before: JsonObject | null, now: JsonObject | null): string | null {
  if (now?.["secret"] === true || before?.["secret"] === true) return null;
  const texts = [before?.["text"] ?? (before === null ? "" : null), now?.["text"] ?? (now === null ? "" : null)];
  if (typeof texts[0] !== "string" || typeof texts[1] !== "string" || texts[0] === texts[1]) return null;
  return diffText(texts[0], texts[1], { maxLines: 60, context: 2 });
}

function withoutText(record: JsonObject | null): JsonObject | null {
  if (record === null) return null;
  const { text: _text, ...rest } = record;
  return rest;
}

/** New content that claims to be older than the old one: someone set the clock of the file. */
function isSetBack(before: JsonObject | null, now: JsonObject | null): boolean {
  if (before === null || now === null || before["sha256"] === now["sha256"]) return false;
  return Number(now["mtimeMs"]) < Number(before["mtimeMs"]);
}

function nextCommands(kind: string, path: string): string[] {
  const isRestorable = kind === "file.mode" || kind === "file.owner";
  return [...(isRestorable ? ["garrison actions restore-file-attributes ALERT"] : []), `stat -- ${quote(path)}`];
}

function quote(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function attackOf(kind: string, path: string): string[] {
  if (/cron/.test(path)) return ["T1053.003"];
  if (/authorized_keys/.test(path)) return ["T1098.004"];
  if (/systemd/.test(path)) return ["T1543.002"];
  if (/ld\.so/.test(path)) return ["T1574.006"];
  if (/sudoers/.test(path)) return ["T1548.003"];
  if (/pam\.d|sshd_config/.test(path)) return ["T1556"];
  return kind === "file.mode" || kind === "file.owner" ? ["T1222.002"] : ["T1565.001"];
}
