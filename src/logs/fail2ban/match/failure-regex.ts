/** One regular expression of a filter, ready to search. */
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { type ConvertedRegex, convertRegex } from "../regex/convert-regex.ts";
import { groupOfTag, resolveFailureTags } from "../regex/failure-tags.ts";
import { type Groups, groupsOf, RegexPair } from "../regex/regex-pair.ts";
import type { Copies } from "../regex/unroll.ts";
import type { RegexSpec, UseDns } from "../spec.ts";

/** A match, and where it stands in the text. */
export interface FailureMatch {
  readonly groups: Groups;
  readonly start: number;
  readonly end: number;
}

/** Names under which a failure can be known. */
const IDS = ["fid", "ip4", "ip6", "dns", "mlfid"];

/** A failregex, prefregex or ignoreregex. */
export class FailureRegex {
  readonly converted: ConvertedRegex;
  readonly #pair: RegexPair;
  /** Groups that fill the place of another one that is empty, such as `alt_user` that of `user`. */
  readonly #alternatives: readonly (readonly [group: string, base: string])[];
  /** Groups that are put behind another one, such as `tuple_id`. */
  readonly #tuples: readonly (readonly [group: string, base: string])[];

  /** @throws GarrisonError GARRISON_FAIL2BAN_REGEX with file and line, when it cannot be converted */
  constructor(spec: RegexSpec, options: { readonly useDns: UseDns; readonly multiLine?: boolean }) {
    this.converted = convertAt(spec, options);
    this.#pair = new RegexPair(this.converted);
    const names = [...this.converted.names.values()].sort();
    const complex = (prefix: string): [string, string][] =>
      names.flatMap((name): [string, string][] => {
        const base = name.startsWith(prefix) ? /^(.*?)(?:_\d+)?$/.exec(name.slice(prefix.length))?.[1] : undefined;
        return base === undefined ? [] : [[name, groupOfTag(base)]];
      });
    this.#alternatives = complex("alt_");
    this.#tuples = complex("tuple_");
  }

  /** Whether it names what failed: an address, a host name, an id, or a connection. */
  get hasId(): boolean {
    return IDS.some((id) => this.hasGroup(id));
  }

  /** Whether it has a group of this name. */
  hasGroup(name: string): boolean {
    return [...this.converted.names.values()].includes(name);
  }

  /** @param ascii whether the text has nothing above U+007F */
  matches(text: string, ascii: boolean): boolean {
    return this.#pair.exec(text, ascii) !== null;
  }

  /** The first match. @param ascii whether the text has nothing above U+007F */
  search(text: string, ascii: boolean): FailureMatch | null {
    const match = this.#pair.exec(text, ascii);
    if (match === null) return null;
    const groups = groupsOf(match, this.converted.ascii.captures);
    for (const [name, copies] of this.converted.copies) takeLastRound(groups, name, copies);
    for (const [group, base] of this.#alternatives) if (groups[group] && !groups[base]) groups[base] = groups[group];
    for (const [group, base] of this.#tuples) groups[base] = `${groups[base] ?? ""} ${groups[group] ?? ""}`.trim();
    return { groups, start: match.index, end: match.index + match[0].length };
  }
}

function takeLastRound(groups: Groups, name: string, { of, more }: Copies): void {
  const isKnown = groups[more] === undefined;
  for (const copy of of) {
    if (isKnown && groups[copy] !== undefined) groups[name] = groups[copy];
    delete groups[copy];
  }
  delete groups[more];
}

function convertAt(
  { pattern, file, line }: RegexSpec,
  { useDns, multiLine }: { readonly useDns: UseDns; readonly multiLine?: boolean },
): ConvertedRegex {
  try {
    const resolved = resolveFailureTags(pattern, { withNames: useDns !== "no" });
    return convertRegex(resolved, { multiLine: multiLine ?? false });
  } catch (error) {
    if (!(error instanceof GarrisonError)) throw error;
    const reason = errorText(error).replace(/^Cannot convert the regular expression: /, "");
    const place = file === "" ? "" : `"${file}" line ${line}: `;
    throw new GarrisonError(
      "GARRISON_FAIL2BAN_REGEX",
      `Cannot convert a regular expression of fail2ban: ${place}${reason}`,
      {
        cause: error,
      },
    );
  }
}
