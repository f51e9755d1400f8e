/** csf.blocklists: `NAME|INTERVAL|MAX|URL` a line. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { CsfLine } from "./lines.ts";
import type { CsfLeftOut, CsfPlace, CsfProblem } from "./place.ts";

/** A list that is taken over. */
export interface CsfList {
  readonly place: CsfPlace;
  /** Lower case, with `-` for `_`. */
  readonly name: string;
  /** Always `https://`. */
  readonly from: string;
  /** Whether the file had `http://`, and it has to be tried whether https is answered. */
  readonly wasHttp: boolean;
  readonly everyMs: number;
  /** `null`: CSF took all. */
  readonly maxEntries: number | null;
}

/** What the lines came to: each is in exactly one of the three. */
export interface CsfLists {
  readonly lists: readonly CsfList[];
  readonly leftOut: readonly CsfLeftOut[];
  readonly problems: readonly CsfProblem[];
}

const MAX_LISTS = 32;

/** Reads the lines of csf.blocklists. */
export function parseBlocklistLines(lines: readonly CsfLine[]): CsfLists {
  const lists: CsfList[] = [];
  const leftOut: CsfLeftOut[] = [];
  const problems: CsfProblem[] = [];
  for (const { place, text } of lines) {
    const [, name = "", seconds, max, url = ""] = /^(\w{1,25})\|(\d{1,9})\|(\d{1,9})\|(\S+)$/.exec(text) ?? [];
    const target = /^(https?):\/\/([^\s/?#]+.*)$/i.exec(url);
    const why = whyNot(url, lists.length);
    if (target === null)
      problems.push({ place, message: `"${cleanText(text, 100)}" is no list "NAME|INTERVAL|MAX|URL"` });
    else if (lists.some((list) => list.name === nameOf(name)))
      problems.push({ place, message: `"${name}" is listed a second time, and the first counts` });
    else if (why !== null) leftOut.push({ place, text: cleanText(text, 200), why });
    else
      lists.push({
        place,
        name: nameOf(name),
        from: `https://${target[2]}`,
        wasHttp: target[1]?.toLowerCase() === "http",
        // lfd takes an hour at least too.
        everyMs: Math.max(Number(seconds), 3600) * 1000,
        maxEntries: Number(max) === 0 ? null : Number(max),
      });
  }
  return { lists, leftOut, problems };
}

function nameOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-").replace(/^-+/, "") || "list";
}

function whyNot(url: string, count: number): string | null {
  if (/\.(?:zip|tar(?:\.gz)?|tgz)(?:\?|$)/i.test(url))
    return "archives are not unpacked: name a plain text of the same list";
  return count >= MAX_LISTS ? `at most ${MAX_LISTS} lists are followed` : null;
}
