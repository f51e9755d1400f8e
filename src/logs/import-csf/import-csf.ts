/** Takes over what CSF and lfd are set to: who is allowed and who is blocked, when a rule blocks, and which lists are followed. */
import { cleanText } from "#src/lib/clean-text.ts";
import { formatNetwork, type IpNetwork, networkOf } from "#src/lib/ip-network.ts";
import { parseAddressLines } from "./address-file.ts";
import { type CsfList, parseBlocklistLines } from "./blocklists-file.ts";
import { type CsfSetting, numberOf, parseConfLines } from "./conf-file.ts";
import { parsePorts } from "./filter.ts";
import { type CsfLine, readCsfLines } from "./lines.ts";
import type { CsfLeftOut, CsfPlace, CsfProblem, CsfReader } from "./place.ts";
import { type CsfFate, fateOf, isSecretSetting, OTHER_FILES } from "./settings-table.ts";
import { parseTemporaryLines } from "./temp-file.ts";
import { type CsfThresholds, readThresholds } from "./thresholds.ts";

/** An entry of `blocks.allow`. */
export interface CsfAllow {
  readonly place: CsfPlace;
  /** CIDR. */
  readonly network: string;
  readonly comment: string;
  /** Whether CSF allowed it for some ports only: Garrison knows no such thing, and never blocks it. */
  readonly wasForPorts: boolean;
}

/** A block, as `garrison block` would set it. */
export interface CsfBlock {
  readonly place: CsfPlace;
  readonly network: string;
  /** None: all; at most 15. */
  readonly ports: readonly number[];
  /** `null`: for ever. */
  readonly untilUnixMs: number | null;
  readonly reason: string;
  /** "do not delete" in the comment. */
  readonly isKept: boolean;
}

/** A setting and what becomes of it. */
export interface CsfSettingReport {
  readonly place: CsfPlace;
  readonly name: string;
  /** Escaped, at most 200 characters; `"(secret)"` for passwords and keys. */
  readonly value: string;
  /** `off`: it is empty or 0, so nothing is missed. `unknown`: not a setting of any version that we know. */
  readonly fate: CsfFate | "off" | "unknown";
  readonly why: string;
}

/** All that was found. Every line of the files is in one of the lists, or is a comment. */
export interface CsfImport {
  /** `null`: there is no csf.conf. */
  readonly thresholds: CsfThresholds | null;
  /** Whether CSF was in testing mode. */
  readonly isTesting: boolean;
  readonly allow: readonly CsfAllow[];
  readonly blocks: readonly CsfBlock[];
  readonly lists: readonly CsfList[];
  /** Ports of TCP_IN and its like that are open; a range as `20000:20100`. */
  readonly openPorts: Readonly<Record<string, readonly string[]>>;
  readonly settings: readonly CsfSettingReport[];
  readonly leftOut: readonly CsfLeftOut[];
  readonly problems: readonly CsfProblem[];
  /** Temporary entries whose time is over. */
  readonly expired: number;
}

/** Where CSF is. */
export interface CsfImportOptions {
  readonly nowUnixMs: number;
  /** @default "/etc/csf" */
  readonly folder?: string;
  /** @default "/var/lib/csf" */
  readonly stateFolder?: string;
}

const MAX_ENTRIES = 500_000;

/** Reads CSF's files and says what each becomes. Nothing is changed, no name is looked up, no URL is asked. */
export function importCsf(reader: CsfReader, options: CsfImportOptions): CsfImport {
  const { nowUnixMs, folder = "/etc/csf", stateFolder = "/var/lib/csf" } = options;
  const problems: CsfProblem[] = [];
  const leftOut: CsfLeftOut[] = [];
  const linesOf = (path: string): CsfLine[] => readBounded(reader, path, problems);
  const keep = <T extends { leftOut: readonly CsfLeftOut[]; problems: readonly CsfProblem[] }>(part: T): T => {
    for (const one of part.leftOut) leftOut.push(one);
    for (const one of part.problems) problems.push(one);
    return part;
  };

  const confLines = readCsfLines(reader, `${folder}/csf.conf`, problems);
  const { settings, problems: confProblems } = parseConfLines(confLines ?? []);
  problems.push(...confProblems);
  const allowed = keep(parseAddressLines(linesOf(`${folder}/csf.allow`)));
  const ignored = keep(parseAddressLines(linesOf(`${folder}/csf.ignore`)));
  const denied = keep(parseAddressLines(linesOf(`${folder}/csf.deny`)));
  const banned = keep(parseTemporaryLines(linesOf(`${stateFolder}/csf.tempban`), nowUnixMs));
  const temporary = keep(parseTemporaryLines(linesOf(`${stateFolder}/csf.tempallow`), nowUnixMs));
  const { lists } = keep(parseBlocklistLines(linesOf(`${folder}/csf.blocklists`)));
  for (const { place, network, comment } of temporary.entries)
    leftOut.push({
      place,
      text: describe(network, comment),
      why: "blocks.allow has no time limit: add it by hand and take it away again",
    });
  for (const [name, why] of Object.entries(OTHER_FILES))
    for (const { place, text } of linesOf(`${folder}/${name}`))
      leftOut.push({ place, text: cleanText(text, 200), why });

  const allow = [...allowed.addresses, ...ignored.addresses].map(({ place, network, ports, comment }) => ({
    place,
    network: formatNetwork(network),
    comment,
    wasForPorts: ports.length > 0,
  }));
  const permanent = denied.addresses.map(({ place, network, ports, comment, isKept }) => {
    return { place, network: formatNetwork(network), ports, untilUnixMs: null, reason: comment, isKept };
  });
  const timed = banned.entries.map(({ place, network, ports, untilUnixMs, comment }) => {
    return { place, network: formatNetwork(network), ports, untilUnixMs, reason: comment, isKept: false };
  });
  contradictions(allowed.addresses.concat(ignored.addresses), denied.addresses, problems);
  return {
    thresholds: confLines === null ? null : readThresholds(settings),
    isTesting: numberOf(settings, "TESTING") === 1,
    allow,
    blocks: [...permanent, ...timed],
    lists: withGlobal(lists, settings, leftOut),
    openPorts: openPortsOf(settings, problems),
    settings: [...settings.values()].map(reportOf),
    leftOut,
    problems,
    expired: banned.expired + temporary.expired,
  };
}

function readBounded(reader: CsfReader, path: string, problems: CsfProblem[]): CsfLine[] {
  const lines = readCsfLines(reader, path, problems) ?? [];
  const [first] = lines.slice(MAX_ENTRIES);
  if (first === undefined) return lines;
  problems.push({
    place: first.place,
    message: `more than ${MAX_ENTRIES} entries: this one and those behind it are not taken over`,
  });
  return lines.slice(0, MAX_ENTRIES);
}

/** What is both allowed and blocked: an allowed network is never blocked, so the block would be refused. */
function contradictions(
  allowed: readonly { network: IpNetwork }[],
  denied: readonly { place: CsfPlace; network: IpNetwork }[],
  problems: CsfProblem[],
): void {
  const texts = new Set(allowed.map(({ network }) => formatNetwork(network)));
  const prefixes = { 4: new Set<number>(), 6: new Set<number>() };
  for (const { network } of allowed) prefixes[network.family].add(network.prefix);
  for (const { place, network } of denied) {
    const outer = [...prefixes[network.family]].filter((prefix) => prefix <= network.prefix);
    if (outer.some((prefix) => texts.has(formatNetwork(networkOf(network.bytes, prefix))))) {
      const message = `${formatNetwork(network)} is both allowed and denied: Garrison does not block what is allowed`;
      problems.push({ place, message });
    }
  }
}

function withGlobal(
  lists: readonly CsfList[],
  settings: ReadonlyMap<string, CsfSetting>,
  leftOut: CsfLeftOut[],
): readonly CsfList[] {
  const setting = settings.get("GLOBAL_DENY");
  if (setting === undefined || setting.value.trim() === "") return lists;
  const seconds = Math.max(numberOf(settings, "LF_GLOBAL") ?? 0, 3600);
  const { place } = setting;
  const parsed = parseBlocklistLines([{ place, text: `GLOBAL_DENY|${seconds}|0|${setting.value.trim()}` }]);
  if (parsed.lists.length === 0)
    leftOut.push({ place, text: cleanText(setting.value, 200), why: "GLOBAL_DENY is no URL of a plain text" });
  return [...lists, ...parsed.lists];
}

function openPortsOf(
  settings: ReadonlyMap<string, CsfSetting>,
  problems: CsfProblem[],
): Record<string, readonly string[]> {
  const open: Record<string, readonly string[]> = {};
  for (const name of ["TCP_IN", "TCP6_IN", "UDP_IN", "UDP6_IN", "TCP_OUT", "TCP6_OUT", "UDP_OUT", "UDP6_OUT"]) {
    const setting = settings.get(name);
    const value = setting?.value.replaceAll(" ", "") ?? "";
    if (setting === undefined || value === "") continue;
    if (parsePorts(value) === null)
      problems.push({
        place: setting.place,
        message: `"${cleanText(value, 100)}" is no list of ports, "22,80,2000:2010" is wanted`,
      });
    else open[name] = value.split(",");
  }
  return open;
}

function reportOf({ name, value, place }: CsfSetting): CsfSettingReport {
  const fate = fateOf(name);
  const shown = isSecretSetting(name) && value !== "" ? "(secret)" : cleanText(value, 200);
  if (fate === null) return { place, name, value: shown, fate: "unknown", why: "not a setting that we know" };
  const isOff = fate.fate !== "taken" && (value.trim() === "" || value.trim() === "0");
  return { place, name, value: shown, fate: isOff ? "off" : fate.fate, why: fate.why };
}

function describe(network: IpNetwork, comment: string): string {
  return comment === "" ? formatNetwork(network) : `${formatNetwork(network)} (${comment})`;
}
