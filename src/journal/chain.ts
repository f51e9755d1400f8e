/**
 * The entries of the journal and how each is bound to the one before. Pure.
 * The hash has no key: it finds what was changed, cut or moved by someone who did not rewrite everything behind it and the head
 * too. Who must notice even that keeps the heads that the warden tells (mind, hub).
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "#src/model/json.ts";
import { type Check, integer, jsonObject, malformed, nullable, object, text } from "#src/wire/check.ts";

/** What stands for the hash before the first entry. */
export const GENESIS_HASH = "0".repeat(64);
/** Longest line, without its newline. */
export const MAX_LINE_BYTES = 64 * 1024;
/** Most entries that are written at once, and so the most that a crash can leave behind the head. */
export const MAX_BATCH_ENTRIES = 128;

/** What is to be written down. */
export interface NewEntry {
  /** Dotted name such as `action.begin`, at most 64 characters. */
  readonly kind: string;
  /** Who: `admin:root`, `rule:NAME`, `warden`; at most 256 characters. */
  readonly by: string;
  /** The mind's number of it, rising for ever; `null` for what the warden itself writes. */
  readonly ref: number | null;
  readonly data: JsonObject;
}

/** One line of the journal. */
export interface JournalEntry extends NewEntry {
  /** 1 for the first entry, then one more each. */
  readonly seq: number;
  /** ISO 8601 in UTC with milliseconds. */
  readonly at: string;
  /** `hash` of the entry before, {@link GENESIS_HASH} for the first. */
  readonly prev: string;
  /** sha256 in hex of `prev`, a newline, and the JSON of the fields seq, at, kind, by, ref, data in this order. */
  readonly hash: string;
}

/** Where a chain ends. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

const DATA = jsonObject(32, MAX_LINE_BYTES);
const ENTRY = object({
  seq: integer(1),
  at: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "a time in ISO 8601"),
  kind: text(64),
  by: text(256),
  ref: nullable(integer(1)),
  data: DATA,
  prev: matching(/^[0-9a-f]{64}$/, "a sha256"),
  hash: matching(/^[0-9a-f]{64}$/, "a sha256"),
});

/**
 * The entry that follows `end`. Data that makes the line longer than {@link MAX_LINE_BYTES}, or is nested deeper than 32, is
 * replaced by `{"cut": true, "bytes": n}`.
 * @throws RangeError when `kind` or `by` is too long
 */
export function makeEntry(fresh: NewEntry, end: ChainEnd, at: Date): JournalEntry {
  if (fresh.kind.length > 64 || fresh.by.length > 256) {
    throw new RangeError(
      `Cannot make a journal entry: kind has ${fresh.kind.length} and by ${fresh.by.length} characters, 64 and 256 are allowed`,
    );
  }
  const entry = seal(fresh, fresh.data, end, at);
  if (isKeepable(entry)) return entry;
  return seal(fresh, { cut: true, bytes: Buffer.byteLength(JSON.stringify(fresh.data)) }, end, at);
}

/** The line of an entry, without its newline. */
export function formatEntry({ seq, at, kind, by, ref, data, prev, hash }: JournalEntry): string {
  return JSON.stringify({ seq, at, kind, by, ref, data, prev, hash });
}

/**
 * Reads one line of at most {@link MAX_LINE_BYTES}. It must be byte for byte what {@link formatEntry} writes.
 * Whether the hash is right is not checked here: see {@link isIntact}.
 * @throws SyntaxError when it is anything else
 */
export function parseEntry(line: Buffer): JournalEntry {
  if (line.length > MAX_LINE_BYTES) throw notAnEntry(`it has more than ${MAX_LINE_BYTES} bytes`);
  try {
    const entry = ENTRY(JSON.parse(line.toString("utf8")), "entry");
    if (Buffer.from(formatEntry(entry)).equals(line)) return entry;
  } catch (error) {
    throw notAnEntry("it is not JSON of the right form", error);
  }
  throw notAnEntry("it is not written as the warden writes");
}

/** The hash that an entry should have. */
export function hashEntry({ seq, at, kind, by, ref, data, prev }: Omit<JournalEntry, "hash">): string {
  return createHash("sha256")
    .update(`${prev}\n${JSON.stringify({ seq, at, kind, by, ref, data })}`)
    .digest("hex");
}

/** Whether the entry still says what it said when it was written. */
export function isIntact(entry: JournalEntry): boolean {
  return hashEntry(entry) === entry.hash;
}

/** Reads one line as {@link parseEntry} does. @returns `undefined` for what is no entry, or no longer intact */
export function readIntactEntry(line: Buffer): JournalEntry | undefined {
  try {
    const entry = parseEntry(line);
    return isIntact(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the entry is the one that follows `end`. */
export function follows(entry: JournalEntry, end: ChainEnd): boolean {
  return entry.prev === end.hash && entry.seq === end.seq + 1;
}

function seal({ kind, by, ref }: NewEntry, data: JsonObject, end: ChainEnd, at: Date): JournalEntry {
  const fields = { seq: end.seq + 1, at: at.toISOString(), kind, by, ref, data, prev: end.hash };
  return { ...fields, hash: hashEntry(fields) };
}

function isKeepable(entry: JournalEntry): boolean {
  try {
    parseEntry(Buffer.from(formatEntry(entry)));
    return true;
  } catch {
    return false;
  }
}

function matching(pattern: RegExp, expected: string): Check<string> {
  return (value, path) => {
    if (typeof value !== "string" || !pattern.test(value)) throw malformed(path, expected);
    return value;
  };
}

function notAnEntry(what: string, cause?: unknown): SyntaxError {
  return new SyntaxError(`Cannot read journal entry: ${what}`, { cause });
}
