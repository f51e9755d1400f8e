/**
 * Requests in lines of an access log (common, combined, vhost_combined), by their bytes: no line is made a text. Pure.
 * Apache (`\"`) and nginx (`\x22`) escape quotes in what a client sends: the first `" NNN ` whose quote is not escaped is behind the request.
 */
const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;
const MAX_SITE = 253;

/** Requests to one site. */
export interface Requests {
  requests: number;
  /** Answered with 4xx, with 5xx. */
  clientErrors: number;
  serverErrors: number;
}

/** @param path of the log, for lines that do not name their site @returns by site; lines of another form are not counted */
export function countRequests(lines: Uint8Array, path: string): Map<string, Requests> {
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
  const found = new Map<string, Requests>();
  const ofPath = siteOfPath(path);
  let last: Requests | null = null;
  let lastSite = "";
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const status = statusOf(bytes, start, end);
    if (status > 0) {
      const siteEnd = siteEndOf(bytes, start, end);
      if (last === null || !isText(bytes, start, siteEnd, lastSite)) {
        lastSite = siteEnd === start ? "" : bytes.toString("latin1", start, siteEnd);
        last = requestsOf(found, lastSite === "" ? ofPath : lastSite.toLowerCase());
      }
      last.requests++;
      if (status === 4) last.clientErrors++;
      else if (status === 5) last.serverErrors++;
    }
    start = end + 1;
  }
  return found;
}

/** The site that a log is of by its name, as panels name them; `all` for one of all sites. */
export function siteOfPath(path: string): string {
  const match =
    /\/domlogs\/(?:[^/]+\/)?([\w.-]+?)(?:-ssl_log|-bytes_log)?$/.exec(path) ??
    /\/vhosts\/system\/([\w.-]+)\/logs\//.exec(path) ??
    /\/httpd\/domains\/([\w.-]+?)\.log$/.exec(path);
  return match?.[1]?.toLowerCase() ?? "all";
}

/** First digit of the status; 0: there is none. */
function statusOf(bytes: Buffer, start: number, end: number): number {
  for (let at = bytes.indexOf(QUOTE, start); at !== -1 && at + 5 < end; at = bytes.indexOf(QUOTE, at + 1)) {
    const first = bytes[at + 2]! - 48;
    const isStatus =
      bytes[at + 1] === SPACE && first >= 1 && first <= 5 && isDigit(bytes[at + 3]!) && isDigit(bytes[at + 4]!);
    if (isStatus && bytes[at + 5] === SPACE && !isEscaped(bytes, start, at)) return first;
  }
  return 0;
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(bytes: Buffer, start: number, at: number): boolean {
  let first = at;
  while (first > start && bytes[first - 1] === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

/** Where `site` of `site:port address ...` ends; `start`: the line does not begin so. */
function siteEndOf(bytes: Buffer, start: number, end: number): number {
  const space = bytes.indexOf(SPACE, start);
  if (space === -1 || space >= end) return start;
  let colon = space - 1;
  while (colon > start && isDigit(bytes[colon]!)) colon--;
  const isPort = bytes[colon] === COLON && colon < space - 1 && space - colon <= 6;
  // An IPv6 address has other colons.
  const isSite = isPort && colon > start && colon - start <= MAX_SITE && bytes.indexOf(COLON, start) === colon;
  return isSite ? colon : start;
}

function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false;
  return true;
}

function requestsOf(found: Map<string, Requests>, site: string): Requests {
  const known = found.get(site);
  if (known !== undefined) return known;
  const requests = { requests: 0, clientErrors: 0, serverErrors: 0 };
  found.set(site, requests);
  return requests;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
