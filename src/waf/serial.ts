/**
 * Serial audit log of ModSecurity 2.9 and libmodsecurity: parts between lines such as `--0079b05c-A--`, bodies among them as
 * they came from the network.
 *
 * A body may hold lines that look like boundaries. What is believed: an entry begins with part A outside of any other and ends
 * with part Z; its boundaries carry its own id; inside a request body (part C) of known length nothing is a boundary before its
 * last byte. Ids are not unique (they come from rand(3), the children of Apache share them), so entries are told by the unique id
 * of part A.
 */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import { decodeBytes, isUniqueId, parseApacheTime } from "./decode.ts";
import { toEntry, type WafEntry, type WafRule } from "./entry.ts";
import { parseWafMessage } from "./message.ts";

// apache2/msc_logging.c: 8 hex digits; libmodsecurity src/audit_log/writer/writer.cc: 8 characters.
const BOUNDARY = /^--([0-9A-Za-z]{8})-([A-Z])--$/;
const HEADER = /^\[([^\]]{20,40})\] (\S{8,64}) (\S{2,64}) \d{1,5} \S{2,64} \d{1,5}$/;
const MAX_MATCHES = 64;
// Longest bodies that are waited for: SecRequestBodyLimit of the recommended configuration is 12.5 MiB, SecResponseBodyLimit 512 KiB.
const MAX_REQUEST_BYTES = 16 * 2 ** 20;
const MAX_RESPONSE_BYTES = 2 ** 20;
// Lines of this length may have been cut by their reader.
const MAX_LINE = 65_536;

interface OpenEntry {
  readonly boundary: string;
  part: string;
  readonly seen: Set<string>;
  uniqueId: string | null;
  atUnixMs: number | null;
  address: string | null;
  requestLine: string | null;
  host: string | null;
  contentLength: number | null;
  status: number | null;
  isIntercepted: boolean;
  readonly matches: WafRule[];
  /** Of the part that is open: at least and at most so many bytes came before this line. */
  leastBytes: number;
  mostBytes: number;
  startOffset: number | null;
  isContradictory: boolean;
}

/**
 * Puts lines together to entries: at most one is open, of which at most 64 messages are kept. Give it the lines of one file; after
 * a gap in them it finds the next entry by itself.
 */
export class SerialAssembler {
  #open: OpenEntry | null = null;
  #dropped = 0;

  /** Entries that were begun and not taken: without their end, without a header, or with parts that contradict each other. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * The next line, without its end; each byte one character.
   * @param offset where it begins in the file. Without it the length of a line is known but for the CR that may have been taken
   * from its end, and a request body of many lines is believed to end so many bytes early
   * @returns the entry that this line ends, `null` for most lines
   */
  push(line: string, offset: number | null = null): WafEntry | null {
    const open = this.#open;
    if (open !== null && offset !== null) measure(open, offset);
    const boundary = line.length === 14 ? BOUNDARY.exec(line) : null;
    if (boundary !== null && this.#isBelieved(boundary)) return this.#turn(boundary[1] ?? "", boundary[2] ?? "");
    if (open !== null) this.#take(open, line);
    return null;
  }

  #isBelieved([, id = "", part = ""]: RegExpExecArray): boolean {
    const open = this.#open;
    if (open === null) return part === "A";
    if (id !== open.boundary) return part === "A" && !isBody(open.part);
    return !(isBody(open.part) && part === "A") && !isInsideBody(open);
  }

  #turn(id: string, part: string): WafEntry | null {
    const open = this.#open;
    if (part === "A") {
      if (open !== null) this.#dropped++;
      this.#open = openEntry(id);
      return null;
    }
    if (open === null) return null;
    // Each part is there once: a second one is of another entry, whose beginning was taken for a line of a body.
    if (open.seen.has(part)) return this.#drop();
    if (part !== "Z") {
      open.seen.add(part);
      open.part = part;
      open.leastBytes = 0;
      open.mostBytes = 0;
      open.startOffset = null;
      return null;
    }
    this.#open = null;
    const entry = finish(open);
    if (entry === null) this.#dropped++;
    return entry;
  }

  #drop(): null {
    this.#open = null;
    this.#dropped++;
    return null;
  }

  #take(open: OpenEntry, line: string): void {
    open.leastBytes += line.length + 1;
    open.mostBytes += line.length < MAX_LINE ? line.length + 2 : Number.POSITIVE_INFINITY;
    if (isBody(open.part)) {
      if (open.leastBytes > (open.part === "E" ? MAX_RESPONSE_BYTES : MAX_REQUEST_BYTES)) this.#drop();
    } else takeLine(open, line);
  }
}

function openEntry(boundary: string): OpenEntry {
  return {
    boundary,
    part: "A",
    seen: new Set("A"),
    uniqueId: null,
    atUnixMs: null,
    address: null,
    requestLine: null,
    host: null,
    contentLength: null,
    status: null,
    isIntercepted: false,
    matches: [],
    leastBytes: 0,
    mostBytes: 0,
    startOffset: null,
    isContradictory: false,
  };
}

/** With offsets the bytes of a part are known exactly. */
function measure(open: OpenEntry, offset: number): void {
  open.startOffset ??= offset;
  open.leastBytes = offset - open.startOffset;
  open.mostBytes = open.leastBytes;
}

/** C and I are what the client sent, E what the site answered, which may be any customer's. */
function isBody(part: string): boolean {
  return part === "C" || part === "E" || part === "I";
}

/** Whether the body is not over yet, going by the length that the web server has held the client to. */
function isInsideBody({ part, contentLength, mostBytes }: OpenEntry): boolean {
  return part === "C" && contentLength !== null && contentLength <= MAX_REQUEST_BYTES && mostBytes < contentLength;
}

function takeLine(open: OpenEntry, line: string): void {
  switch (open.part) {
    case "A":
      if (open.uniqueId === null) takeHeader(open, line);
      break;
    case "B":
      takeRequest(open, line);
      break;
    case "F":
      open.status ??= statusOf(line);
      break;
    case "H":
      takeTrailer(open, line);
      break;
  }
}

function takeHeader(open: OpenEntry, line: string): void {
  const [, time = "", uniqueId = "", address = ""] = HEADER.exec(line) ?? [];
  const atUnixMs = parseApacheTime(time);
  if (atUnixMs === null || !isUniqueId(uniqueId)) return;
  open.uniqueId = uniqueId;
  open.atUnixMs = atUnixMs;
  open.address = canonicalAddress(address);
}

function takeRequest(open: OpenEntry, line: string): void {
  if (open.requestLine === null) {
    open.requestLine = line.slice(0, 8192);
    return;
  }
  const header = /^(host|content-length|transfer-encoding):[ \t]*(.{0,300}?)[ \t]*$/i.exec(line);
  if (header === null) return;
  const value = header[2] ?? "";
  switch (header[1]?.toLowerCase()) {
    case "host":
      open.host ??= value;
      break;
    case "content-length":
      if (/^\d{1,12}$/.test(value)) open.contentLength ??= Number(value);
      break;
    default:
      // RFC 9112 §6.3: it overrides Content-Length.
      open.contentLength = Number.POSITIVE_INFINITY;
  }
}

function statusOf(line: string): number | null {
  const match = /^HTTP\/[\d.]{1,8} (\d{3})\b/.exec(line);
  return match === null ? null : Number(match[1]);
}

function takeTrailer(open: OpenEntry, line: string): void {
  if (line.startsWith("Action: Intercepted")) open.isIntercepted = true;
  // 2.9 repeats each message as Apache-Error, with the unique id; libmodsecurity writes it once, with the id.
  const isRepeated = line.startsWith("Apache-Error: ") && line.includes("] ModSecurity: ");
  const text = isRepeated ? line : /^(?:Message: |(?=ModSecurity: ))(.*)$/s.exec(line)?.[1];
  const message = text === undefined ? null : parseWafMessage(decodeBytes(text));
  if (message === null) return;
  if (message.uniqueId !== null && message.uniqueId !== open.uniqueId) open.isContradictory = true;
  if (isRepeated) return;
  if (message.isDenial) open.isIntercepted = true;
  if (open.matches.length < MAX_MATCHES) open.matches.push(message.rule);
}

function finish(open: OpenEntry): WafEntry | null {
  if (open.uniqueId === null || open.isContradictory) return null;
  return toEntry({
    uniqueId: open.uniqueId,
    atUnixMs: open.atUnixMs,
    address: open.address,
    host: open.host,
    requestLine: decodeBytes(open.requestLine ?? "-"),
    status: open.status,
    isIntercepted: open.isIntercepted,
    matches: open.matches,
    account: null,
  });
}
