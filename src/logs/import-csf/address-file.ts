/** csf.allow, csf.deny and csf.ignore: an address, a network or a filter a line, and a comment. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { parseFilter } from "./filter.ts";
import type { CsfLine } from "./lines.ts";
import type { CsfLeftOut, CsfPlace, CsfProblem } from "./place.ts";

/** One line that names a network. */
export interface CsfAddress {
  readonly place: CsfPlace;
  readonly network: IpNetwork;
  /** None: all. */
  readonly ports: readonly number[];
  /** Escaped, at most 200 characters; `""` when there is none. */
  readonly comment: string;
  /** "do not delete" in the comment: CSF never drops the line to stay below DENY_IP_LIMIT. */
  readonly isKept: boolean;
}

/** What the lines of a file came to: each is in exactly one of the three. */
export interface CsfAddresses {
  readonly addresses: readonly CsfAddress[];
  readonly leftOut: readonly CsfLeftOut[];
  readonly problems: readonly CsfProblem[];
}

/** Reads the lines of an address file. */
export function parseAddressLines(lines: readonly CsfLine[]): CsfAddresses {
  const addresses: CsfAddress[] = [];
  const leftOut: CsfLeftOut[] = [];
  const problems: CsfProblem[] = [];
  for (const { place, text } of lines) {
    const [, entry = "", comment = ""] = /^(\S+)\s*#?\s*(.*)$/s.exec(text.replace(/^(\S*?)#/, "$1 #")) ?? [];
    const rest = { place, comment: cleanText(comment, 200), isKept: /do not delete/i.test(comment) };
    const network = parseNetwork(entry);
    if (network !== null) {
      addresses.push({ ...rest, network, ports: [] });
      continue;
    }
    const result = entry.includes("|") ? parseFilter(entry) : nameOrProblem(entry);
    if (result.kind === "filter")
      addresses.push({ ...rest, network: result.filter.network, ports: result.filter.ports });
    else if (result.kind === "left-out")
      leftOut.push({ place, text: cleanText(text, 200), why: cleanText(result.why, 300) });
    else problems.push({ place, message: cleanText(result.message, 300) });
  }
  return { addresses, leftOut, problems };
}

function nameOrProblem(entry: string): ReturnType<typeof parseFilter> {
  if (/^(?=.*[a-z])(?!.*:)[a-z0-9-]+(?:\.[a-z0-9-]+)+\.?$/i.test(entry))
    return { kind: "left-out", why: `"${entry}" is a name, and names are not looked up` };
  return { kind: "problem", message: `"${entry}" is neither an address nor a network nor a filter` };
}
