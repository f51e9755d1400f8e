/** What would be taken over of a configuration of fail2ban, and what not: what `garrison logs import fail2ban` shows. */

import type { ConfigTree } from "./config/config-tree.ts";
import { checkFilter } from "./match/check-filter.ts";
import { compileFilter } from "./match/compile-filter.ts";
import { readJails } from "./read-jails.ts";
import type { IncrementSpec, JailSpec, RefusedJail, RefusedRegex, RegexSpec } from "./spec.ts";

/** One jail. */
export interface ImportedJail {
  readonly name: string;
  readonly filter: string;
  /** Files as globs, or matches of the journal. */
  readonly logs: readonly string[];
  readonly isJournal: boolean;
  readonly maxRetry: number;
  readonly findSeconds: number;
  /** `null`: for ever. */
  readonly banSeconds: number | null;
  readonly increment: IncrementSpec | null;
  readonly ignore: readonly string[];
  readonly ports: readonly string[];
  /** To which ports its blocks drop packets; none: to all. */
  readonly blockPorts: readonly number[];
  readonly regexes: number;
  /** How many texts spare the filter other lines; `null`: it must look at every line. */
  readonly literals: number | null;
  readonly actions: readonly string[];
  readonly notTaken: readonly string[];
  readonly refusedRegexes: readonly RefusedRegex[];
  /** Expressions by which the writer of a part of a line may name an address. */
  readonly unanchored: readonly RegexSpec[];
}

/** The whole configuration. */
export interface ImportReport {
  readonly folder: string;
  readonly jails: readonly ImportedJail[];
  readonly refused: readonly RefusedJail[];
  readonly disabled: number;
  /** For the configuration of Garrison. */
  readonly snippet: string;
}

/**
 * Reads a configuration and says what of it would be taken over. Nothing is run and nothing looked up.
 * @param folder such as `/etc/fail2ban`
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when there is none, or a file of its jails cannot be read as fail2ban reads it
 */
export function describeImport(tree: ConfigTree, folder = "/etc/fail2ban"): ImportReport {
  const { jails, refused, disabled } = readJails(tree, { folder });
  return { folder, jails: jails.map(describeJail), refused, disabled, snippet: snippetOf(folder, jails) };
}

function describeJail(jail: JailSpec): ImportedJail {
  const { filter, source } = jail;
  return {
    name: jail.name,
    filter: filter.name,
    logs: source.paths,
    isJournal: source.kind === "journal",
    maxRetry: jail.maxRetry,
    findSeconds: jail.findSeconds,
    banSeconds: jail.banSeconds,
    increment: jail.increment,
    ignore: jail.ignore,
    ports: jail.ports,
    blockPorts: jail.blockPorts,
    regexes: filter.failregex.length,
    literals: compileFilter(filter).literals?.length ?? null,
    actions: jail.actions.map(({ name }) => name),
    notTaken: jail.notTaken,
    refusedRegexes: jail.refusedRegexes,
    unanchored: checkFilter(filter).unanchored,
  };
}

/** YAML is JSON too: text is quoted as JSON quotes it. */
function snippetOf(folder: string, jails: readonly JailSpec[]): string {
  const list = (texts: readonly string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;
  const allow = [...new Set(jails.flatMap(({ ignore }) => ignore))];
  return [
    "sensors:",
    "  logs:",
    "    fail2ban:",
    `      from: ${JSON.stringify(folder)}`,
    `      jails: ${list(jails.map(({ name }) => name))}`,
    ...(allow.length === 0 ? [] : ["blocks:", `  allow: ${list(allow)}`]),
    "",
  ].join("\n");
}
