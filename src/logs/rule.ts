/** The shape of a rule file of our own. A rule is data: what it looks for, what it takes from the line, and lines with their expected result. Types only. */
import type { LogCount, LogFormat, Outcome } from "./contract.ts";

/** Rules of one service. */
export interface RuleFile {
  /** Such as `sshd`; the first part of each rule's name. */
  readonly service: string;
  /** In one sentence what it reads, with versions. */
  readonly sentence: string;
  /** Names of the sources that its lines stand in, such as `auth`. */
  readonly sources: readonly string[];
  /** Format of these sources: the samples are read by it. */
  readonly format: LogFormat;
  /**
   * For syslog lines: the programs whose lines these rules see, besides lines that name none; `*` stands for any text, as in
   * `postfix*\/smtpd`.
   * @default every line
   */
  readonly programs?: readonly string[];
  readonly rules: readonly Rule[];
}

/** One rule. */
export interface Rule {
  /** Behind the service and a dot: `failed-password` of `sshd` is `sshd.failed-password`. */
  readonly name: string;
  readonly sentence: string;
  readonly outcome: Outcome;
  /**
   * The level that a line adds 1 to, for its `user`, such as `mail-accepted`.
   * @default none
   */
  readonly counts?: LogCount;
  /**
   * How much one line counts, 1 is one failed password: 5 what nobody sends by mistake, 0.2 what health checks do as well.
   * @default 1
   */
  readonly weight?: number;
  /**
   * A JavaScript regular expression on the message (the line behind time, host and program), as text. Named groups: `address`
   * (wanted), `user`, `site`, `detail`. It must begin with `^` and end with `$`, and no text that an attacker writes may be able to
   * move `address`. The lint in rule-lint.ts takes every repeated piece that may hold spaces or quotes, and every named group, for text
   * of the attacker that may hold anything, whatever the pattern says. A group whose name begins with `kept` says otherwise: that the
   * program itself keeps that text to the pattern inside (it escapes or refuses the rest), so that the lint may believe it.
   */
  readonly pattern: string;
  /** `i` or nothing; a dot takes every character of a line. @default none */
  readonly flags?: string;
  /** A text that each matching line holds, where the pattern's own literals are too common. @default derived from the pattern */
  readonly literal?: string;
  readonly samples: readonly Sample[];
}

/** A whole line as the program wrote it, and what it must give. */
export interface Sample {
  /** The line with its head, as in the file. */
  readonly line: string;
  /** `null`: this rule must not match, which is why the line is here. */
  readonly hit: {
    readonly address?: string;
    readonly user?: string;
    readonly site?: string;
    readonly detail?: string;
  } | null;
}
