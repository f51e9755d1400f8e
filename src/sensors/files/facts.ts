/** What the mind knows of watched files: which alert a difference is, how grave, and what it means. */
import type { Change, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import { quoteForShell } from "#src/lib/shell-quote.ts";
import { diffText } from "#src/lib/text-diff.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";
import { INFORMATIVE_FIELDS } from "./informative-fields.ts";
import { isResellerFile, judgeResellers } from "./resellers.ts";

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
  describe,
  informative: [...INFORMATIVE_FIELDS],
  judge: (change) => (isResellerFile(change) ? judgeResellers(change, judgeFile) : judgeFile(change)),
};

// Who can write one of these is root, or becomes it.
const GRAVE =
  /\/(?:passwd|shadow|gshadow|sudoers|sudoers\.d\/[^/]+|ld\.so\.preload|authorized_keys2?|sshd_config|sshd_config\.d\/[^/]+|resellers)$/;
// Each of these alone leads to root.
const ROOT_CAPABILITIES =
  /cap_(?:setuid|setgid|setfcap|chown|fowner|dac_override|dac_read_search|sys_admin|sys_ptrace|sys_module|sys_rawio)\b/;
const CONTENT_FIELDS = ["type", "sha256", "target", "targetType", "targetSha256"];
const OWNER_FIELDS = ["uid", "gid", "targetUid", "targetGid"];
const MODE_FIELDS = ["mode", "targetMode"];

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
      ...(change.ordinary === undefined ? {} : { ordinary: withoutText(change.ordinary) }),
      now: withoutText(now),
      diff: readableDiff(before, now),
      ...(isSetBack(before, now) ? { mtimeSetBack: true } : {}),
    },
    next: nextCommands(change, path),
    attack: attackOf(kind, path),
  };
}

function kindOf({ type, fields }: Change): string {
  const isAmong = (names: readonly string[]): boolean => fields.some((field) => names.includes(field));
  if (type === "created") return "file.created";
  if (type === "deleted") return "file.deleted";
  if (isAmong(CONTENT_FIELDS)) return "file.content";
  if (isAmong(OWNER_FIELDS)) return "file.owner";
  if (isAmong(MODE_FIELDS)) return "file.mode";
  return fields.includes("sizeBytes") ? "file.content" : "file.attributes";
}

function severityOf(kind: string, path: string, before: JsonObject | null, now: JsonObject | null): Severity {
  const gained = (bits: number): boolean => (modeOf(now) & bits) !== 0 && (modeOf(before) & bits) === 0;
  const isShown = now?.["secret"] === true && gained(0o004);
  const isGivenAway = kind === "file.owner" && ownerOf(before) === 0 && ownerOf(now) !== 0;
  const capabilities = gainedCapabilities(before, now);
  if (gained(0o002) || gained(0o6000) || isShown || isGivenAway) return "critical";
  if (path.endsWith("/ld.so.preload") || ROOT_CAPABILITIES.test(capabilities)) return "critical";
  if (GRAVE.test(path) || capabilities !== "" || isMountedOver(before, now)) return "high";
  return kind === "file.attributes" ? "low" : "medium";
}

/** Permission bits that matter, of the file itself or of what a link leads to: a folder may be setgid, a socket open to all. */
function modeOf(record: JsonObject | null): number {
  const isLink = record?.["type"] === "link";
  const type = record?.[isLink ? "targetType" : "type"];
  const mode = Number.parseInt(String(record?.[isLink ? "targetMode" : "mode"] ?? "0"), 8);
  if (type === "file") return mode;
  return type === "folder" ? mode & 0o0777 : 0;
}

function ownerOf(record: JsonObject | null): unknown {
  return record?.["type"] === "link" ? record["targetUid"] : record?.["uid"];
}

function gainedCapabilities(before: JsonObject | null, now: JsonObject | null): string {
  const capabilities = now?.["capabilities"];
  return typeof capabilities === "string" && capabilities !== before?.["capabilities"] ? capabilities : "";
}

function isMountedOver(before: JsonObject | null, now: JsonObject | null): boolean {
  const has = (record: JsonObject | null): boolean => JSON.stringify(record?.["flags"] ?? []).includes("mounted-over");
  return has(now) && !has(before);
}

function describe(record: JsonObject): string {
  if (record["type"] === "unreadable") return `cannot be read (${record["reason"]})`;
  const flags =
    Array.isArray(record["flags"]) && record["flags"].length > 0 ? `, ${record["flags"].join(" and ")}` : "";
  const size = record["sizeBytes"] === undefined ? "" : `, ${record["sizeBytes"]} bytes`;
  const target = record["target"] === undefined ? "" : ` to ${showRawPath(String(record["target"]))}`;
  const capabilities = record["capabilities"] === undefined ? "" : `, with ${record["capabilities"]}`;
  return `is a ${record["type"]}${target} of mode ${record["mode"]}, owner ${record["uid"]}:${record["gid"]}${size}${capabilities}${flags}`;
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
  if (field === "targetSha256") return "other content of what it leads to";
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

/** What the warden can set back are mode and owner of the file itself. */
function nextCommands({ type, fields }: Change, path: string): string[] {
  const isRestorable = type === "changed" && fields.some((field) => ["mode", "uid", "gid"].includes(field));
  return [
    ...(isRestorable ? ["garrison actions restore-file-attributes ALERT"] : []),
    `stat -- ${quoteForShell(path)}`,
  ];
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
