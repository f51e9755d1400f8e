/** Text of at most `maxLength` UTF-16 units, with an ellipsis in place of the last one where it was cut. */
export function cutText(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, Math.max(0, maxLength - 1))}…` : text;
}
