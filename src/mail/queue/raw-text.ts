/** Texts of messages, read as latin1. Pure. */
import { showRawPath } from "#src/lib/raw-path.ts";

const MAX_TEXT = 200;
// All of ASCII is the same in latin1 and UTF-8.
const IS_ASCII = /^[\0-\x7f]*$/;

/** Bytes as latin1 to text, at most 200 of them. */
export function cutRawText(raw: string): string {
  const cut = raw.length > MAX_TEXT ? raw.slice(0, MAX_TEXT) : raw;
  return IS_ASCII.test(cut) ? cut : showRawPath(cut);
}

/** The same text with memory of its own: a piece of a text holds all of it. */
export function ownText(piece: string): string {
  return Buffer.from(piece, "utf8").toString("utf8");
}
