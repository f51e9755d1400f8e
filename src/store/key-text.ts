/**
 * Names that others chose, as columns of text. SQLite keeps UTF-8, which has no lone surrogates: a key with one would come back as
 * another key. Pure.
 */

/** The column of a key: the key itself, or its JSON when that would not survive. */
export function toKeyText(key: string): string {
  return key.isWellFormed() && !key.startsWith('"') ? key : JSON.stringify(key);
}

/** The key of a column. */
export function fromKeyText(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
