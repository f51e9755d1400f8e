/**
 * Finds members of a JSON object without building it: audit entries carry whole pages and 30 KiB of rules that nobody asked for,
 * and a reader of lines may have cut them. Pure; linear in the text, no recursion.
 */
import { decodeBytes } from "./decode.ts";

/** Where the value of a member stands. */
export interface Span {
  readonly start: number;
  /** Behind its last character; `null`: the text ends inside it. */
  readonly end: number | null;
}

const MAX_MEMBERS = 1000;

/**
 * Members of the object that begins at `at`, in their order, the first of each name; what cannot be read ends the list.
 * @returns an empty map when there is no object
 */
export function jsonMembers(text: string, at = 0): Map<string, Span> {
  const members = new Map<string, Span>();
  let position = skipBlank(text, at);
  if (text[position] !== "{") return members;
  position++;
  while (members.size < MAX_MEMBERS) {
    const keyStart = skipBlank(text, position);
    const keyEnd = text[keyStart] === '"' ? endOfString(text, keyStart) : null;
    if (keyEnd === null) return members;
    const colon = skipBlank(text, keyEnd);
    if (text[colon] !== ":") return members;
    const start = skipBlank(text, colon + 1);
    const end = endOfValue(text, start);
    const key = text.slice(keyStart + 1, keyEnd - 1);
    if (start < text.length && !members.has(key)) members.set(key, { start, end });
    if (end === null) return members;
    position = skipBlank(text, end);
    if (text[position] !== ",") return members;
    position++;
  }
  return members;
}

/** The value of a member as JSON of UTF-8; `undefined` when it is not whole or is none. @param text each byte one character */
export function jsonValue(text: string, span: Span | undefined): unknown {
  if (span === undefined || span.end === null) return undefined;
  try {
    return JSON.parse(decodeBytes(text.slice(span.start, span.end)));
  } catch {
    return undefined;
  }
}

function skipBlank(text: string, at: number): number {
  let position = at;
  while (position < text.length && " \t\r\n".includes(text[position] ?? "")) position++;
  return position;
}

/** Behind the closing quote; `null` when there is none. */
function endOfString(text: string, at: number): number | null {
  for (let quote = text.indexOf('"', at + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return null;
}

function endOfValue(text: string, at: number): number | null {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  if (first !== "{" && first !== "[") return endOfWord(text, at);
  let depth = 0;
  for (let position = at; position < text.length; position++) {
    const character = text[position];
    if (character === '"') {
      const end = endOfString(text, position);
      if (end === null) return null;
      position = end - 1;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) return position + 1;
    }
  }
  return null;
}

/** Of a number, true, false or null. */
function endOfWord(text: string, at: number): number | null {
  let position = at;
  while (position < text.length && /[\w+.-]/.test(text[position] ?? "")) position++;
  return position === text.length || position === at ? null : position;
}
