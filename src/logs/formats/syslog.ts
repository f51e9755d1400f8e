/** The head of a syslog line as rsyslog, syslog-ng and journalctl write it into a file. */

import type { Head } from "./head.ts";
import { parseIsoStamp, parseRfc3164Stamp, type Stamp } from "./stamps.ts";

const MAX_PROGRAM = 128;

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
  return { ...parseTag(text, time.end + 1), atUnixMs: time.atUnixMs };
}

function readPriority(text: string): { behindPriority: number; isRfc5424: boolean } {
  const close = text[0] === "<" ? text.indexOf(">", 1) : -1;
  if (close < 2 || close > 4) return { behindPriority: 0, isRfc5424: false };
  const isRfc5424 = text.startsWith("1 ", close + 1);
  return { behindPriority: close + (isRfc5424 ? 3 : 1), isRfc5424 };
}

/** `HOST PROGRAM[PID]: message`; the host may be missing, as with busybox. */
function parseTag(text: string, at: number): { messageAt: number; program: string } {
  const hostEnd = text.indexOf(" ", at);
  if (hostEnd < 0) return { messageAt: at, program: "" };
  const isTag = text[hostEnd - 1] === ":" && hostEnd - at <= MAX_PROGRAM;
  const tagAt = isTag ? at : skipSpaces(text, hostEnd);
  const tagEnd = endOfTag(text, tagAt);
  if (text[tagEnd] !== ":") return { messageAt: tagAt, program: "" };
  const bracket = text.indexOf("[", tagAt);
  const programEnd = bracket > tagAt && bracket < tagEnd ? bracket : tagEnd;
  return { messageAt: skipSpaces(text, tagEnd + 1), program: text.slice(tagAt, programEnd) };
}

/** Offset of the first colon, space or end: what a program may call itself holds neither (RFC 3164 §4.1.3, and slashes as Postfix). */
function endOfTag(text: string, at: number): number {
  const limit = Math.min(text.length, at + MAX_PROGRAM);
  for (let index = at; index < limit; index++) {
    const code = text.charCodeAt(index);
    if (code === 58 && (index + 1 === text.length || text.charCodeAt(index + 1) === 32)) return index;
    if (code <= 32) return index;
  }
  return limit;
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
  while (text.charCodeAt(index) === 32) index++;
  return index;
}
