/** The forms of dates that fail2ban knows by itself, in its order. Pure. */
import { withoutBounds } from "./date-pattern.ts";
import { DateTemplate } from "./date-template.ts";

const TIME = "%H:%M:%S";
const TIME_OF_DAY = "%k:%M:%S";
const FRACTION = "(?:\\.%f)?";
const ISO_FRACTION = "(?:[.,]%f)?";
const ISO_ZONE = "(?:\\s*%z)?";
const BETWEEN = "(?:T|  ?)";
const SAME_SIGN = "(?P=_sep)";
const ASCTIME = `(?:%a )?%b %d ${TIME_OF_DAY}${FRACTION}(?: %ExY)?`;
const ISO = `%ExY(?P<_sep>[-/.])%m${SAME_SIGN}%d${BETWEEN}${TIME}${ISO_FRACTION}${ISO_ZONE}`;

const PATTERNS: readonly string[] = [
  // 2026-11-24T10:00:00.123456+01:00, 2026/11/24 10:00:00
  ISO,
  // Tue Nov 24 10:00:00.123 2026, and syslog's Nov 24 10:00:00
  ASCTIME,
  // Tue Nov 24 2026 10:00:00
  `(?:%a )?%b %d %ExY ${TIME_OF_DAY}${FRACTION}`,
  // 24/11/2026 10:00:00, 24-11-26 10:00:00
  `%d(?P<_sep>[-/])%m${SAME_SIGN}(?:%ExY|%Exy) ${TIME_OF_DAY}`,
  // Apache: 24/Nov/2026:10:00:00 +0100; BIND: 24-Nov-2026 10:00:00.123
  `%d(?P<_sep>[-/])%b${SAME_SIGN}%ExY[ :]?${TIME}${FRACTION}(?: %z)?`,
  // cPanel: 11/24/2026:10:00:00
  `%m/%d/%ExY:${TIME}`,
  // 11-24-2026 10:00:00.123
  `%m-%d-%ExY ${TIME_OF_DAY}${FRACTION}`,
  "EPOCH",
  // The time alone
  `{^LN-BEG}${TIME}`,
  // <11/24/26@10:00:00>
  `^<%m/%d/%Exy@${TIME}>`,
  // MySQL: 261124 10:00:00
  `%Exy%Exm%Exd  ?${TIME}`,
  // Tomcat: Nov 24, 2026 10:00:00 AM
  "%b %d, %ExY %I:%M:%S %p",
  // ASSP: Nov-24-26 10:00:00
  `^%b-%d-%Exy ${TIME_OF_DAY}`,
  // 20261124T100000
  `%ExY%Exm%Exd${BETWEEN}%ExH%ExM%ExS${ISO_FRACTION}${ISO_ZONE}`,
  // monit: CET Nov 24 10:00:00
  `(?:%Z )?${ASCTIME}`,
  // +01:00 Nov 24 10:00:00 2026
  `(?:%z )?${ASCTIME}`,
  "TAI64N",
];

const LINE_BEGIN_WEIGHT = 100;

/** All of them: first each at the start of a line, which are preferred, then each where it may stand. */
export function defaultTemplates(nowMs: number): DateTemplate[] {
  const atLineBegin = PATTERNS.filter((pattern) => !pattern.startsWith("{^LN-BEG}") && !pattern.startsWith("^"));
  return [
    ...atLineBegin.map((pattern) => DateTemplate.of(`{^LN-BEG}${pattern}`, nowMs, LINE_BEGIN_WEIGHT)),
    ...PATTERNS.map((pattern) => DateTemplate.of(pattern, nowMs)),
  ];
}

/** A pattern that holds `{DATE}`, once with each of them in its place. */
export function templatesWithin(pattern: string, nowMs: number): DateTemplate[] {
  return PATTERNS.map((one) =>
    // fail2ban puts the bare names of these two in, which then match themselves alone.
    DateTemplate.of(
      pattern.replaceAll(/(?<!\\)\{DATE\}/gi, () => withoutBounds(one === "EPOCH" ? "Epoch" : one)),
      nowMs,
    ),
  );
}
