/** Small readers that the formats share. Pure. */
import { isUtf8 } from "node:buffer";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A text of one character a byte as UTF-8 where it is UTF-8, else as it is. */
export function decodeBytes(latin1: string): string {
  const bytes = Buffer.from(latin1, "latin1");
  return isUtf8(bytes) ? bytes.toString() : latin1;
}

/** Unix milliseconds of `22/Nov/2026:12:41:46.460455 +0000`; the fraction may be missing. `null` for any other text. */
export function parseApacheTime(text: string): number | null {
  const match = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))? ([+-])(\d{2})(\d{2})$/.exec(
    text,
  );
  if (match === null) return null;
  const [, day, name = "", year, hour, minute, second, fraction = "0", sign, zoneHours, zoneMinutes] = match;
  const month = MONTHS.indexOf(name);
  if (month === -1) return null;
  const utc = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return utc + Math.floor(Number(`0.${fraction}`) * 1000) - (sign === "-" ? -zoneMs : zoneMs);
}

/** Unix milliseconds of `Sun Nov 22 12:41:46 2026` (asctime(3), the host's local time). `null` for any other text. */
export function parseAsctime(text: string): number | null {
  const match = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/.exec(text);
  const month = MONTHS.indexOf(match?.[1] ?? "");
  if (match === null || month === -1) return null;
  const [, , day, hour, minute, second, year] = match;
  return new Date(Number(year), month, Number(day), Number(hour), Number(minute), Number(second)).getTime();
}

/** Unique ids of mod_unique_id, of mod_security2 without it, and of libmodsecurity. */
export function isUniqueId(text: string): boolean {
  return /^[\w@.:-]{8,64}$/.test(text);
}
