/** What is remembered of addresses that failed: evidence, accounts, rules. Of the latest 8,000 addresses; points outlive it in the table. Pure. */
import { cutText } from "#src/lib/cut-text.ts";
import type { PlacedHit } from "../contract.ts";
import type { EvidenceLine } from "./decision.ts";
import { RecentMap } from "./recent-map.ts";

const MAX_ACCOUNTS = 32;
const MAX_SITES = 10;
const MAX_RULES = 16;
const FIRST_LINES = 2;
const LAST_LINES = 4;
const MAX_LINE = 240;
const MAX_NAME = 64;
/** What an address did longer ago than this is forgotten, once it is silent for so long. */
export const SUSPECT_KEPT_MS = 24 * 3_600_000;

/** One address. */
export interface Suspect {
  readonly firstAtUnixMs: number;
  lastAtUnixMs: number;
  /** Points of failures by account, of the first 32; a success takes its account away. */
  readonly accounts: Map<string, number>;
  /** Points of failures of all accounts. */
  failurePoints: number;
  readonly rules: Map<string, { readonly service: string; readonly isProbe: boolean; points: number }>;
  readonly sites: Set<string>;
  readonly lines: EvidenceLine[];
  /** Nothing more is said of it until then. */
  quietUntilUnixMs: number;
  /** How many accounts it had tried when it was last blocked. */
  accountsAtBlock: number;
  /** When it was last blocked; 0: not of late. */
  blockedAtUnixMs: number;
}

/** Keeps suspects by network text. */
export class Suspects {
  readonly #suspects: RecentMap<string, Suspect>;

  constructor(maxSuspects: number) {
    this.#suspects = new RecentMap(maxSuspects);
  }

  /** Who is known of this network, unless he was silent for a day. */
  get(network: string, atUnixMs: number): Suspect | undefined {
    const known = this.#suspects.get(network);
    return known === undefined || atUnixMs - known.lastAtUnixMs > SUSPECT_KEPT_MS ? undefined : known;
  }

  /** Nothing is known of it any more. */
  forget(network: string, atUnixMs: number): void {
    this.#suspects.set(network, newSuspect(atUnixMs));
  }

  /** Takes a failure or a probe into account. */
  note(network: string, hit: PlacedHit, atUnixMs: number): Suspect {
    const suspect = this.get(network, atUnixMs) ?? newSuspect(atUnixMs);
    this.#suspects.set(network, suspect);
    suspect.lastAtUnixMs = Math.max(suspect.lastAtUnixMs, atUnixMs);
    // Found by a rule of ours and by a filter of fail2ban: one line.
    if (isLastLine(suspect, hit)) return suspect;
    noteRule(suspect, hit);
    if (hit.outcome === "failure") noteAccount(suspect, hit);
    if (hit.site !== null && suspect.sites.size < MAX_SITES) noteSite(suspect, hit.site);
    if (suspect.lines.length >= FIRST_LINES + LAST_LINES) suspect.lines.splice(FIRST_LINES, 1);
    suspect.lines.push(evidenceOf(hit, atUnixMs));
    return suspect;
  }
}

/** The line of a hit, as it is kept: a copy of its own, so that it does not hold the chunk that it was cut from. */
export function evidenceOf({ rule, source, place, text, isForgeable }: PlacedHit, atUnixMs: number): EvidenceLine {
  const own = Buffer.from(cutText(text, MAX_LINE)).toString();
  return { atUnixMs, rule, source, file: place.file, offset: place.offset, text: own, isForgeable };
}

/** An account or a site as it is kept: a copy of its own, which does not hold the line. Cut where an attacker made it long. */
export function nameOf(text: string): string {
  return Buffer.from(cutText(text, MAX_NAME)).toString();
}

/** The same name to look it up by: most need no copy, and most lines are looked up alone. */
export function knownName(text: string): string {
  return text.length <= MAX_NAME && text.isWellFormed() ? text : nameOf(text);
}

function newSuspect(atUnixMs: number): Suspect {
  return {
    firstAtUnixMs: atUnixMs,
    lastAtUnixMs: atUnixMs,
    accounts: new Map(),
    failurePoints: 0,
    rules: new Map(),
    sites: new Set(),
    lines: [],
    quietUntilUnixMs: 0,
    accountsAtBlock: 0,
    blockedAtUnixMs: 0,
  };
}

function isLastLine({ lines }: Suspect, { place }: PlacedHit): boolean {
  const last = lines.at(-1);
  return last !== undefined && last.offset === place.offset && last.file === place.file;
}

function noteSite({ sites }: Suspect, site: string): void {
  const name = knownName(site);
  if (!sites.has(name)) sites.add(nameOf(name));
}

function noteRule({ rules }: Suspect, { rule, service, outcome, weight }: PlacedHit): void {
  const known = rules.get(rule);
  if (known !== undefined) known.points += weight;
  else if (rules.size < MAX_RULES) rules.set(rule, { service, isProbe: outcome === "probe", points: weight });
}

function noteAccount(suspect: Suspect, { user, weight }: PlacedHit): void {
  suspect.failurePoints += weight;
  if (user === null) return;
  const name = knownName(user);
  const known = suspect.accounts.get(name);
  if (known !== undefined) suspect.accounts.set(name, known + weight);
  else if (suspect.accounts.size < MAX_ACCOUNTS) suspect.accounts.set(nameOf(name), weight);
}
