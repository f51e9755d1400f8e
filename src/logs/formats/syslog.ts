/** The head of a syslog line as rsyslog, syslog-ng and journalctl write it into a file. */

import type { Head } from "./head.ts";
import { parseIsoStamp, parseRfc3164Stamp, type Stamp } from "./stamps.ts";

const MAX_PROGRAM = 128;
const RFC5424_BEHIND_TIME = /^ \S+ [^\s:[\]]+ (?:\d+|-) \S+ (?:-|\[\S+[^:]*\]) /;
const SPACE = 32;
const COLON = 58;
// busybox and socklog write these before the program, FreeBSD `<10.5>`.
const FACILITY =
  /^(?:(?:auth|authpriv|cron|daemon|ftp|kern|local[0-7]|lpr|mail|news|security|syslog|user|uucp)\.[a-z]{3,8}:?|<\d{1,3}\.\d>)$/;

/**
 * Head of `[<PRI>]TIME HOST PROGRAM[PID]: message` with a time of RFC 3164 or ISO 8601, or of RFC 5424
 * (`<PRI>1 TIME HOST PROGRAM PID MSGID SD message`). Spaces before the message belong to the head. A line without a time that we know
 * has no head.
 */
export function parseSyslogHead(text: string, nowUnixMs: number): Head {
  const { behindPriority, isRfc5424 } = readPriority(text);
  if (isRfc5424) return parseRfc5424(text, behindPriority);
  const time: Stamp | null = parseRfc3164Stamp(text, behindPriority, nowUnixMs) ?? parseIsoStamp(text, behindPriority);
  if (time === null || text[time.end] !== " ") return { messageAt: 0, program: "", atUnixMs: null };
  // sysklogd writes RFC 5424 without the priority.
  if (RFC5424_BEHIND_TIME.test(text.slice(time.end, time.end + 2 * MAX_PROGRAM)))
    return parseRfc5424(text, behindPriority);
  // socklog puts its own time and facility before a whole line.
  const behindFacility = skipFacility(text, time.end + 1);
  const inner = behindFacility > time.end + 1 ? parseRfc3164Stamp(text, behindFacility, nowUnixMs) : null;
  return { ...parseTag(text, inner === null ? time.end + 1 : inner.end + 1), atUnixMs: time.atUnixMs };
}

function readPriority(text: string): { behindPriority: number; isRfc5424: boolean } {
  const close = text[0] === "<" ? text.indexOf(">", 1) : -1;
  if (close < 2 || close > 4) return { behindPriority: 0, isRfc5424: false };
  const isRfc5424 = text.startsWith("1 ", close + 1);
  return { behindPriority: close + (isRfc5424 ? 3 : 1), isRfc5424 };
}

/**
 * `HOST PROGRAM[PID]: message`. The host may be missing, as with busybox; before the program may stand `auth.info`; the colon may be
 * missing behind a pid, as with ProFTPD. A line without a program is all message.
 */
function parseTag(text: string, at: number): { messageAt: number; program: string } {
  for (const tagAt of tagPlaces(text, at)) {
    const end = endOfTag(text, tagAt);
    if (end === null) continue;
    const bracket = text.indexOf("[", tagAt);
    const program = text.slice(tagAt, bracket > tagAt && bracket < end ? bracket : end);
    const behind = text.charCodeAt(end) === COLON ? end + 1 : end;
    return { messageAt: skipSpaces(text, behind), program: program.startsWith("[") ? program.slice(1, -1) : program };
  }
  return { messageAt: skipFacility(text, at), program: "" };
}

/** Where the program may stand: at the first or second word, not counting a facility and level. */
function tagPlaces(text: string, at: number): readonly number[] {
  const first = skipFacility(text, skipSpaces(text, at));
  const host = text.indexOf(" ", first);
  return host < 0 ? [first] : [first, skipFacility(text, skipSpaces(text, host))];
}

function skipFacility(text: string, at: number): number {
  const end = text.indexOf(" ", at);
  if (end <= at || end - at >= 20) return at;
  const word = text.slice(at, end);
  // Most words are hosts, and a facility holds a dot: that is found out sooner.
  return word.includes(".") && FACILITY.test(word) ? skipSpaces(text, end) : at;
}

/**
 * Offset of the colon behind a program, or of the space behind its pid in brackets; `null` when no program stands there. What a program
 * may call itself holds neither spaces nor colons (RFC 3164 §4.1.3), but slashes, as with Postfix.
 */
function endOfTag(text: string, at: number): number | null {
  const limit = Math.min(text.length, at + MAX_PROGRAM);
  for (let index = at; index < limit; index++) {
    const code = text.charCodeAt(index);
    if (code === SPACE) return index > at && text[index - 1] === "]" ? index : null;
    if (code === COLON && index > at && (index + 1 === text.length || text.charCodeAt(index + 1) === SPACE)) {
      return index;
    }
    if (code < SPACE) return null;
  }
  return null;
}

function parseRfc5424(text: string, at: number): Head {
  const time = parseIsoStamp(text, at);
  let next = text.indexOf(" ", at) + 1; // a nil time is a dash
  const fields: string[] = [];
  while (fields.length < 4 && next > 0) {
    const end = text.indexOf(" ", next);
    if (end < 0) return { messageAt: 0, program: "", atUnixMs: time?.atUnixMs ?? null };
    fields.push(text.slice(next, end));
    next = end + 1;
  }
  const program = fields[1] ?? "";
  const behindData = text[next] === "[" ? endOfStructuredData(text, next) : next + 1;
  const messageAt = skipSpaces(text, Math.min(behindData, text.length));
  const behindBom = text.startsWith("\u00ef\u00bb\u00bf", messageAt) ? messageAt + 3 : messageAt;
  return {
    messageAt: behindBom,
    program: program === "-" ? "" : program.slice(0, MAX_PROGRAM),
    atUnixMs: time?.atUnixMs ?? null,
  };
}

/** RFC 5424 §6.3: elements in brackets one after another; in their quoted values `"`, `\` and `]` are escaped by `\`. */
function endOfStructuredData(text: string, at: number): number {
  let isQuoted = false;
  for (let index = at; index < text.length; index++) {
    const char = text[index];
    if (isQuoted && char === "\\") index++;
    else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && char === "]" && text[index + 1] !== "[") return index + 1;
  }
  return text.length;
}

function skipSpaces(text: string, at: number): number {
  let index = at;
  while (text.charCodeAt(index) === SPACE) index++;
  return index;
}
