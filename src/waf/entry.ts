/** What one transaction of a ModSecurity audit log says, whichever way it was written. */

/** Severities of ModSecurity, gravest first: 0 to 7 of syslog(3). */
export const WAF_SEVERITIES = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug",
] as const;
export type WafSeverity = (typeof WAF_SEVERITIES)[number];

/** A rule that matched. */
export interface WafRule {
  /** Digits, such as `942100`. */
  readonly id: string;
  /** At most 200 characters, the rule's own words. */
  readonly message: string;
  /** `null`: the rule has none. */
  readonly severity: WafSeverity | null;
  /** At most 16, of at most 64 characters. */
  readonly tags: readonly string[];
  /** Name of the matched variable, such as `ARGS:q`, never its value; at most 80 characters as the client wrote them. */
  readonly matchedVar: string | null;
}

/** One audited transaction. Bodies, header values other than Host, and query values are never kept. */
export interface WafEntry {
  readonly uniqueId: string;
  readonly atUnixMs: number | null;
  /** Canonical text; `null` when the log names none. */
  readonly address: string | null;
  /** Of the Host header, lower case, without port; `null` when it has none or is none. */
  readonly site: string | null;
  readonly method: string;
  /** Path, and names of the query's parameters without their values: `/a?id=&x=`. At most 1,024 characters. */
  readonly uri: string;
  /** HTTP status of the answer; `null` when the log does not say. */
  readonly status: number | null;
  /** Whether ModSecurity stopped it. */
  readonly isIntercepted: boolean;
  /** Without the totals of the Core Rule Set; at most 32. */
  readonly rules: readonly WafRule[];
  /** Total anomaly score of the Core Rule Set; `null` when it did not add one up. */
  readonly score: number | null;
  /** User whose site it was, where the log's folder says so (mod_ruid2, MPM-ITK). */
  readonly account: string | null;
}

/** The parts that each format gives, before they are judged. Texts are as in the log. */
export interface RawEntry {
  readonly uniqueId: string;
  readonly atUnixMs: number | null;
  readonly address: string | null;
  readonly host: string | null;
  readonly requestLine: string;
  readonly status: number | null;
  /** `null`: the format does not say. */
  readonly isIntercepted: boolean | null;
  readonly matches: readonly WafRule[];
  readonly account: string | null;
}

const MAX_RULES = 32;

// coreruleset v3.3 and v4: REQUEST-949-BLOCKING-EVALUATION, RESPONSE-959, RESPONSE-980-CORRELATION: sums of the others.
const TOTAL = /^(?:949|959|980)\d{3}$/;

/** Judges the parts: totals become the score, and are no rules of their own unless the transaction was stopped and names no other. */
export function toEntry(raw: RawEntry): WafEntry {
  const totals = raw.matches.filter(({ id }) => TOTAL.test(id));
  const own = raw.matches.filter(({ id }) => !TOTAL.test(id));
  const isIntercepted = raw.isIntercepted ?? isStopped(raw, totals);
  const [method = "-", target = "-"] = splitRequest(raw.requestLine);
  return {
    uniqueId: raw.uniqueId,
    atUnixMs: raw.atUnixMs,
    address: raw.address,
    site: raw.host === null ? null : siteOf(raw.host),
    method,
    uri: withoutValues(target),
    status: raw.status,
    isIntercepted,
    rules: (own.length === 0 && isIntercepted ? totals.slice(0, 1) : own).slice(0, MAX_RULES),
    score: scoreOf(totals),
    account: raw.account,
  };
}

/** The JSON of libmodsecurity does not say whether it stopped the request: its own refusals are 403, and 406 of older rule sets. */
function isStopped({ status, matches }: RawEntry, totals: readonly WafRule[]): boolean {
  return totals.some(({ id }) => /^9[45]9/.test(id)) || (matches.length > 0 && (status === 403 || status === 406));
}

// "Inbound Anomaly Score Exceeded (Total Score: 8)", "(Total Inbound Score: 8 - SQLI=0,...)".
function scoreOf(totals: readonly WafRule[]): number | null {
  const scores = totals.flatMap(({ message }) => {
    const match = /\(Total (?:Inbound |Outbound )?Score: (\d{1,5})\b/.exec(message);
    return match === null ? [] : [Number(match[1])];
  });
  return scores.length === 0 ? null : Math.max(...scores);
}

/** Method and target of a request line; a line that is none (TLS to a plain port) is all method. */
function splitRequest(line: string): [string, string] {
  const match = /^([A-Za-z_-]{1,20}) (.*?)(?: HTTP\/[\d.]{1,8})?$/.exec(line);
  return match === null ? ["-", "-"] : [match[1] ?? "-", match[2] || "-"];
}

/** A target without the values of its query and of its path's parameters, without scheme and host, cut at 1,024 characters. */
function withoutValues(target: string): string {
  const path = target.replace(/^[a-z]{3,5}:\/\/[^/?#]*/i, "").replace(/#.*$/, "");
  const query = path.indexOf("?");
  const bare = (query === -1 ? path : path.slice(0, query)).replace(/;([^=;/]*)=[^;/]*/g, ";$1=");
  if (query === -1) return (bare || "/").slice(0, 1024);
  const names = path
    .slice(query + 1)
    .split("&", 20)
    .map((pair) => (pair.includes("=") ? `${pair.slice(0, pair.indexOf("=")).slice(0, 64)}=` : ""));
  return `${bare || "/"}?${names.join("&")}`.slice(0, 1024);
}

function siteOf(host: string): string | null {
  const name = host
    .trim()
    .toLowerCase()
    .replace(/:\d{1,5}$/, "")
    .replace(/\.$/, "");
  return /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])$/.test(name) ? name : null;
}
