/**
 * Texts of block lists, as they are published: an address or network a line, with comments behind `#` or `;`; CSV or blanks behind
 * the first field; Spamhaus DROP as text and as JSON lines; DShield's first, last, length; csf.deny. Pure.
 */
import { cleanText } from "#src/lib/clean-text.ts";
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { NetworkPile, WIDEST_PREFIX } from "./network-pile.ts";
import { isReserved } from "./reserved.ts";

/** A line that was not taken. */
export interface RefusedLine {
  /** From 1. */
  readonly line: number;
  /** What is, and what is wanted; the line's text escaped. */
  readonly why: string;
}

/** What a text came to. */
export interface ParsedList {
  readonly networks: NetworkPile;
  /** The first 20 lines that were refused. */
  readonly refused: readonly RefusedLine[];
  readonly refusedCount: number;
  /** Entries of private, reserved or multicast networks, which are dropped: published lists hold them by mistake or on purpose. */
  readonly reservedCount: number;
}

/** Bounds of a text. */
export interface ListBounds {
  readonly maxEntries: number;
}

const MAX_LINE = 4096;
const MAX_REFUSED = 20;

// Steps between two chances for others to run.
const STEP_LINES = 500;

/**
 * Reads a list, step by step: see slices.ts. A line that names no network is refused by itself; the text as a whole when it is no list: more refused lines than
 * entries, or a page of HTML.
 * @throws SyntaxError when it is no list
 * @throws RangeError when it has more than `maxEntries` entries
 */
export function* parseList(text: string, { maxEntries }: ListBounds): Generator<void, ParsedList> {
  if (/^\s*<[!?a-z]/i.test(text.slice(0, 1000)))
    throw new SyntaxError("Cannot read list: it is a page of HTML, one address or network a line is wanted");
  const networks = new NetworkPile();
  const refused: RefusedLine[] = [];
  let refusedCount = 0;
  let reservedCount = 0;
  let line = 0;
  for (const entry of splitLines(text)) {
    if (++line % STEP_LINES === 0) yield;
    const field = fieldOf(entry);
    if (field === null) continue;
    const isNone = entry.length > MAX_LINE || HOSTS_LINE.test(entry);
    const network = isNone ? null : parseNetwork(field);
    const why = network === null ? whyNone(entry, field) : whyTooWide(network);
    if (network === null || why !== null) {
      refusedCount++;
      if (refused.length < MAX_REFUSED) refused.push({ line, why: why ?? "" });
    } else if (isReserved(network)) reservedCount++;
    else if (networks.count === maxEntries)
      throw new RangeError(`Cannot take list: it has more than ${maxEntries} entries, which is maxEntries of the list`);
    else networks.add(network);
  }
  const entryCount = networks.count + reservedCount;
  if (refusedCount > entryCount) {
    const [first] = refused;
    throw new SyntaxError(
      `Cannot read list: ${refusedCount} lines are no networks and ${entryCount} are, a list of networks is wanted; ` +
        `line ${first?.line}: ${first?.why}`,
    );
  }
  return { networks, refused, refusedCount, reservedCount };
}

function* splitLines(text: string): Generator<string> {
  let start = text.startsWith("\ufeff") ? 1 : 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end === -1 ? text.length : end);
    start = end === -1 ? text.length : end + 1;
  }
}

const NO_ENTRY = /^(?:[#;]|\/\/|["']?(?:ip|cidr|network|address|ip_address|start)["']?\s*(?:[,;\t]|$))/i;

/** The field that names the network; `null` for comments, blank lines, heads of tables and metadata of JSON lines. */
function fieldOf(line: string): string | null {
  const trimmed = line.trim();
  if (trimmed === "" || NO_ENTRY.test(trimmed)) return null;
  if (trimmed.startsWith("{")) return jsonField(trimmed);
  const dshield = /^([\d.]{7,15})\t[\d.]{7,15}\t(\d{1,2})\t/.exec(trimmed);
  if (dshield !== null) return `${dshield[1]}/${dshield[2]}`;
  return /^["']?([^\s,;#|"']+)/.exec(trimmed)?.[1] ?? trimmed;
}

/** Of Spamhaus: `{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"apnic"}`, and a last line of type metadata. */
function jsonField(text: string): string | null {
  if (text.length > MAX_LINE) return text;
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (value["type"] === "metadata") return null;
    const field = ["cidr", "ip", "network", "address"].map((key) => value[key]).find((one) => typeof one === "string");
    return typeof field === "string" ? field : text;
  } catch {
    return text;
  }
}

// Such a line sends a name nowhere: it has no network to block.
const HOSTS_LINE = /^\s*(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+[a-z]/i;

function whyNone(line: string, field: string): string {
  const shown = cleanText(field, 60);
  if (line.length > MAX_LINE) return `line has ${line.length} characters, at most ${MAX_LINE} are wanted`;
  if (HOSTS_LINE.test(line)) return "a line of a hosts file, a network to block is wanted";
  if (/^[\d.]+-[\d.]+$/.test(field)) return `"${shown}" is a range, a network in CIDR is wanted`;
  return `"${shown}" is neither an address nor a network`;
}

function whyTooWide({ family, prefix }: IpNetwork): string | null {
  const widest = WIDEST_PREFIX[family];
  return prefix < widest
    ? `a network of /${prefix} is wider than /${widest}, which is the widest that a list may block`
    : null;
}
