/** Escapes and character classes of Python's regular expressions. Pure. */
import type { GarrisonError } from "#src/lib/errors.ts";
import { regexError } from "./regex-error.ts";
import type { Source } from "./source.ts";
import type { Category, ClassItem, Place } from "./syntax.ts";

/** What stands behind a backslash. */
export type Escaped =
  | { readonly type: "char"; readonly code: number }
  | { readonly type: "category"; readonly category: Category }
  | { readonly type: "place"; readonly where: Place }
  | { readonly type: "reference"; readonly index: number };

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const PLACES: Readonly<Record<string, Place>> = { A: "start", Z: "end", b: "boundary", B: "no-boundary" };

/** Reads an escape outside a class; the backslash has been read. */
export function parseEscape(source: Source): Escaped {
  const place = PLACES[source.next];
  if (place !== undefined) {
    source.shift();
    return { type: "place", where: place };
  }
  // \1 to \99 refer to a group; \0, and three octal digits, are a character.
  const reference = source.take(/(?!0|[0-3][0-7]{2})\d{1,2}/y);
  if (reference !== null) return { type: "reference", index: Number(reference[0]) };
  return parseCommonEscape(source);
}

/** Reads a class; the opening bracket has been read. */
export function parseClass(source: Source): { negated: boolean; items: readonly ClassItem[] } {
  const negated = source.skip("^");
  const items: ClassItem[] = [];
  for (let first = true; ; first = false) {
    if (source.isAtEnd) throw refuse(source, "a class is not closed");
    if (!first && source.skip("]")) return { negated, items };
    const low = parseMember(source);
    if (source.rest(2).length < 2 || source.next !== "-" || source.rest(2) === "-]") {
      items.push(low);
      continue;
    }
    source.skip("-");
    const high = parseMember(source);
    if (!("from" in low) || !("from" in high) || low.from > high.to) {
      throw refuse(source, "a range of a class has no order");
    }
    items.push({ from: low.from, to: high.to });
  }
}

function parseMember(source: Source): ClassItem {
  const character = source.shift();
  if (character !== "\\") return one(character.codePointAt(0) ?? 0);
  if (source.skip("b")) return one(8);
  const octal = source.take(/[0-7]{1,3}/y);
  if (octal !== null) return one(octalCode(source, octal[0]));
  const escaped = parseCommonEscape(source);
  if (escaped.type === "category") return { category: escaped.category };
  if (escaped.type === "char") return one(escaped.code);
  throw refuse(source, "an escape of a class is not known");
}

function parseCommonEscape(source: Source): Escaped {
  const category = source.take(/[dDwWsS]/y);
  if (category !== null) return { type: "category", category: category[0] as Category };
  const hex = source.take(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y);
  if (hex !== null) return { type: "char", code: hexCode(source, hex[1] ?? hex[2] ?? hex[3] ?? "") };
  const octal = source.take(/0[0-7]{0,2}|[0-3][0-7]{2}/y);
  if (octal !== null) return { type: "char", code: octalCode(source, octal[0]) };
  const character = source.shift();
  const control = CONTROLS[character];
  if (control !== undefined) return { type: "char", code: control };
  // Python refuses letters and digits that mean nothing; \N{name} is not known here.
  if (character === "" || /[A-Za-z0-9]/.test(character)) throw refuse(source, `"\\${character}" is not known`);
  return { type: "char", code: character.codePointAt(0) ?? 0 };
}

function hexCode(source: Source, digits: string): number {
  const code = Number.parseInt(digits, 16);
  // Surrogates alone match nothing that was decoded from bytes.
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw refuse(source, `"${digits}" is no character`);
  return code;
}

function octalCode(source: Source, digits: string): number {
  const code = Number.parseInt(digits, 8);
  if (code > 0o377) throw refuse(source, `"\\${digits}" is above \\377`);
  return code;
}

function one(code: number): ClassItem {
  return { from: code, to: code };
}

function refuse(source: Source, what: string): GarrisonError {
  return regexError(`${what}, at offset ${source.offset}`);
}
