/** A list as it lies in the store. Pure. */
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { KeptList } from "./update-list.ts";

/** As JSON: the networks as one text, which is a tenth of the size of a list of texts in memory. */
export function writeKeptList(list: KeptList): JsonObject {
  return {
    from: list.from,
    etag: list.validators.etag,
    lastModified: list.validators.lastModified,
    fetchedUnixMs: list.fetchedUnixMs,
    entries: list.entries,
    networks: list.networks.join("\n"),
    refused: list.refused.map(({ line, why }) => ({ line, why })),
    refusedCount: list.refusedCount,
    reservedCount: list.reservedCount,
    shrunkSinceUnixMs: list.shrunkSinceUnixMs,
  };
}

/** Reads what {@link writeKeptList} wrote; `null` for anything else, after which the list is fetched anew. */
export function readKeptList(json: Json): KeptList | null {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return null;
  const {
    from,
    etag,
    lastModified,
    fetchedUnixMs,
    entries,
    networks,
    refused,
    refusedCount,
    reservedCount,
    shrunkSinceUnixMs,
  } = json as JsonObject;
  const numbers = [fetchedUnixMs, entries, refusedCount, reservedCount];
  if (typeof from !== "string" || typeof networks !== "string" || !isTextOrNull(etag) || !isTextOrNull(lastModified))
    return null;
  if (!numbers.every(isCount) || !(shrunkSinceUnixMs === null || isCount(shrunkSinceUnixMs))) return null;
  const texts = networks === "" ? [] : networks.split("\n");
  if (!texts.every((text) => parseNetwork(text) !== null)) return null;
  return {
    from,
    validators: { etag, lastModified },
    fetchedUnixMs: Number(fetchedUnixMs),
    entries: Number(entries),
    networks: texts,
    refused: Array.isArray(refused) ? refused.flatMap(readRefused) : [],
    refusedCount: Number(refusedCount),
    reservedCount: Number(reservedCount),
    shrunkSinceUnixMs: shrunkSinceUnixMs === null ? null : Number(shrunkSinceUnixMs),
  };
}

function readRefused(json: Json): { line: number; why: string }[] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  const { line, why } = json as JsonObject;
  return isCount(line) && typeof why === "string" ? [{ line, why }] : [];
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTextOrNull(value: Json | undefined): value is string | null {
  return value === null || typeof value === "string";
}
