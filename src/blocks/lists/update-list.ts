/** One update of one list: from its text to the networks that are blocked, or why the last ones stay. */
import type { BlockListOptions } from "../options.ts";
import { fetchList, type ListValidators } from "./fetch-list.ts";
import { parseList, type RefusedLine } from "./parse-list.ts";
import { inSlices } from "./slices.ts";

/** A list as it is kept from one update to the next. */
export interface KeptList {
  /** Where it is from: of another source nothing is compared. */
  readonly from: string;
  readonly validators: ListValidators;
  /** When it was fetched whole. */
  readonly fetchedUnixMs: number;
  /** Of the text, before it was made fewest. */
  readonly entries: number;
  /** CIDR, sorted, none in another. */
  readonly networks: readonly string[];
  readonly refused: readonly RefusedLine[];
  readonly refusedCount: number;
  readonly reservedCount: number;
  /** Since when its source gives far fewer entries, so that these stay; `null`: it does not. */
  readonly shrunkSinceUnixMs: number | null;
}

/** What an update came to. `list` is what to keep from now on. */
export type ListUpdate =
  | { readonly kind: "new"; readonly list: KeptList }
  | { readonly kind: "unchanged"; readonly list: KeptList }
  /** The source gives far fewer entries than before: `list` has the networks of before. */
  | { readonly kind: "shrunk"; readonly list: KeptList; readonly failure: string };

/** How an update is made. */
export interface UpdateOptions {
  readonly signal: AbortSignal;
  readonly nowUnixMs: number;
  /** Take the list however few entries it has, as when an admin asks for it. @default false */
  readonly anySize?: boolean;
}

// A list that loses more than half of its entries at once is broken more often than better.
const LEAST_SHARE = 0.5;
// So long it must stay as short to be believed. A file is the admin's own, but may be in the middle of being written.
const SHRUNK_FOR_MS = { url: 3 * 86_400_000, file: 60_000 } as const;

/**
 * Fetches a list, reads it and makes it fewest. What a URL gives is never taken when it is empty.
 * @throws GarrisonError `GARRISON_LIST_UNREACHABLE` when it cannot be had
 * @throws SyntaxError, RangeError when it is no list, or too long
 */
export async function updateList(
  options: BlockListOptions,
  kept: KeptList | null,
  { signal, nowUnixMs, anySize = false }: UpdateOptions,
): Promise<ListUpdate> {
  const previous = kept?.from === options.from ? kept : null;
  const validators = previous === null || previous.shrunkSinceUnixMs !== null || anySize ? null : previous.validators;
  const fetched = await fetchList(options, validators, { signal });
  if (fetched.kind === "unchanged") {
    if (previous === null) throw new TypeError("Cannot keep list: there is none to be unchanged");
    return { kind: "unchanged", list: previous };
  }
  const parsed = await inSlices(parseList(fetched.text, options), signal);
  const isFile = options.from.startsWith("/");
  if (parsed.networks.count === 0 && !isFile)
    throw new SyntaxError("Cannot take list: it is empty, one address or network at least is wanted");
  const shrunk = anySize ? null : shrunkOf(parsed.networks.count, previous, { nowUnixMs, isFile });
  if (shrunk !== null) return shrunk;
  const { networks, refused, refusedCount, reservedCount } = parsed;
  return {
    kind: "new",
    list: {
      from: options.from,
      validators: fetched.validators,
      fetchedUnixMs: nowUnixMs,
      entries: networks.count,
      networks: await inSlices(networks.minimize(), signal),
      refused,
      refusedCount,
      reservedCount,
      shrunkSinceUnixMs: null,
    },
  };
}

/** The last list, when the new one has far fewer entries and has not had for long enough. */
function shrunkOf(
  entries: number,
  previous: KeptList | null,
  { nowUnixMs, isFile }: { nowUnixMs: number; isFile: boolean },
): ListUpdate | null {
  if (previous === null || entries >= previous.entries * LEAST_SHARE) return null;
  const shrunkSinceUnixMs = previous.shrunkSinceUnixMs ?? nowUnixMs;
  if (nowUnixMs - shrunkSinceUnixMs >= SHRUNK_FOR_MS[isFile ? "file" : "url"]) return null;
  const until = isFile ? "until it is so at the next look" : "until it is so for 3 days";
  const failure = `it has ${entries} entries where it had ${previous.entries}: the last ones stay ${until}`;
  return { kind: "shrunk", list: { ...previous, shrunkSinceUnixMs }, failure };
}
