/** Plain text for mails: wrapped at 88 columns, escaped once more at the end. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";

const WIDTH = 88;
const MAX_LINE = 2000;
const LABEL_WIDTH = 10;

/** Lines of prose with `first` before the first and `indent` spaces before the others. A long word stays whole, so that it can be copied. */
export function wrap(text: string, first: string, indent: number): string[] {
  const lines: string[] = [];
  let line = first;
  let hasWord = false;
  for (const word of text.split(" ")) {
    if (hasWord && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = " ".repeat(indent) + word;
    } else line += hasWord ? ` ${word}` : word;
    hasWord = true;
  }
  return [...lines, line];
}

/** `What      text`, wrapped. */
export function field(label: string, text: string): string[] {
  return wrap(text, label.padEnd(LABEL_WIDTH), LABEL_WIDTH);
}

/** A heading with indented lines, and an empty line before it; nothing when there are none. */
export function block(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", heading, ...lines.map((line) => `  ${line}`)];
}

/** The text of the lines: whatever was put into them, there are no other line ends and no control or bidi characters. */
export function joinLines(lines: readonly string[]): string {
  return `${lines.map((line) => cleanText(line, MAX_LINE).trimEnd()).join("\n")}\n`;
}

/** `1 alert`, `3 alerts`. */
export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
