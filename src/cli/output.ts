/** What commands print: one JSON value a line with `--json`, text for people else. Colours on a terminal only. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { Severity } from "#src/model/severity.ts";

const STYLES = { bold: "1", dim: "2", red: "31", yellow: "33", green: "32", cyan: "36" } as const;
/** Name of a text style. */
export type Style = keyof typeof STYLES;

const SEVERITY_STYLE: Record<Severity, Style> = { critical: "red", high: "red", medium: "yellow", low: "cyan" };

/** How to print. */
export interface OutputOptions {
  readonly json: boolean;
  readonly color: boolean;
}

/** Prints to standard output. Text that a process may have chosen must go through {@link Output.clean}. */
export class Output {
  readonly isJson: boolean;
  readonly #hasColor: boolean;

  constructor({ json, color }: OutputOptions) {
    this.isJson = json;
    this.#hasColor =
      color && !json && process.stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  }

  /** One JSON value. Control and bidi characters inside strings are escaped, so that a terminal takes no orders from it. */
  json(value: unknown): void {
    process.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
  }

  /** Many JSON values, written at once. */
  jsonLines(values: readonly unknown[]): void {
    process.stdout.write(values.map((value) => `${escapeJson(JSON.stringify(value))}\n`).join(""));
  }

  /** One line of text. */
  line(text = ""): void {
    process.stdout.write(`${text}\n`);
  }

  style(style: Style, text: string): string {
    return this.#hasColor ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }

  severity(severity: Severity): string {
    return this.style(SEVERITY_STYLE[severity], severity.padEnd(8));
  }

  /** Text from outside, harmless on a terminal. */
  clean(text: unknown, maxLength = 1000): string {
    return cleanText(String(text), maxLength);
  }
}

/** JSON stays JSON: what {@link cleanText} would show as `\xNN` becomes `\uNNNN`. */
function escapeJson(text: string): string {
  return text.replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
