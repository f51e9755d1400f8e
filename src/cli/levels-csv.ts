/** Parser of `timestamp,value` rows. Pure. Rows are at most 1,000 characters; nothing is kept between rows but what stands in the first. */

/** The longest row that is looked at, in characters. */
export const MAX_ROW_LENGTH = 1000;

const DATE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?: ?(Z|[+-]\d{2}:?\d{2}))?$/;
/** Unix seconds with a fraction, or milliseconds when there are more digits than seconds can have before the year 5138. */
const UNIX = /^\d{1,11}(?:\.\d{1,9})?$/;
const UNIX_MS = /^\d{12,14}$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const MISSING: ReadonlySet<string> = new Set(["", "nan", "na", "null"]);

/** What a row is. */
export type CsvRow =
  | {
      readonly type: "value";
      /** As it stands in the row. */
      readonly timestamp: string;
      readonly atUnixMs: number;
      /** How far the zone that the row names is ahead of UTC. A row without one is taken as it is, by the clock on its wall. */
      readonly offsetMs: number;
      readonly value: number;
    }
  /** A moment without a value: nothing was measured. */
  | { readonly type: "missing" }
  | { readonly type: "empty" }
  /** What is wrong, and what is wanted. */
  | { readonly type: "bad"; readonly reason: string };

/** Reads a row, with or without its end. */
export function parseCsvRow(text: string): CsvRow {
  if (text.length > MAX_ROW_LENGTH) return bad(`it is longer than ${MAX_ROW_LENGTH} characters`);
  const row = text.trim();
  if (row === "") return { type: "empty" };
  const fields = row.split(",").map(unquote);
  const [timestamp = "", number = ""] = fields;
  if (fields.length !== 2) return bad(`it has ${fields.length} ${fields.length === 1 ? "column" : "columns"}`);
  const time = parseTimestamp(timestamp);
  if (time === null) return bad("its first column is no time");
  if (MISSING.has(number.toLowerCase())) return { type: "missing" };
  const value = NUMBER.test(number) ? Number(number) : Number.NaN;
  if (!Number.isFinite(value)) return bad("its second column is no number");
  return { type: "value", timestamp, ...time, value };
}

/** Whether a first row is names of columns. */
export function isCsvHeader(text: string): boolean {
  return /^\ufeff?"?[A-Za-z_][\w .-]{0,60}"?,"?[A-Za-z_][\w .()/%-]{0,60}"?\s*$/.test(text);
}

/** A time as rows have it. */
function parseTimestamp(text: string): { atUnixMs: number; offsetMs: number } | null {
  if (UNIX_MS.test(text)) return { atUnixMs: Number(text), offsetMs: 0 };
  if (UNIX.test(text)) return { atUnixMs: Math.round(Number(text) * 1000), offsetMs: 0 };
  const [, day, clock, zone = "Z"] = DATE.exec(text) ?? [];
  if (day === undefined || clock === undefined) return null;
  const offsetMs = parseOffset(zone);
  const wallMs = Date.parse(`${day}T${clock.slice(0, 12)}Z`);
  // Date.parse() makes 2 March of 30 February.
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString().slice(0, 10) !== day) return null;
  return { atUnixMs: wallMs - offsetMs, offsetMs };
}

function parseOffset(zone: string): number {
  if (zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60_000;
}

function unquote(field: string): string {
  const text = field.trim();
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function bad(reason: string): CsvRow {
  return { type: "bad", reason: `${reason}, a time and a number are wanted, such as "2026-01-05 14:00:00,312.5"` };
}
