/**
 * One deed, one count: the same line stands in two logs, and a line of a file that users can write to must be confirmed by the
 * journal where the journal is read. Pure. Bounded: 10,000 kinds of deed, 16 deeds each, 2,000 unconfirmed lines.
 */

import type { PlacedHit } from "../contract.ts";
import { RecentMap } from "./recent-map.ts";

// Clocks of two writers of the same deed: syslog has seconds, exim writes its two logs one after the other.
const SAME_DEED_MS = 2500;
/** The journal has so long to confirm a line of a file. */
export const CONFIRM_MS = 5000;
const MAX_KINDS = 10_000;
const MAX_DEEDS = 16;
const MAX_UNCONFIRMED = 2000;

interface Deed {
  readonly atUnixMs: number;
  /** The logs it was seen in, and for failures the rules. */
  readonly origins: string[];
}

/** A hit that waits for the journal. */
export interface Unconfirmed {
  readonly hit: PlacedHit;
  readonly atUnixMs: number;
  /** Its decisions were taken before. */
  readonly isPast: boolean;
}

/** Decides which hits count. */
export class Witness {
  readonly #isJournaled: (service: string) => boolean;
  readonly #deeds = new RecentMap<string, Deed[]>(MAX_KINDS);
  /** By deed, so that a flood of forged lines makes no line slow. */
  readonly #unconfirmed = new Map<string, Unconfirmed[]>();
  #unconfirmedCount = 0;

  /** @param isJournaled whether the journal is read for a service */
  constructor(isJournaled: (service: string) => boolean) {
    this.#isJournaled = isJournaled;
  }

  /** Whether a hit counts: the first sight of its deed, and not one that waits for the journal. */
  counts(hit: PlacedHit, atUnixMs: number, isPast: boolean): boolean {
    const mustWait = hit.isForgeable && this.#isJournaled(hit.service);
    // A login that is told of twice counts no more than one, and most lines are of logins.
    if (hit.outcome === "success" && !mustWait) return true;
    const key = keyOf(hit);
    const origin = originOf(hit);
    const withinMs = mustWait ? CONFIRM_MS : SAME_DEED_MS;
    const deeds = this.#deeds.get(key) ?? [];
    const known = deeds.find(
      (deed) => Math.abs(deed.atUnixMs - atUnixMs) <= withinMs && !deed.origins.includes(origin),
    );
    if (known !== undefined) {
      known.origins.push(origin);
      return false;
    }
    if (mustWait) {
      this.#wait(key, { hit, atUnixMs, isPast });
      return false;
    }
    deeds.push({ atUnixMs, origins: [origin, ...this.#confirm(key, atUnixMs)] });
    if (deeds.length > MAX_DEEDS) deeds.shift();
    this.#deeds.set(key, deeds);
    return true;
  }

  /** The journal has been read up to an instant: lines that it should have confirmed by then are forged. */
  takeForged(journalAtUnixMs: number): readonly PlacedHit[] {
    const isOver = ({ atUnixMs }: Unconfirmed): boolean => atUnixMs + CONFIRM_MS < journalAtUnixMs;
    const forged: PlacedHit[] = [];
    for (const [key, waiting] of this.#unconfirmed) {
      for (const one of waiting.filter(isOver)) forged.push(one.hit);
      this.#keep(
        key,
        waiting.filter((one) => !isOver(one)),
      );
    }
    return forged;
  }

  /** Nobody confirms them any more. @returns all that wait, oldest first */
  takeUnconfirmed(): readonly Unconfirmed[] {
    const all = [...this.#unconfirmed.values()].flat();
    this.#unconfirmed.clear();
    this.#unconfirmedCount = 0;
    return all.sort((one, other) => one.atUnixMs - other.atUnixMs);
  }

  #wait(key: string, one: Unconfirmed): void {
    if (this.#unconfirmedCount >= MAX_UNCONFIRMED) return;
    this.#keep(key, [...(this.#unconfirmed.get(key) ?? []), one]);
  }

  /** @returns the log that the line was waiting in, if it was */
  #confirm(key: string, atUnixMs: number): string[] {
    const waiting = this.#unconfirmed.get(key) ?? [];
    const index = waiting.findIndex((one) => Math.abs(one.atUnixMs - atUnixMs) <= CONFIRM_MS);
    const confirmed = waiting[index];
    if (confirmed === undefined) return [];
    this.#keep(key, waiting.toSpliced(index, 1));
    return [originOf(confirmed.hit)];
  }

  #keep(key: string, waiting: Unconfirmed[]): void {
    this.#unconfirmedCount += waiting.length - (this.#unconfirmed.get(key)?.length ?? 0);
    if (waiting.length === 0) this.#unconfirmed.delete(key);
    else this.#unconfirmed.set(key, waiting);
  }
}

/** One failure may be several lines of one log, each of another rule: that the password was wrong, and that the connection ended on it. */
function originOf({ source, place, outcome, rule }: PlacedHit): string {
  return `${source} ${place.file} ${outcome === "failure" ? rule : ""}`;
}

/** A deed is of a service, by an address, on an account. A rule that is not of the service, such as a jail's, sees deeds of its own. */
function keyOf({ rule, service, outcome, address, user }: PlacedHit): string {
  return `${rule.startsWith(`${service}.`) ? service : rule} ${outcome} ${address} ${user?.slice(0, 64)}`;
}
