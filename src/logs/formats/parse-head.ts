/** Where the message of a line begins and when it was written, for each format of a log. */

import { unreachable } from "#src/lib/unreachable.ts";
import type { LogFormat } from "../contract.ts";
import type { Head } from "./head.ts";
import { parseAccessStamp, parseColonStamp, parseCtimeStamp, parseIsoStamp, type Stamp } from "./stamps.ts";
import { parseSyslogHead } from "./syslog.ts";

/** Longest piece of a line in which the time of an access log is looked for: names before it are chosen by clients. */
const ACCESS_TIME_WITHIN = 8192;

/**
 * Head of a line, whatever it holds. Never throws; a line that is not of its format has no head and no time.
 *
 * @param text the line without its end, one byte a character
 * @param nowUnixMs for logs that leave out the year
 */
export function parseHead(format: LogFormat, text: string, nowUnixMs: number): Head {
  switch (format) {
    case "syslog":
      return parseSyslogHead(text, nowUnixMs);
    case "exim":
      return parseEximHead(text);
    case "access":
      return whole(findAccessStamp(text));
    case "apache-error":
      return behind(text, text[0] === "[" ? parseCtimeStamp(text, 1) : null, "] ");
    case "nginx-error":
      return behind(text, parseIsoStamp(text, 0), " ");
    case "modsecurity":
      return text[0] === "{" ? whole(findJsonStamp(text)) : behind(text, readBracketed(text, parseAccessStamp), "] ");
    case "cpanel":
      return text[0] === "[" ? behind(text, readBracketed(text, parseIsoStamp), "] ") : whole(findAccessStamp(text));
    case "plain":
      return whole(findPlainStamp(text));
    default:
      return unreachable(format);
  }
}

/** Whether lines of a format are all message and name no program: only their time must be looked for. */
export function isHeadless(format: LogFormat): boolean {
  return format === "access" || format === "plain";
}

function whole(stamp: Stamp | null): Head {
  return { messageAt: 0, program: "", atUnixMs: stamp?.atUnixMs ?? null };
}

function behind(text: string, stamp: Stamp | null, separator: string): Head {
  if (stamp === null || !text.startsWith(separator, stamp.end)) return whole(null);
  return { messageAt: stamp.end + separator.length, program: "", atUnixMs: stamp.atUnixMs };
}

/** Exim: `2026-11-22 12:41:35.123 +0100 [1234] text`; fraction, zone and pid as log_selector says. */
function parseEximHead(text: string): Head {
  const head = behind(text, parseIsoStamp(text, 0), " ");
  if (head.messageAt === 0 || text[head.messageAt] !== "[") return head;
  const close = text.indexOf("] ", head.messageAt);
  if (close < 0 || close - head.messageAt > 11) return head;
  const isPid = /^[0-9]+$/.test(text.slice(head.messageAt + 1, close));
  return isPid ? { ...head, messageAt: close + 2 } : head;
}

/**
 * The time of an access line is followed by `] "`. That stands nowhere before it, as quotes in the user's name are escaped, so the
 * first one is the server's own even when a user calls himself `[22/Nov/2026:00:00:00 +0000]`.
 */
function findAccessStamp(text: string): Stamp | null {
  const close = text.slice(0, ACCESS_TIME_WITHIN).indexOf('] "');
  if (close < 0) return null;
  const open = text.lastIndexOf("[", close);
  const stamp = open < 0 ? null : parseAccessStamp(text, open + 1);
  return stamp?.end === close ? stamp : null;
}

/** Audit logs in JSON name the time first: 2.9 `{"transaction":{"time":"22/Nov/…`, 3 `{"transaction":{…"time_stamp":"Sun Nov …`. */
function findJsonStamp(text: string): Stamp | null {
  const two = '{"transaction":{"time":"';
  if (text.startsWith(two)) return parseAccessStamp(text, two.length);
  const three = /^\{"transaction":\{"client_ip":"[0-9a-fA-F.:]{2,45}","time_stamp":"/.exec(text.slice(0, 128));
  return three === null ? null : parseCtimeStamp(text, three[0].length);
}

function findPlainStamp(text: string): Stamp | null {
  const at = text[0] === "[" ? 1 : 0;
  return (
    parseIsoStamp(text, at) ?? parseCtimeStamp(text, at) ?? parseColonStamp(text, at) ?? parseAccessStamp(text, at)
  );
}

function readBracketed(text: string, parse: (text: string, at: number) => Stamp | null): Stamp | null {
  return text[0] === "[" ? parse(text, 1) : null;
}
