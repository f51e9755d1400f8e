/**
 * Good history of addresses: on how many days, and for which accounts, a login from there worked. It raises the limit of an address,
 * within bounds: see README.md for what an attacker can make of it. Of the latest 20,000 addresses. Pure.
 */
import { RecentMap } from "./recent-map.ts";
import { nameOf } from "./suspects.ts";

const MAX_STANDINGS = 20_000;
const MAX_ACCOUNTS = 16;
const DAY_MS = 86_400_000;
const KEPT_MS = 30 * DAY_MS;
// A guess that worked is one good day: what counts as history takes longer than an attack that is noticed.
const DAYS_OF_HISTORY = 3;

/** What is known of one address. */
export interface Standing {
  /** As it is counted: an address, or a /64. */
  readonly network: string;
  /** Days (of UTC) with a login that worked, within 30 days of each other. */
  readonly days: number;
  readonly lastAtUnixMs: number;
  /** The latest 16 accounts that logged in, latest last. */
  readonly accounts: readonly string[];
}

/** Keeps standings. */
export class Standings {
  readonly #standings = new RecentMap<string, Standing>(MAX_STANDINGS);
  readonly #changed = new Map<string, Standing>();

  /** What was kept of before. */
  restore(standings: readonly Standing[]): void {
    for (const standing of standings) this.#standings.set(standing.network, standing);
  }

  /** Whether logins from there have worked on three days, the last within 30. */
  hasHistory(network: string, atUnixMs: number): boolean {
    return (this.#get(network, atUnixMs)?.days ?? 0) >= DAYS_OF_HISTORY;
  }

  /** Whether this account has logged in from there. */
  knows(network: string, account: string, atUnixMs: number): boolean {
    return this.#get(network, atUnixMs)?.accounts.includes(account) === true;
  }

  /** A login worked. */
  note(network: string, account: string, atUnixMs: number): void {
    const known = this.#get(network, atUnixMs);
    const isNewDay = known === undefined || Math.floor(atUnixMs / DAY_MS) > Math.floor(known.lastAtUnixMs / DAY_MS);
    if (!isNewDay && known.accounts.at(-1) === account) return;
    const accounts = [...(known?.accounts ?? []).filter((one) => one !== account), nameOf(account)].slice(
      -MAX_ACCOUNTS,
    );
    const lastAtUnixMs = Math.max(known?.lastAtUnixMs ?? 0, atUnixMs);
    const next = { network, days: (known?.days ?? 0) + Number(isNewDay), lastAtUnixMs, accounts };
    this.#standings.set(network, next);
    if (isNewDay || !known.accounts.includes(account)) this.#changed.set(network, next);
  }

  /** Who tries many accounts has no good name any more. */
  lose(network: string, atUnixMs: number): void {
    const known = this.#get(network, atUnixMs);
    if (known === undefined || known.days === 0) return;
    const next = { ...known, days: 0 };
    this.#standings.set(network, next);
    this.#changed.set(network, next);
  }

  /** What is to be kept since the last call. */
  takeChanges(): readonly Standing[] {
    const changes = [...this.#changed.values()];
    this.#changed.clear();
    return changes;
  }

  #get(network: string, atUnixMs: number): Standing | undefined {
    const known = this.#standings.get(network);
    return known === undefined || atUnixMs - known.lastAtUnixMs > KEPT_MS ? undefined : known;
  }
}
