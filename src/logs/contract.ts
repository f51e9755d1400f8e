/** What the parts of the log engine give each other: lines, rules, hits. Types only. */

/** How the lines of a source begin, which says where time, program and message are. */
export type LogFormat =
  /** RFC 3164, ISO 8601 or RFC 5424 syslog, or a message of the journal. */
  | "syslog"
  /** Exim's mainlog and rejectlog: `2026-11-22 12:41:35 [+0100] [pid] text`. */
  | "exim"
  /** Combined, common or vhost_combined access log of Apache or nginx; also cPanel's access_log. */
  | "access"
  /** Apache 2.2 or 2.4 error log. */
  | "apache-error"
  /** nginx error log. */
  | "nginx-error"
  /** ModSecurity audit log, each kind; several lines make one entry of the serial kind. */
  | "modsecurity"
  /** cPanel login_log, session_log, cphulkd.log. */
  | "cpanel"
  /** `[time]` or none that we know: the rule sees the whole line. */
  | "plain";

/** Where lines come from: one log, or many of the same kind found by globs. */
export interface LogSource {
  /** Such as `auth` or `domlogs`: rules name it. */
  readonly name: string;
  /** What reads it. */
  readonly kind: "file" | "journal";
  /** Absolute globs with `*`, `?`, `[]`; of a journal the matches such as `_SYSTEMD_UNIT=ssh.service`, or none for all. */
  readonly paths: readonly string[];
  readonly format: LogFormat;
  /** Whether an ordinary user of the host can write lines into it, as through syslog(3). */
  readonly isForgeable: boolean;
}

/** One line of a source, as a rule sees it. */
export interface LineView {
  /** The whole line without its end, each byte one character (latin1): positions are byte offsets. At most 64 KiB. */
  readonly text: string;
  /** Where the message begins in `text`, behind time, host and program; 0 when the format has none. */
  readonly messageAt: number;
  /** Program of a syslog line, such as `sshd-session`; `""` for others. */
  readonly program: string;
  /** From the line; `null` when it has none that can be read. */
  readonly atUnixMs: number | null;
  /** Trusted fields of the journal (those that begin with `_`), `null` for files. */
  readonly trusted: Readonly<Record<string, string>> | null;
}

/** What a line says of whoever caused it. */
export type Outcome =
  /** A failed login or a refused deed: counts against address and user. */
  | "failure"
  /** A login that worked: counts in favour, and is learnt. */
  | "success"
  /** Against the address alone: a probe for something that is not there, a protocol error, a WAF hit. */
  | "probe"
  /** Neither: it is only counted, as a level. */
  | "count";

/** Levels that lines of logs are counted for. */
export type LogCount = "mail-accepted";

/** One offending (or favourable) line. Texts are decoded as UTF-8 where they are UTF-8, and as the attacker wrote them: escape them where shown. */
export interface LogHit {
  /** Such as `sshd.failed-password`, or `fail2ban:sshd` of the jail sshd. */
  readonly rule: string;
  /** Such as `sshd`, `exim`, `apache`. */
  readonly service: string;
  readonly outcome: Outcome;
  /** As in the line; `null`: take the time of arrival. */
  readonly atUnixMs: number | null;
  /** Canonical text of an IP address: lower case, shortest, IPv4-mapped as IPv4, no zone. `null`: the line names none. */
  readonly address: string | null;
  readonly user: string | null;
  /** Virtual host, for web. */
  readonly site: string | null;
  /** Such as a ModSecurity rule's id, or a URI. */
  readonly detail: string | null;
  /** How much it counts: 1 is one failed password. */
  readonly weight: number;
  /** The level that it adds 1 to, for `user`. @default none */
  readonly counts?: LogCount;
  /** What is kept in place of the line, where that holds what must not be kept: bodies, cookies, passwords. @default the line */
  readonly text?: string;
}

/**
 * Something that looks at lines: one rule of ours, or a whole filter of fail2ban. The engine calls `search` only for lines that hold one
 * of the literals. `search` must not change state: it may be cut off, and then the rule is disabled. `conclude` is called for what
 * it found, in the order of the lines.
 */
export interface LineRule {
  readonly name: string;
  /** ASCII texts of at least 3 bytes, one of which is, in upper or lower case, in every line that `search` can find; `null`: all lines must be looked at. */
  readonly literals: readonly string[] | null;
  /**
   * Asked of each line of a file that holds one of the literals, in the order of the lines: whether it is to be looked at. Without it
   * all are. It is asked of a number of lines before any of them is searched, and these are concluded before it is asked again. It may
   * keep state, such as which connections a later line matters for.
   * @param start where the line begins in `bytes`, which are valid during the call only
   * @param at a place within the literal
   */
  wants?(bytes: Uint8Array, start: number, end: number, literal: string, at: number): boolean;
  search(line: LineView): unknown;
  /**
   * For a rule that looks at several lines together: asked of all that `search` has found in a number of lines, in their order, before
   * any of them is concluded; `conclude` gets what it returns. As `search` it may be cut off, and must not change state.
   * @param before what it returned for the line before; `undefined` for the first one since the last `conclude`
   */
  examine?(found: NonNullable<unknown>, before: unknown): NonNullable<unknown>;
  conclude(found: NonNullable<unknown>, line: LineView): readonly LogHit[];
}

/** Where a line stands. */
export interface LinePlace {
  /** Path as it was opened, as raw-path text. */
  readonly file: string;
  /** Bytes from the start of the (unzipped) file to the start of the line. */
  readonly offset: number;
  /** From 1, where the reader began at the start of the file; `null` when not counted. */
  readonly line: number | null;
}

/** A hit with its line. */
export interface PlacedHit extends LogHit {
  readonly place: LinePlace;
  /** Name of the source. */
  readonly source: string;
  /** The line without its end, cut at 1,024 characters. */
  readonly text: string;
  /** Whether an ordinary user could have written the line, and nothing trusted says that he did not. */
  readonly isForgeable: boolean;
}
