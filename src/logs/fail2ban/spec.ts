/** Filters and jails of fail2ban as plain data: what the reader of the configuration hands to whoever matches lines. Types only. */
import type { LogSource } from "#src/logs/contract.ts";

/** A regular expression of Python with fail2ban's tags, and the option that it stems from. */
export interface RegexSpec {
  readonly pattern: string;
  readonly file: string;
  readonly line: number;
}

/** What becomes of host names in place of addresses. Names are never looked up: a line that names no address gives none. */
export type UseDns = "yes" | "warn" | "no" | "raw";

/** A filter with all its options resolved. */
export interface FilterSpec {
  /** Such as `sshd` or `sshd[mode=aggressive]`. */
  readonly name: string;
  /** The file's name, such as `sshd`. */
  readonly service: string;
  readonly prefregex: RegexSpec | null;
  readonly failregex: readonly RegexSpec[];
  readonly ignoreregex: readonly RegexSpec[];
  /** Patterns of dates, one a line; `null`: the default ones. */
  readonly datePattern: string | null;
  /** Offset such as `UTC+0100` for lines without one; `null`: the zone of this host. */
  readonly timeZone: string | null;
  /** How many lines are looked at together. */
  readonly maxLines: number;
  readonly useDns: UseDns;
  /** As for TextDecoder. */
  readonly encoding: string;
  /** Each such as `["_SYSTEMD_UNIT=sshd.service", "+", "_COMM=sshd"]`. */
  readonly journalMatches: readonly (readonly string[])[];
}

/** How the time of a ban grows with each one before it. */
export interface IncrementSpec {
  readonly factor: number;
  /** Takes the place of doubling. */
  readonly multipliers: readonly number[] | null;
  readonly maxSeconds: number | null;
  /** Up to so many seconds are added at random. */
  readonly randomSeconds: number;
  readonly overAllJails: boolean;
}

/** A jail that is enabled and could be read. */
export interface JailSpec {
  readonly name: string;
  readonly filter: FilterSpec;
  readonly source: LogSource;
  readonly maxRetry: number;
  readonly findSeconds: number;
  /** `null`: for ever. */
  readonly banSeconds: number | null;
  readonly increment: IncrementSpec | null;
  /** Networks as CIDR. */
  readonly ignore: readonly string[];
  readonly ignoreSelf: boolean;
  /** Ports as they are written, such as `ssh` or `80,443`; none: all. */
  readonly ports: readonly string[];
  /** To which ports a block by it drops packets, at most 15; none: to all. */
  readonly blockPorts: readonly number[];
  readonly protocol: string;
  /** Actions as they are written. */
  readonly actions: readonly ActionSpec[];
  /** What is not taken over, with the reason. */
  readonly notTaken: readonly string[];
  /** Expressions of its filter that are left out. */
  readonly refusedRegexes: readonly RefusedRegex[];
}

/** An action of a jail: listed, never run. */
export interface ActionSpec {
  readonly name: string;
  /** Whether a block by Garrison takes its place. */
  readonly isBlock: boolean;
  /** Ports as they are written that it keeps to; none: those of the jail; `null`: it drops what is sent to any port. */
  readonly ports: readonly string[] | null;
}

/** An expression that cannot be converted, or that fail2ban would refuse itself. */
export interface RefusedRegex extends RegexSpec {
  readonly reason: string;
}

/** A jail that is enabled and cannot be taken over. */
export interface RefusedJail {
  readonly name: string;
  readonly reason: string;
}
