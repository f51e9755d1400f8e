/**
 * The language of `datepattern`: a regular expression of Python with the letters of strptime(3), exact forms `%Ex.`, and signs for
 * where a date may stand. Pure.
 * @see jail.conf(5) of fail2ban 1.0.2, option datepattern
 */
import { configError } from "../config/config-error.ts";
import { MONTHS, WEEKDAYS } from "./to-unix-seconds.ts";

const ZONE_NAME = "[A-Z](?:[A-Z]{2,4})?";
const ZONE_OFFSET = "[+-][01]\\d(?::?\\d{2})?";

/** Where a date may begin. */
export type Bound = "word" | "line" | "none";

/** A pattern as a regular expression of Python. */
export interface DateRegex {
  readonly pattern: string;
  /** Whether a match begins or ends where the line does. */
  readonly isBound: boolean;
  /** Whether a match begins where the line does. */
  readonly isLineBegin: boolean;
  /** Whether group 1 is the whole of the date, up to the end of the match. */
  readonly isWhole: boolean;
}

/**
 * A date pattern as a regular expression whose group 1 is cut out of the line.
 * @param nowMs the year of which `%ExY` takes the decades up to the next three years
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG for a letter that is not known
 */
export function datePatternRegex(text: string, nowMs: number): DateRegex {
  if (text.startsWith("{UNB}")) return boundDateRegex(withFields(text.slice(5), nowMs), "none", false);
  if (text.startsWith("{^LN-BEG}")) return boundDateRegex(withFields(text.slice(9), nowMs), "line", true);
  return boundDateRegex(withFields(text, nowMs), "word", true);
}

/** A pattern without the signs of where it may stand. */
export function withoutBounds(text: string): string {
  return text.replace(/^\{UNB\}/, "").replace(/^\{\^LN-BEG\}/, "");
}

/** Adds to an expression where it may begin and end, and a group if it has none. */
export function boundDateRegex(text: string, begin: Bound, wordEnd: boolean): DateRegex {
  const flags = /\(\?[a-z]+\)/.exec(text.trim())?.[0] ?? "";
  let body = text.trim().replace(flags, "");
  const beginsItself = /^\(*(?:\^|\(*\*\*|\((?:\?:)?\^)/.test(body);
  const endsItself = /(?<!\\)(?:\$\)?|\\b|\\s|\*\*\)*)$/.test(body);
  const isWhole = !/(?<!\(\?)(?<!\\)\((?!\?)/.test(body);
  if (isWhole) body = body.replace(/^(\^?)(.*?)(\$?)$/s, "$1($2)$3");
  const isLine = begin === "line" && !beginsItself;
  const begins = isLine ? "^(?:\\W{0,2})?" : begin === "word" && !beginsItself ? "(?=^|\\b|\\W)" : "";
  const ends = wordEnd && !endsItself ? "(?=\\b|\\W|$)" : "";
  const isLineBegin = isLine || (begins === "" && /^(?:\^|\((?:\?:)?\^(?!\|))/.test(body));
  const isLineEnd = ends === "" && /(?<![\\|])\$\)?$/.test(body);
  // "**" says that the date may stand within a word.
  body = body
    .replace(/^\(*\*\*/, (sign) => sign.replace("**", ""))
    .replace(/(?<!\\)\*\*\)*$/, (sign) => sign.replace("**", ""));
  return { pattern: `${flags}${begins}${body}${ends}`, isBound: isLineBegin || isLineEnd, isLineBegin, isWhole };
}

function withFields(text: string, nowMs: number): string {
  const pattern = text.replaceAll(/%(Ex[A-Za-z]|.|$)/gs, (whole, letter: string) => {
    const field = letter === "%" ? "%" : fieldPattern(letter, nowMs);
    if (field !== undefined) return field;
    throw configError(`Cannot read the date pattern ${JSON.stringify(text.slice(0, 80))}: "${whole}" is not known`);
  });
  return /(?<!%)%[aAbBpc]/.test(text) ? `(?iu)${pattern}` : pattern;
}

function fieldPattern(letter: string, nowMs: number): string | undefined {
  if (letter === "ExY") return `(?P<Y>20[0-${decadeAfter(nowMs)}]\\d)`;
  return FIELDS[letter];
}

/** The last decade that a date may lie in: that of three years from now. */
function decadeAfter(nowMs: number): number {
  return Math.min(9, Math.max(0, Math.floor((new Date(nowMs).getFullYear() + 3 - 2000) / 10)));
}

const FIELDS: Readonly<Record<string, string>> = {
  a: `(?P<a>${WEEKDAYS.map((day) => day.slice(0, 3)).join("|")})`,
  A: `(?P<A>${longestFirst(WEEKDAYS)})`,
  b: `(?P<b>${MONTHS.map((month) => month.slice(0, 3)).join("|")})`,
  B: `(?P<B>${longestFirst(MONTHS)})`,
  d: "(?P<d>[1-2]\\d|[0 ]?[1-9]|3[0-1])",
  Exd: "(?P<d>[1-2]\\d|0[1-9]|3[0-1])",
  f: "(?P<f>[0-9]{1,6})",
  H: "(?P<H>[0-1]?\\d|2[0-3])",
  ExH: "(?P<H>[0-1]\\d|2[0-3])",
  I: "(?P<I>1[0-2]|0[1-9]|[1-9])",
  j: "(?P<j>36[0-6]|3[0-5]\\d|[1-2]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9])",
  k: " ?(?P<H>[0-2]?\\d)",
  Exk: " ?(?P<H>[0-1]?\\d|2[0-3])",
  l: " ?(?P<I>1?\\d)",
  Exl: " ?(?P<I>1[0-2]|\\d)",
  m: "(?P<m>0?[1-9]|1[0-2])",
  Exm: "(?P<m>0[1-9]|1[0-2])",
  M: "(?P<M>[0-5]?\\d)",
  ExM: "(?P<M>[0-5]\\d)",
  p: "(?P<p>am|pm)",
  S: "(?P<S>[0-5]?\\d|6[0-1])",
  ExS: "(?P<S>[0-5]\\d|6[0-1])",
  U: "(?P<U>5[0-3]|[0-4]\\d|\\d)",
  W: "(?P<W>5[0-3]|[0-4]\\d|\\d)",
  w: "(?P<w>[0-6])",
  y: "(?P<y>\\d\\d)",
  Exy: "(?P<y>\\d{2})",
  Y: "(?P<Y>\\d{4})",
  z: `(?P<z>Z|UTC|GMT|${ZONE_OFFSET})`,
  Exz: `(?P<z>(?:${ZONE_NAME})?${ZONE_OFFSET}|${ZONE_NAME})`,
  Z: "(?P<Z>Z|[A-Z]{3,5})",
  ExZ: `(?P<Z>${ZONE_NAME})`,
};

function longestFirst(names: readonly string[]): string {
  return [...names].sort((one, other) => other.length - one.length).join("|");
}
