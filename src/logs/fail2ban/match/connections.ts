/**
 * What is known of connections, each of which writes several lines: the address may stand in one, the failure in another. At most
 * 2,000 connections for at most five minutes of the log's time; the oldest is forgotten first.
 * @see fail2ban 1.0.2, jail.conf(5): F-MLFID, F-NOFAIL, F-MLFFORGET, F-MLFGAINED
 */
import type { Groups } from "../regex/regex-pair.ts";

const MAX_CONNECTIONS = 2000;
const MAX_AGE_MS = 300_000;

/** Groups that say what their line means to its connection, and nothing of it. */
const OF_LINE: ReadonlySet<string> = new Set(["mlfforget", "mlfgained", "nofail"]);

/** What all lines of a connection have said so far. */
export interface Failure {
  groups: Groups;
  /** Names of all users that were tried. */
  users: Set<string>;
  /** A failure was seen before its address. */
  isPending: boolean;
  /** The last line told of no failure by itself. */
  isNoFailure: boolean;
}

interface Connection extends Failure {
  seenUnixMs: number;
}

/** Connections by their ids. */
export class Connections {
  readonly #byId = new Map<string, Connection>();
  /** How many ids hold each number in brackets, such as `[4711]`; NONE counts those that hold none. */
  readonly #numbers = new Map<number, number>();

  /**
   * Puts a line's groups to those of its connection.
   * @returns what is known of it now; it may be kept, and changed by the next line
   */
  merge(id: string, groups: Groups, atUnixMs: number): Failure {
    const { mlfforget, mlfgained, nofail, user } = groups;
    const isGained = Boolean(mlfgained);
    const known = this.#get(id, atUnixMs);
    const failure = known ?? {
      groups: {},
      users: new Set<string>(),
      isPending: false,
      isNoFailure: false,
      seenUnixMs: atUnixMs,
    };
    if (known !== undefined || !mlfforget) {
      if (user) failure.users.add(user);
    }
    if (isGained) failure.isPending = false;
    for (const name in groups)
      if (groups[name] !== undefined && !OF_LINE.has(name)) failure.groups[name] = groups[name];
    failure.isNoFailure = isGained || Boolean(nofail);
    if (known === undefined && !mlfforget) this.#set(id, failure);
    if (known !== undefined && mlfforget) this.#delete(id);
    // Failures that wait for an address, or attempts with several names, count whatever this line says.
    if (failure.isPending || failure.users.size > 1) failure.isNoFailure = false;
    failure.isPending = false;
    return failure;
  }

  /** Whether a line may belong to a connection that is known; `false` is certain. */
  mayConcern(line: string): boolean {
    if (this.#byId.size === 0) return false;
    if (this.#numbers.has(NONE)) return true;
    return line.match(/\[\d+\]/g)?.some((number) => this.#numbers.has(numberOf(number))) ?? false;
  }

  /** Whether the id of a connection that is known holds this number in brackets, as 32 bits. */
  knows(number: number): boolean {
    return this.#numbers.has(number) || this.#numbers.has(NONE);
  }

  #get(id: string, atUnixMs: number): Connection | undefined {
    const known = this.#byId.get(id);
    if (known === undefined || Math.abs(atUnixMs - known.seenUnixMs) <= MAX_AGE_MS) return known;
    this.#delete(id);
    return undefined;
  }

  #set(id: string, connection: Connection): void {
    this.#byId.set(id, connection);
    this.#count(id, 1);
    for (const [oldest, { seenUnixMs }] of this.#byId) {
      if (this.#byId.size <= MAX_CONNECTIONS && connection.seenUnixMs - seenUnixMs <= MAX_AGE_MS) return;
      this.#delete(oldest);
    }
  }

  #delete(id: string): void {
    if (this.#byId.delete(id)) this.#count(id, -1);
  }

  #count(id: string, change: number): void {
    const number = numberOf(id);
    const count = (this.#numbers.get(number) ?? 0) + change;
    if (count > 0) this.#numbers.set(number, count);
    else this.#numbers.delete(number);
  }
}

/** Stands for no number: the numbers of processes are far smaller, and others that meet it only let through more. */
const NONE = -1;

/** The first number in brackets, cut to 32 bits. */
function numberOf(id: string): number {
  const digits = /\[(\d+)\]/.exec(id)?.[1];
  if (digits === undefined) return NONE;
  let number = 0;
  for (let at = 0; at < digits.length; at++) number = (number * 10 + digits.charCodeAt(at) - 48) | 0;
  return number;
}
