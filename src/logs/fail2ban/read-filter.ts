/** Reads one filter of fail2ban. */
import { join } from "node:path";
import type { Config } from "./config/config.ts";
import { configError } from "./config/config-error.ts";
import type { ConfigTree } from "./config/config-tree.ts";
import { FilterOptions } from "./config/filter-options.ts";
import { parseParametrized } from "./config/parameters.ts";
import { readConfig } from "./config/read-ini-files.ts";
import type { FilterSpec, RegexSpec, UseDns } from "./spec.ts";

const MAX_LINES = 100;
const MAX_REGEXES = 500;

/** How a filter is read. */
export interface ReadFilterOptions {
  /** Folder of the configuration. @default "/etc/fail2ban" */
  readonly folder?: string;
  /** `systemd`: for lines of the journal. @default "auto" */
  readonly backend?: string;
}

/**
 * Reads `filter.d/NAME.conf` with its includes and `.local` files.
 * @param text name of the filter, with parameters: `sshd`, `sshd[mode=aggressive]`
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when there is no such filter, or fail2ban itself would not read it
 */
export function readFilter(tree: ConfigTree, text: string, options: ReadFilterOptions = {}): FilterSpec {
  const { name, parameters } = parseParametrized(text);
  const config = readFilterConfig(tree, options.folder ?? "/etc/fail2ban", name);
  const filter = new FilterOptions(config, parameters, options.backend ?? "auto");
  filter.read(new Map(), false);
  return toFilterSpec(text, name, filter.combined(), placesOf(config));
}

/** The files of a filter; its name may not lead out of the folder. */
export function readFilterConfig(tree: ConfigTree, folder: string, name: string): Config {
  const shown = JSON.stringify(name.slice(0, 80));
  if (!/^[\w.-]{1,100}$/.test(name)) throw configError(`Cannot read the filter ${shown}: a name is wanted`);
  const config = readConfig(tree, folder, join("filter.d", name));
  if (config === null) throw configError(`Cannot read the filter ${shown}: it is not in "${folder}/filter.d"`);
  return config;
}

/** Where an option stands. */
export type Place = (option: string) => { readonly file: string; readonly line: number };

/** Places of a filter's options. */
export function placesOf(config: Config): Place {
  return (option) => {
    const { file, line } = config.raw("Definition", option) ?? config.raw("Init", option) ?? { file: "", line: 0 };
    return { file, line };
  };
}

/** A filter of options that have been resolved. */
export function toFilterSpec(
  text: string,
  service: string,
  options: ReadonlyMap<string, string>,
  placeOf: Place,
): FilterSpec {
  const list = (option: string): RegexSpec[] => {
    const patterns = (options.get(option) ?? "").split("\n").filter((pattern) => pattern.trim() !== "");
    if (patterns.length > MAX_REGEXES) {
      throw configError(
        `Cannot read the filter "${service}": "${option}" has ${patterns.length} expressions, at most ${MAX_REGEXES} are taken`,
      );
    }
    return patterns.map((pattern) => ({ pattern, ...placeOf(option) }));
  };
  const pref = options.get("prefregex") ?? "";
  return {
    name: text,
    service,
    prefregex: pref.trim() === "" ? null : { pattern: pref, ...placeOf("prefregex") },
    failregex: list("failregex"),
    ignoreregex: list("ignoreregex"),
    datePattern: options.get("datepattern") || null,
    timeZone: options.get("logtimezone") || null,
    maxLines: maxLinesOf(service, options.get("maxlines")),
    useDns: useDnsOf(options.get("usedns") ?? "warn"),
    encoding: encodingOf(options.get("logencoding") ?? "auto"),
    journalMatches: (options.get("journalmatch") ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(splitWords),
  };
}

function maxLinesOf(service: string, text: string | undefined): number {
  if (text === undefined || !/^\s*\d+\s*$/.test(text)) return 1;
  const lines = Number(text);
  if (lines >= 1 && lines <= MAX_LINES) return lines;
  throw configError(`Cannot read the filter "${service}": "maxlines" is ${text.trim()}, 1 to ${MAX_LINES} is wanted`);
}

function useDnsOf(text: string): UseDns {
  const lower = text.trim().toLowerCase();
  return lower === "yes" || lower === "warn" || lower === "raw" ? lower : "no";
}

/** @throws GarrisonError GARRISON_FAIL2BAN_CONFIG for an encoding that is not known */
function encodingOf(text: string): string {
  const lower = text.trim().toLowerCase();
  if (lower === "auto") return "utf-8";
  try {
    return new TextDecoder(lower).encoding;
  } catch (error) {
    throw Object.assign(configError(`Cannot read the log encoding "${text.slice(0, 40)}": it is not known`), {
      cause: error,
    });
  }
}

/** Words as a shell would split them, quotes taken away. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']+|"([^"]*)"|'([^']*)')+/g)].map(([word]) => word.replaceAll(/["']/g, ""));
}
