/** One form of a date: where it stands in a line, and the time that it means. */
import { convertRegex } from "../regex/convert-regex.ts";
import { groupsOf, RegexPair } from "../regex/regex-pair.ts";
import { boundDateRegex, type DateRegex, datePatternRegex } from "./date-pattern.ts";
import { type DateParts, toUnixSeconds } from "./to-unix-seconds.ts";

const EPOCH = "\\d{10,11}\\b(?:\\.\\d{3,6})?";
const LONG_EPOCH = "\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?";

/** A date in a line. Offsets are in UTF-16 units. */
export interface DateMatch {
  /** Of the whole match. */
  readonly start: number;
  readonly end: number;
  /** Of what is cut out. */
  readonly cutStart: number;
  readonly cutEnd: number;
  readonly groups: DateParts;
}

/** A form of a date. */
export class DateTemplate {
  /** The pattern as it is written; two of the same name are one. */
  readonly name: string;
  readonly isBound: boolean;
  readonly isLineBegin: boolean;
  /** How much a template is preferred to others of as many hits. */
  readonly weight: number;
  readonly #regex: DateRegex;
  readonly #read: ReadDate;
  #compiled: CompiledDate | undefined;

  private constructor(name: string, weight: number, regex: DateRegex, read: ReadDate) {
    this.name = name;
    this.weight = weight;
    this.isBound = regex.isBound;
    this.isLineBegin = regex.isLineBegin;
    this.#regex = regex;
    this.#read = read;
  }

  /**
   * The template of one line of `datepattern`.
   * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG or GARRISON_FAIL2BAN_REGEX when it cannot be read or converted
   */
  static of(pattern: string, nowMs: number, weight = 1): DateTemplate {
    const key = pattern.includes("%") ? pattern : pattern.toUpperCase();
    const sign = /(?<!\\)\{(L?)EPOCH\}/i.exec(pattern);
    if (sign !== null) {
      const isLong = /LEPOCH/i.test(key);
      const regex = `(${pattern.replaceAll(/(?<!\\)\{L?EPOCH\}/gi, () => `(${isLong ? LONG_EPOCH : EPOCH})`)})`;
      return new DateTemplate(pattern, weight, boundDateRegex(regex, "word", true), isLong ? readLongEpoch : readEpoch);
    }
    const plain = /^(\{\^LN-BEG\}|\^)?(L?EPOCH|TAI64N)$/.exec(key);
    if (plain === null) return new DateTemplate(pattern, weight, datePatternRegex(pattern, nowMs), toUnixSeconds);
    const isLineBegin = plain[1] !== undefined;
    const name = `${isLineBegin ? "{^LN-BEG}" : ""}${plain[2]}`;
    if (plain[2] === "TAI64N") {
      return new DateTemplate(
        name,
        weight,
        boundDateRegex("@[0-9a-f]{24}", isLineBegin ? "line" : "none", true),
        readTai64,
      );
    }
    const isLong = plain[2] === "LEPOCH";
    return new DateTemplate(name, weight, epochRegex(isLong, isLineBegin), isLong ? readLongEpoch : readEpoch);
  }

  /**
   * Converts the pattern, which is else done when it is first used: few of many are.
   * @throws GarrisonError GARRISON_FAIL2BAN_REGEX when it cannot be converted
   */
  prepare(): CompiledDate {
    this.#compiled ??= compileDate(this.#regex, this.#read === readEpoch || this.#read === readLongEpoch);
    return this.#compiled;
  }

  /** The first date of this form. @param ascii whether the line has nothing above U+007F */
  match(line: string, ascii: boolean, from = 0): DateMatch | null {
    const { pair, captures, dateGroup } = this.prepare();
    const match = pair.exec(line, ascii, from);
    if (match === null) return null;
    const groups = groupsOf(match, captures);
    const start = match.index;
    const end = start + match[0].length;
    if (this.#regex.isWhole) {
      return { start, end, cutStart: end - (groups[dateGroup] ?? "").length, cutEnd: end, groups };
    }
    const taken = match.indices?.find((range, index) => range !== undefined && captures[index - 1] === dateGroup);
    // A group that took no part cuts nothing.
    const [cutStart, cutEnd] = taken ?? [end, end];
    return { start, end, cutStart, cutEnd, groups };
  }

  /** Seconds since 1970, `null` when there is no such date. */
  read({ groups }: DateMatch, zone: number | null, nowMs: number): number | null {
    return this.#read(groups, zone, nowMs);
  }
}

type ReadDate = (groups: DateParts, zone: number | null, nowMs: number) => number | null;

/** A pattern that has been converted. */
interface CompiledDate {
  readonly pair: RegexPair;
  readonly captures: readonly string[];
  readonly dateGroup: string;
}

function compileDate({ pattern, isWhole }: DateRegex, isEpoch: boolean): CompiledDate {
  const keep = new Map([[1, "_date"], ...(isEpoch ? [[2, "_epoch"] as const] : [])]);
  const converted = convertRegex(pattern, { keep });
  return {
    pair: new RegexPair(converted, isWhole ? "g" : "gd"),
    captures: converted.ascii.captures,
    dateGroup: converted.names.get(1) ?? "_date",
  };
}

/** At the start of a line, or unless it must stand there behind "audit(" too. */
function epochRegex(isLong: boolean, isLineBegin: boolean): DateRegex {
  const digits = isLong ? LONG_EPOCH : EPOCH;
  if (isLineBegin) return { ...boundDateRegex(`((${digits}))`, "line", true), isWhole: true };
  return { ...boundDateRegex(`((?:^|(?<=^\\[)|(?<=\\baudit\\())(${digits}))`, "none", true), isWhole: true };
}

function readEpoch(groups: DateParts): number | null {
  return Number(groups["_epoch"]);
}

/** 13 digits are milliseconds, 16 microseconds. */
function readLongEpoch(groups: DateParts): number | null {
  const text = groups["_epoch"] ?? "";
  if (text.length < 13) return Number(text);
  return Number(text) / (text.length >= 16 && !text.includes(".") ? 1_000_000 : 1000);
}

/** @see https://cr.yp.to/libtai/tai64.html; the 10 leap seconds of 1970 are left in, as fail2ban does */
function readTai64(groups: DateParts): number | null {
  return Number.parseInt((groups["_date"] ?? "").slice(2, 17), 16);
}
