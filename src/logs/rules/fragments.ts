/** Pieces of patterns that many rules share. */

const IPV4 = String.raw`(?:\d{1,3}\.){3}\d{1,3}`;
const WORD = String.raw`[\da-fA-F]{1,4}`;
// As strict as programs print it: a colon before or behind it is not taken for a part of it.
const IPV6 = `(?:(?:${WORD}:){6,7}(?:${IPV4}|${WORD})|(?:${WORD}(?::${WORD}){0,6})?::(?:(?:${WORD}:){0,6}(?:${IPV4}|${WORD}))?)`;
const ZONE = String.raw`(?:%[\w.-]+)?`;

/** Text of an address as programs print it, also one with the zone of a link-local address; no group. */
export const ADDRESS_TEXT = `(?:${IPV4}|${IPV6}${ZONE})`;

/** The group `address`. */
export const ADDRESS = `(?<address>${ADDRESS_TEXT})`;
