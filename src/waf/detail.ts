/**
 * The text that is kept with a hit of the WAF, of at most 512 ASCII characters:
 * `rules=942100,941100 severity=critical stopped=1 score=8 status=403 method=GET var=ARGS:q id=aWLj... path=/login.php`.
 * A value that is not known is left out, except that `path` is always there, and last. In `var` and `path` all but plain ASCII is
 * percent-encoded; in `var`, which was decoded, the percent sign itself too.
 */
import { WAF_SEVERITIES, type WafEntry, type WafSeverity } from "./entry.ts";

/** What is kept. */
export interface WafDetail {
  /** Ids of the rules that decided, gravest first, at most 8. Empty for a line that does not name them. */
  readonly rules: readonly string[];
  readonly severity: WafSeverity | null;
  readonly isIntercepted: boolean;
  readonly score: number | null;
  readonly status: number | null;
  readonly method: string;
  /** Variable of the first rule. */
  readonly matchedVar: string | null;
  readonly uniqueId: string;
  /** Without query; at most 256 characters, each byte that is not plain as `%NN`. */
  readonly path: string;
}

const MAX_RULES = 8;
const MAX_PATH = 256;
// A path keeps the percent signs of the client.
const PLAIN = /[!-~]/;
const PLAIN_BUT_PERCENT = /[!-$&-~]/;

/** What is kept of an entry. */
export function detailOf(entry: WafEntry): WafDetail {
  const rules = [...entry.rules].sort((a, b) => rankOf(a.severity) - rankOf(b.severity));
  return {
    rules: [...new Set(rules.map(({ id }) => id))].slice(0, MAX_RULES),
    severity: rules[0]?.severity ?? null,
    isIntercepted: entry.isIntercepted,
    score: entry.score,
    status: entry.status,
    method: /^[A-Za-z_-]{1,20}$/.test(entry.method) ? entry.method : "-",
    matchedVar: rules[0]?.matchedVar ?? null,
    uniqueId: entry.uniqueId,
    path: encode(entry.uri.split("?", 1)[0] ?? "", MAX_PATH, PLAIN),
  };
}

/** 0 is gravest; a rule without a severity stands behind all. */
export function rankOf(severity: WafSeverity | null): number {
  return severity === null ? WAF_SEVERITIES.length : WAF_SEVERITIES.indexOf(severity);
}

/** Writes a detail; see the head of this file. */
export function formatWafDetail(detail: WafDetail): string {
  const fields: [string, string | number | null][] = [
    ["rules", detail.rules.length === 0 ? null : detail.rules.join(",")],
    ["severity", detail.severity],
    ["stopped", detail.isIntercepted ? 1 : 0],
    ["score", detail.score],
    ["status", detail.status],
    ["method", detail.method],
    ["var", detail.matchedVar === null ? null : encode(detail.matchedVar, 64, PLAIN_BUT_PERCENT)],
    ["id", detail.uniqueId],
    ["path", detail.path],
  ];
  return fields.flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`])).join(" ");
}

const DETAIL =
  /^(?:rules=(\d{1,10}(?:,\d{1,10}){0,7}) )?(?:severity=([a-z]{4,9}) )?stopped=([01]) (?:score=(\d{1,6}) )?(?:status=(\d{3}) )?method=([A-Za-z_-]{1,20}) (?:var=(\S{1,64}) )?id=(\S{8,64}) path=(\S{0,256})$/;

/** Reads what {@link formatWafDetail} wrote; `null` for any other text. */
export function parseWafDetail(text: string): WafDetail | null {
  const match = DETAIL.exec(text);
  if (match === null) return null;
  const [, rules, severity, stopped, score, status, method = "-", matchedVar, uniqueId = "", path = ""] = match;
  const known = WAF_SEVERITIES.find((one) => one === severity);
  if (severity !== undefined && known === undefined) return null;
  return {
    rules: rules?.split(",") ?? [],
    severity: known ?? null,
    isIntercepted: stopped === "1",
    score: score === undefined ? null : Number(score),
    status: status === undefined ? null : Number(status),
    method,
    matchedVar: matchedVar === undefined ? null : decode(matchedVar),
    uniqueId,
    path,
  };
}

/** Never cut within `%NN`. */
function encode(text: string, maxLength: number, plain: RegExp): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const raw = String.fromCharCode(byte);
    const character = plain.test(raw) ? raw : `%${hex(byte)}`;
    if (encoded.length + character.length > maxLength) break;
    encoded += character;
  }
  return encoded;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

function decode(text: string): string {
  const latin1 = text.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(latin1, "latin1").toString();
}
