/** Pieces of patterns that many rules share. */

/** Text of an address as programs print it; no group. A colon behind an IPv4 address is not part of it. */
export const ADDRESS_TEXT = String.raw`(?:(?:\d{1,3}\.){3}\d{1,3}|[\da-fA-F]*:[\da-fA-F:.]*(?:%[\w.-]+)?)`;

/** The group `address`. */
export const ADDRESS = `(?<address>${ADDRESS_TEXT})`;
