/** A line of the JSON audit log: of ModSecurity 2.9 (`SecAuditLogFormat JSON`) or of libmodsecurity 3. Pure; at most 1 MiB. */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import { isUniqueId, parseApacheTime, parseAsctime } from "./decode.ts";
import { toEntry, type WafEntry, type WafRule } from "./entry.ts";
import { jsonMembers, jsonValue, type Span } from "./json-members.ts";
import { matchedVarOf, parseWafMessage, severityOf } from "./message.ts";

const MAX_LINE = 2 ** 20;
const MAX_MATCHES = 64;

/**
 * Reads one line, each byte one character. Bodies are passed over unread. A line that was cut behind the messages is read all the
 * same: the matched rules, which make such lines long, stand at its end.
 * @returns `null` for what is none, and for a line that was cut before its messages
 */
export function parseJsonEntry(line: string): WafEntry | null {
  if (line.length > MAX_LINE || !line.startsWith('{"transaction":')) return null;
  const top = jsonMembers(line);
  const transaction = membersOf(line, top.get("transaction"));
  return transaction.has("client_ip") ? parseVersion3(line, transaction) : parseVersion2(line, top, transaction);
}

type Members = ReadonlyMap<string, Span>;

// ModSecurity v2.9.7 apache2/msc_logging.c sec_audit_logger_json.
function parseVersion2(line: string, top: Members, transaction: Members): WafEntry | null {
  const request = membersOf(line, top.get("request"));
  const response = membersOf(line, top.get("response"));
  const audit = membersOf(line, top.get("audit_data"));
  const uniqueId = textOf(line, transaction.get("transaction_id"));
  const messages = jsonValue(line, audit.get("messages"));
  if (!isUniqueId(uniqueId) || (audit.size === 0 && !isWhole(line))) return null;
  const action = membersOf(line, audit.get("action"));
  return toEntry({
    uniqueId,
    atUnixMs: parseApacheTime(textOf(line, transaction.get("time"))),
    address: canonicalAddress(textOf(line, transaction.get("remote_address"))),
    host: hostOf(line, request.get("headers")),
    requestLine: textOf(line, request.get("request_line")) || "-",
    status: statusOf(jsonValue(line, response.get("status"))),
    isIntercepted: jsonValue(line, action.get("intercepted")) === true,
    matches: (Array.isArray(messages) ? messages : []).slice(0, MAX_MATCHES).flatMap(readMessage),
    account: null,
  });
}

// libmodsecurity v3.0.14 src/transaction.cc Transaction::toJSON: the time is local, status and port are numbers.
function parseVersion3(line: string, transaction: Members): WafEntry | null {
  const request = membersOf(line, transaction.get("request"));
  const response = membersOf(line, transaction.get("response"));
  const uniqueId = textOf(line, transaction.get("unique_id"));
  const messages = jsonValue(line, transaction.get("messages"));
  if (!isUniqueId(uniqueId) || (messages === undefined && !isWhole(line))) return null;
  const engine = textOf(line, membersOf(line, transaction.get("producer")).get("secrules_engine"));
  const method = textOf(line, request.get("method"));
  return toEntry({
    uniqueId,
    atUnixMs: parseAsctime(textOf(line, transaction.get("time_stamp"))),
    address: canonicalAddress(textOf(line, transaction.get("client_ip"))),
    host: hostOf(line, request.get("headers")),
    requestLine: `${method} ${textOf(line, request.get("uri"))}`,
    status: statusOf(jsonValue(line, response.get("http_code"))),
    isIntercepted: engine === "Enabled" ? null : false,
    matches: (Array.isArray(messages) ? messages : []).slice(0, MAX_MATCHES).flatMap(readDetails),
    account: null,
  });
}

function readMessage(message: unknown): WafRule[] {
  const parsed = typeof message === "string" ? parseWafMessage(message) : null;
  return parsed === null ? [] : [parsed.rule];
}

function readDetails(item: unknown): WafRule[] {
  const message = isRecord(item) && isRecord(item["details"]) ? item : null;
  const details = message === null ? null : (message["details"] as Record<string, unknown>);
  const id = stringOf(details?.["ruleId"]);
  if (details === null || !/^\d{1,10}$/.test(id)) return [];
  const tags = Array.isArray(details["tags"]) ? details["tags"] : [];
  return [
    {
      id,
      message: stringOf(message?.["message"]).slice(0, 200),
      severity: severityOf(stringOf(details["severity"])),
      tags: tags
        .filter((tag) => typeof tag === "string")
        .slice(0, 16)
        .map((tag) => tag.slice(0, 64)),
      matchedVar: matchedVarOf(stringOf(details["match"]), stringOf(details["data"])),
    },
  ];
}

/** Headers are an object of texts; of a header that came twice 2.9 gives a list. */
function hostOf(line: string, headers: Span | undefined): string | null {
  const members = membersOf(line, headers);
  const name = [...members.keys()].find((key) => key.toLowerCase() === "host");
  const host = name === undefined ? undefined : jsonValue(line, members.get(name));
  return typeof host === "string" ? host : null;
}

function membersOf(line: string, span: Span | undefined): Members {
  return span === undefined ? new Map() : jsonMembers(line, span.start);
}

function isWhole(line: string): boolean {
  return line.trimEnd().endsWith("}");
}

function statusOf(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 999 ? value : null;
}

function textOf(line: string, span: Span | undefined): string {
  return stringOf(jsonValue(line, span));
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 16_384) : "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
