// C0, DEL, C1, bidi controls, zero-width and line separators, lone surrogates: what a terminal, a mail or a reader can be fooled with.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd\ud800-\udfff]/gu;

/**
 * Text that is safe to show anywhere on one line: control, bidi and invisible characters as `\xNN` or `\u{NNNN}`,
 * cut at `maxLength` characters with an ellipsis.
 * @example cleanText("a\x1b[31m") // "a\\x1b[31m"
 */
export function cleanText(text: string, maxLength = 4096): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
  return cut.replace(UNSAFE, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
  });
}

/** Whether {@link cleanText} would leave the text as it is. */
export function isCleanText(text: string): boolean {
  return text.search(UNSAFE) === -1;
}
