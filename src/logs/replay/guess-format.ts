/** Which kind of log a file is, by its first lines. */
import type { LogFormat } from "../contract.ts";

/** In the order in which they are tried. */
export const LOG_FORMATS = [
  "syslog",
  "access",
  "apache-error",
  "nginx-error",
  "modsecurity",
  "cpanel",
  "exim",
  "plain",
] as const satisfies readonly LogFormat[];

const MAX_LINES = 200;
const MAX_LINE = 1024;
const TIME = "\\d\\d:\\d\\d:\\d\\d";

/** How a line of each format begins; nobody but the program that writes it chooses this part. */
const BEGINNINGS: Readonly<Record<Exclude<LogFormat, "plain">, RegExp>> = {
  syslog: new RegExp(
    `^(?:<\\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} [ \\d]\\d ${TIME}|\\d{4}-\\d\\d-\\d\\dT${TIME}[\\d.,]*(?:Z|[+-]\\d\\d:?\\d\\d)?) \\S+ \\S`,
  ),
  access: new RegExp(`^\\S+ (?:\\S+ ){1,3}\\[(?:\\d\\d/[A-Z][a-z]{2}|\\d\\d/\\d\\d)/\\d{4}:${TIME} [+-]\\d{4}\\] "`),
  "apache-error": new RegExp(`^\\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \\d]\\d ${TIME}(?:\\.\\d+)? \\d{4}\\] `),
  "nginx-error": new RegExp(`^\\d{4}/\\d\\d/\\d\\d ${TIME} \\[[a-z]+\\] \\d+#\\d+: `),
  modsecurity: /^(?:--[0-9A-Za-z]{8}-[A-Z]--$|\{"transaction":\{)/,
  cpanel: new RegExp(`^\\[\\d{4}-\\d\\d-\\d\\d ${TIME} [+-]\\d{4}\\] \\S`),
  exim: new RegExp(`^\\d{4}-\\d\\d-\\d\\d ${TIME}(?:\\.\\d+)? (?:[+-]\\d{4} )?(?:\\[\\d+\\] )?\\S`),
};

/**
 * The format that most of the first 200 lines have; `plain` when there is none.
 * @param sample begins with a line; one character a byte
 */
export function guessFormat(sample: string): LogFormat {
  const lines = sample.split("\n", MAX_LINES).map((line) => line.slice(0, MAX_LINE).replace(/\r$/, ""));
  const counts = LOG_FORMATS.map((format) => ({
    format,
    count: format === "plain" ? 0 : lines.filter((line) => BEGINNINGS[format].test(line)).length,
  }));
  const best = counts.reduce((one, other) => (other.count > one.count ? other : one));
  return best.count === 0 ? "plain" : best.format;
}
