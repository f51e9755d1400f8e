/** docs/reference/errors.md: every error code of the source, where it is, and what it means. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "./error-table.ts";
import { NOTE } from "./note.ts";

const CODE = /"(GARRISON_[A-Z][A-Z_]*[A-Z])"/g;
// A comment, a comparison, a variable of the environment, a list of codes: none of them raises an error.
const OTHER_USES = /^\s*(?:\*|\/\/|\/\*).*$|[!=]== "GARRISON_\w+"|\benv\["GARRISON_\w+"\]|new Set\(\[[^\]]*\]\)/gm;

const PREAMBLE = `# Errors

Errors that a script or another part of Garrison may react to have a code; all others are told in words only. The message on
standard error reads "Cannot do this to that: what is, what is wanted". The exit code is 2 when typing something else mends it,
else 3.

| code | what it means, and what to do | raised in |
|---|---|---|
`;

/**
 * Markdown of all codes.
 * @throws Error when a code of the source is not in the table, or the other way round
 */
export function describeErrors(root: string): string {
  const places = findCodes(root);
  const unknown = [...places.keys()].filter((code) => !Object.hasOwn(ERRORS, code));
  if (unknown.length > 0) {
    throw new Error(`Cannot describe ${unknown.join(", ")}: no sentence in tools/reference/error-table.ts`);
  }
  const stale = Object.keys(ERRORS).filter((code) => !places.has(code));
  if (stale.length > 0) {
    throw new Error(`Cannot describe ${stale.join(", ")}: in tools/reference/error-table.ts, but nowhere in src/`);
  }
  const rows = [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, files]) => describeCode(code, files));
  return `${NOTE}${PREAMBLE}${rows.join("\n")}\n`;
}

function describeCode(code: string, files: ReadonlySet<string>): string {
  const links = [...files].sort().map((file) => `[${file.slice("src/".length)}](../../${file})`);
  return `| \`${code}\` | ${ERRORS[code]} | ${links.join(", ")} |`;
}

/** The files that raise each code. */
export function findCodes(root: string): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const name of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).sort()) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
    const text = readFileSync(join(root, "src", name), "utf8").replace(OTHER_USES, "");
    for (const [, code = ""] of text.matchAll(CODE))
      places.set(code, (places.get(code) ?? new Set()).add(`src/${name}`));
  }
  return places;
}
