/** /var/lib/csf/csf.tempban and csf.tempallow: `start|address|ports|direction|seconds|reason`. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { parsePorts } from "./filter.ts";
import type { CsfLine } from "./lines.ts";
import type { CsfLeftOut, CsfPlace, CsfProblem } from "./place.ts";

/** One line that has not run out. */
export interface CsfTemporary {
  readonly place: CsfPlace;
  readonly network: IpNetwork;
  readonly ports: readonly number[];
  readonly untilUnixMs: number;
  /** Escaped, at most 200 characters. */
  readonly comment: string;
}

/** What the lines came to: each is in exactly one of the three, or has run out. */
export interface CsfTemporaries {
  readonly entries: readonly CsfTemporary[];
  readonly leftOut: readonly CsfLeftOut[];
  readonly problems: readonly CsfProblem[];
  /** Lines whose time is over. */
  readonly expired: number;
}

/** Reads the lines of a file of temporary entries. @param nowUnixMs what has ended by then is only counted */
export function parseTemporaryLines(lines: readonly CsfLine[], nowUnixMs: number): CsfTemporaries {
  const entries: CsfTemporary[] = [];
  const leftOut: CsfLeftOut[] = [];
  const problems: CsfProblem[] = [];
  let expired = 0;
  for (const { place, text } of lines) {
    // Before version 5 colons stood between the fields.
    const fields = (/^\d+:[\d.]+:/.test(text) ? text.replaceAll(":", "|") : text).split("|");
    const [start = "", address = "", ports = "", direction = "", seconds = "", ...reason] = fields;
    const network = parseNetwork(address);
    const list = ports === "" || ports === "*" || ports === "0" ? [] : parsePorts(ports.replace(/;(?:tcp|udp)/g, ""));
    if (network === null || list === null || !/^\d{9,11}$/.test(start) || !/^\d{1,9}$/.test(seconds)) {
      problems.push({
        place,
        message: `"${cleanText(text, 100)}" is no entry "start|address|ports|direction|seconds|reason"`,
      });
      continue;
    }
    const untilUnixMs = (Number(start) + Number(seconds)) * 1000;
    if (untilUnixMs <= nowUnixMs) expired++;
    else if (direction === "out")
      leftOut.push({ place, text: cleanText(text, 200), why: "outgoing packets are not filtered" });
    else if (list.length > 15)
      leftOut.push({
        place,
        text: cleanText(text, 200),
        why: `a block has at most 15 ports, and this has ${list.length}`,
      });
    else entries.push({ place, network, ports: list, untilUnixMs, comment: cleanText(reason.join("|"), 200) });
  }
  return { entries, leftOut, problems, expired };
}
