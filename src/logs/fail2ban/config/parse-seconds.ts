/** Spans of time as fail2ban's configuration writes them. Pure. */
import { configError } from "./config-error.ts";

const MAX_TEXT = 200;
const YEAR_SECONDS = (365 * 3 + 366) * 21_600;
const UNITS: readonly (readonly [pattern: RegExp, seconds: number])[] = [
  [/^(?:days?|da|dd?)$/i, 86_400],
  [/^(?:weeks?|wee?|ww?)$/i, 604_800],
  [/^(?:months?|mon?)$/i, YEAR_SECONDS / 12],
  [/^(?:years?|yea?|yy?)$/i, YEAR_SECONDS],
  [/^(?:seconds?|sec?|ss?)$/i, 1],
  [/^(?:minutes?|min?|mm?)$/i, 60],
  [/^(?:hours?|hou?|hh?)$/i, 3600],
];

/**
 * Seconds of `600`, `10m`, `1d 2h`, `1h30m`, `-1`, `2 * 24h`, `60*60`.
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG for another form
 * @see jail.conf(5), TIME ABBREVIATION FORMAT
 */
export function parseSeconds(text: string): number {
  const seconds = text.length > MAX_TEXT ? Number.NaN : new Sum(text).parse();
  if (!Number.isFinite(seconds)) {
    throw configError(
      `Cannot read ${JSON.stringify(text.slice(0, 40))} as a span: a text such as "600", "10m" or "1d 12h" is wanted`,
    );
  }
  return seconds;
}

/** Numbers with units, signs and `* / ( )`; what stands side by side is added. `NaN` for anything else. */
class Sum {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/\d+(?:\.\d+)?|[A-Za-z]+|\S/g) ?? [];
  }

  parse(): number {
    const value = this.#sum();
    return this.#at === this.#tokens.length ? value : Number.NaN;
  }

  #sum(): number {
    let value = this.#product();
    for (;;) {
      const next = this.#tokens[this.#at] ?? "";
      if (next === "+" || next === "-") this.#at++;
      else if (!/^\d/.test(next)) return value;
      value += next === "-" ? -this.#product() : this.#product();
    }
  }

  #product(): number {
    let value = this.#factor();
    for (;;) {
      const next = this.#tokens[this.#at];
      if (next !== "*" && next !== "/") return value;
      this.#at++;
      value = next === "*" ? value * this.#factor() : value / this.#factor();
    }
  }

  #factor(): number {
    const token = this.#tokens[this.#at++] ?? "";
    if (token === "-") return -this.#factor();
    if (token === "+") return this.#factor();
    if (token === "(") {
      const value = this.#sum();
      return this.#tokens[this.#at++] === ")" ? value : Number.NaN;
    }
    if (!/^\d/.test(token)) return Number.NaN;
    const unit = this.#tokens[this.#at] ?? "";
    if (!/^[A-Za-z]/.test(unit)) return Number(token);
    this.#at++;
    return Number(token) * (UNITS.find(([pattern]) => pattern.test(unit))?.[1] ?? Number.NaN);
  }
}
