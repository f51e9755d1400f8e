import { cutText } from "./cut-text.ts";

// Controls, lone surrogates, line separators, format characters (bidi, zero width, tags) and all that Unicode wants drawn as
// nothing: what a terminal, a mail or a reader can be fooled with. U+FFFD too, because it stands for bytes that are not shown.
// Unicode 16 UAX #44: Default_Ignorable_Code_Point has the fillers and variation selectors that are not of category Cf.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffd]/gu;

/**
 * Text that is safe to show anywhere on one line: control, bidi and invisible characters as `\xNN` or `\u{NNNN}`,
 * cut to `maxLength` UTF-16 units with an ellipsis before they are written out.
 * @example cleanText("a\x1b[31m") // "a\\x1b[31m"
 */
export function cleanText(text: string, maxLength = 4096): string {
  return cutText(text, maxLength).replace(UNSAFE, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
  });
}

/** Whether {@link cleanText} would leave the text as it is. */
export function isCleanText(text: string): boolean {
  return text.search(UNSAFE) === -1;
}
