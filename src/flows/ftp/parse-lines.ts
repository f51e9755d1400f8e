/**
 * Lines of an FTP control connection: commands of the client, replies of the server, and the ports that they announce. Pure. Lines are
 * at most {@link MAX_LINE} characters; patterns are anchored or bounded, so that no line takes long.
 * @see RFC 959 §4 and §5.3 (PORT, PASV), RFC 1123 §4.1.2.6 (PASV without brackets), RFC 2428 (EPRT, EPSV), RFC 4217 (AUTH TLS)
 */

/** Longest line that is looked at. */
export const MAX_LINE = 1024;

const SPACE = 32;
const HYPHEN = 45;

/** A port that one side will listen on. */
export interface Announcement {
  readonly port: number;
  /** As it was written; `null` where only a port is told (EPSV). */
  readonly address: string | null;
}

/** A command as one number: its letters in capitals, a byte each. Most lines need not become a text. */
export function verbNumber(verb: string): number {
  return [...verb].reduce((number, letter) => ((number << 8) | letter.charCodeAt(0)) >>> 0, 0);
}

/**
 * The command of a line, as {@link verbNumber} gives it; 0: not what a client of FTP says. Before ABOR there may be IP and DM of Telnet
 * (RFC 959 §4.1.3).
 */
export function verbOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && at < start + 6 && bytes[at]! >= 0xf0) at++;
  const first = at;
  let verb = 0;
  for (; at < end && isLetter(bytes[at]!); at++) {
    if (at - first === 4) return 0;
    verb = (verb << 8) | (bytes[at]! & 0xdf);
  }
  return at - first > 2 && (at === end || bytes[at] === SPACE) ? verb >>> 0 : 0;
}

/** What follows the command, without spaces around. */
export function argumentOf(line: string): string {
  const space = line.indexOf(" ");
  return space === -1 ? "" : line.slice(space).trim();
}

/** The code that a line of the server begins with; 0: none. */
export function replyCodeOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 3) return 0;
  const [first, second, third] = [bytes[start]! - 48, bytes[start + 1]! - 48, bytes[start + 2]! - 48];
  if (first < 1 || first > 6 || second < 0 || second > 9 || third < 0 || third > 9) return 0;
  const next = end - start === 3 ? SPACE : bytes[start + 3];
  return next === SPACE || next === HYPHEN ? first * 100 + second * 10 + third : 0;
}

/** Whether more lines follow a line with a code, until one has the code and a space. */
export function isOpenReply(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > 3 && bytes[start + 3] === HYPHEN;
}

function isLetter(code: number): boolean {
  return (code | 32) >= 97 && (code | 32) <= 122;
}

/** The argument of PORT: `h1,h2,h3,h4,p1,p2` and nothing else. */
export function parsePort(argument: string): Announcement | null {
  return argument.length > 23 || !/^[\d,]+$/.test(argument) ? null : announcementOf(argument.split(","));
}

/** The reply to PASV: the first six numbers with commas, in brackets or not. */
export function parsePasvReply(line: string): Announcement | null {
  const found = /^227[^\d]{0,200}(\d{1,3}(?:,\d{1,3}){5})(?![\d,])/.exec(line);
  return found === null ? null : announcementOf((found[1] ?? "").split(","));
}

/** The argument of EPRT: `|1|192.0.2.1|6275|`, with any delimiter. */
export function parseEprt(argument: string): Announcement | null {
  if (argument.length > 80) return null;
  const delimiter = argument[0] ?? "";
  if (!/^[!-~]$/.test(delimiter) || /^[\w.:]$/.test(delimiter)) return null;
  const [before, family, address = "", port = "", after, ...more] = argument.split(delimiter);
  if (before !== "" || after !== "" || more.length > 0) return null;
  const isWell =
    family === "1" ? /^\d{1,3}(?:\.\d{1,3}){3}$/.test(address) : family === "2" && /^[\da-fA-F:.]{2,45}$/.test(address);
  return isWell ? withPort(port, address) : null;
}

/** The reply to EPSV: `(|||6446|)`, with any delimiter. */
export function parseEpsvReply(line: string): Announcement | null {
  const found = /^229[^(]{0,200}\(([!-~])\1\1(\d{1,5})\1\)/.exec(line);
  return found === null ? null : withPort(found[2] ?? "", null);
}

function announcementOf(numbers: readonly string[]): Announcement | null {
  if (numbers.length !== 6 || !numbers.every((one) => /^\d{1,3}$/.test(one) && Number(one) < 256)) return null;
  const [a, b, c, d, high, low] = numbers.map(Number);
  return withPort(String(high! * 256 + low!), `${a}.${b}.${c}.${d}`);
}

function withPort(text: string, address: string | null): Announcement | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65_536 ? { port, address } : null;
}
