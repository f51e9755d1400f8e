/** Reads the jails of fail2ban: jail.conf, jail.d/*.conf, jail.local and jail.d/*.local, with their filters. */

import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import type { LogSource } from "#src/logs/contract.ts";
import { type Config, isMissing } from "./config/config.ts";
import { configError } from "./config/config-error.ts";
import type { ConfigTree } from "./config/config-tree.ts";
import { FILTER_OPTIONS, FilterOptions } from "./config/filter-options.ts";
import { parseParametrized, splitParametrized } from "./config/parameters.ts";
import { parseSeconds } from "./config/parse-seconds.ts";
import { parsePorts, parseServices } from "./config/ports.ts";
import { readConfig } from "./config/read-ini-files.ts";
import { checkFilter } from "./match/check-filter.ts";
import { compileFilter } from "./match/compile-filter.ts";
import { placesOf, readFilterConfig, toFilterSpec } from "./read-filter.ts";
import type { ActionSpec, FilterSpec, IncrementSpec, JailSpec, RefusedJail, RefusedRegex } from "./spec.ts";

const MAX_JAILS = 500;
const MAX_PATHS = 200;
const MAX_IGNORED = 5000;

const JAIL_OPTIONS = [
  "enabled",
  "backend",
  "maxretry",
  "maxmatches",
  "findtime",
  "bantime",
  "bantime.increment",
  "bantime.factor",
  "bantime.formula",
  "bantime.multipliers",
  "bantime.maxtime",
  "bantime.rndtime",
  "bantime.overalljails",
  "ignorecommand",
  "ignoreself",
  "ignoreip",
  "ignorecache",
  "filter",
  "logtimezone",
  "logencoding",
  "logpath",
  "action",
  "port",
  "protocol",
  ...FILTER_OPTIONS,
] as const;

/** Actions of fail2ban that drop what an address sends. */
const BLOCKS =
  /^(?:apf|bsd-ipfw|firewallcmd-|hostsdeny|ipfilter|ipfw|ipset|iptables|nftables|npf|osx-|pf|route|shorewall|ufw)/;
/** Those of them that keep to ports, but where `allports` stands in their names or parameters. */
const PORT_BLOCKS = /^(?:firewallcmd-|iptables|nftables)/;
/** Files that syslog writes what any user of the host hands to it. */
const SYSLOG_FILES =
  /\/(?:auth\.log|cron(?:\.log)?|daemon\.log|debug|kern\.log|mail\.(?:err|info|log|warn)|maillog|messages|secure|syslog|user\.log)$/;

/** All jails that are enabled. */
export interface ReadJails {
  readonly jails: readonly JailSpec[];
  readonly refused: readonly RefusedJail[];
  /** How many others there are. */
  readonly disabled: number;
}

/** Where the configuration is. */
export interface ReadJailsOptions {
  /** @default "/etc/fail2ban" */
  readonly folder?: string;
}

/**
 * Reads each jail that is enabled. One that cannot be taken over does not keep the others from it.
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when there is no jail.conf, or a file of it cannot be read as fail2ban reads it
 */
export function readJails(tree: ConfigTree, options: ReadJailsOptions = {}): ReadJails {
  const folder = options.folder ?? "/etc/fail2ban";
  const config = readConfig(tree, folder, "jail");
  if (config === null) throw configError(`Cannot read the jails of fail2ban: there is no "${folder}/jail.conf"`);
  config.setDefault("fail2ban_confpath", folder);
  config.setDefault("fail2ban_version", "1.0.2");
  const names = config.sections.filter((name) => name !== "INCLUDES");
  if (names.length > MAX_JAILS)
    throw configError(`Cannot read "${folder}/jail.conf": it has more than ${MAX_JAILS} jails`);
  const jails: JailSpec[] = [];
  const refused: RefusedJail[] = [];
  let disabled = 0;
  for (const name of names) {
    try {
      const jail = new JailReader(tree, folder, config, name).read();
      if (jail === null) disabled++;
      else jails.push(jail);
    } catch (error) {
      if (!(error instanceof GarrisonError)) throw error;
      refused.push({ name, reason: errorText(error) });
    }
  }
  return { jails, refused, disabled };
}

class JailReader {
  readonly #tree: ConfigTree;
  readonly #folder: string;
  readonly #config: Config;
  readonly #name: string;
  readonly #notTaken: string[] = [];
  #options: ReadonlyMap<string, string> = new Map();

  constructor(tree: ConfigTree, folder: string, config: Config, name: string) {
    this.#tree = tree;
    this.#folder = folder;
    this.#config = config;
    this.#name = name;
  }

  /** `null` when it is not enabled. */
  read(): JailSpec | null {
    const first = this.#take(["enabled", "backend", "filter"]);
    if (!isYes(first.get("enabled"))) return null;
    const { spec, refused } = checkFilter(this.#readFilter(first));
    if (spec.failregex.length === 0) {
      const why = refused[0] === undefined ? "it has no failregex" : `its failregex is refused: ${refused[0].reason}`;
      throw configError(`Cannot take over the jail "${this.#name}": ${why}`);
    }
    // What keeps the rule from being made must come out here, not where lines are read.
    compileFilter(spec);
    return this.#toSpec(spec, refused);
  }

  #readFilter(first: ReadonlyMap<string, string>): FilterSpec {
    const text = first.get("filter") ?? "";
    if (text.trim() === "") throw configError(`Cannot take over the jail "${this.#name}": it has no filter`);
    const { name, parameters } = parseParametrized(text);
    const config = readFilterConfig(this.#tree, this.#folder, name);
    const filter = new FilterOptions(config, parameters, first.get("backend") ?? "auto");
    filter.read(first, true);
    for (const [option, value] of filter.combined()) {
      this.#config.setOption(this.#name, `known/${option}`, { text: value, file: "", line: 0 });
    }
    this.#options = this.#take(JAIL_OPTIONS);
    filter.read(this.#options, false);
    const placeOfFilter = placesOf(config);
    const combined = new Map([...filter.combined(), ...this.#options]);
    return toFilterSpec(text, name, combined, (option) => {
      const own = this.#options.has(option) ? this.#config.raw(this.#name, option) : undefined;
      return own === undefined ? placeOfFilter(option) : { file: own.file, line: own.line };
    });
  }

  #take(names: readonly string[]): Map<string, string> {
    const options = new Map<string, string>();
    for (const name of names) {
      try {
        options.set(name, this.#config.get(this.#name, name).text);
      } catch (error) {
        if (isMissing(error)) continue;
        // fail2ban would not start; an action that cannot be read is no reason not to see failures.
        if (name !== "action" && name !== "port") throw error;
        this.#notTaken.push(errorText(error));
      }
    }
    return options;
  }

  #toSpec(filter: FilterSpec, refusedRegexes: readonly RefusedRegex[]): JailSpec {
    const option = (name: string): string => this.#options.get(name)?.trim() ?? "";
    const banSeconds = this.#seconds("bantime", 600);
    const actions = splitParametrized(option("action")).map(actionOf);
    for (const { name, isBlock } of actions) {
      if (!isBlock) this.#notTaken.push(`action "${name}" is never run`);
    }
    if (option("ignorecommand") !== "")
      this.#notTaken.push(`ignorecommand "${option("ignorecommand").slice(0, 200)}" is never run`);
    const ports = portsOf(option("port"));
    return {
      name: this.#name,
      filter,
      source: this.#source(filter),
      maxRetry: this.#count("maxretry", 5),
      findSeconds: this.#seconds("findtime", 600),
      banSeconds: banSeconds < 0 ? null : banSeconds,
      increment: this.#increment(),
      ignore: this.#ignored(option("ignoreip")),
      ignoreSelf: option("ignoreself") === "" || isYes(option("ignoreself")),
      ports,
      blockPorts: this.#blockPorts(ports, actions),
      protocol: option("protocol") || "tcp",
      actions,
      notTaken: this.#notTaken,
      refusedRegexes,
    };
  }

  /** Those of its actions together; one that drops all is enough for all. */
  #blockPorts(ports: readonly string[], actions: readonly ActionSpec[]): readonly number[] {
    const blocking = actions.filter(({ isBlock }) => isBlock);
    if (blocking.length === 0 || blocking.some((action) => action.ports === null)) return [];
    const wanted = blocking.flatMap((action) => (action.ports?.length ? action.ports : ports));
    // An action of which no ports are known has those that stand in its own file.
    if (wanted.length === 0) return [];
    const found = parsePorts(wanted, parseServices(this.#tree.read("/etc/services") ?? ""));
    if (typeof found !== "string") return found;
    this.#notTaken.push(`port "${wanted.join(",")}": ${found}; blocks drop what is sent to any port`);
    return [];
  }

  #source(filter: FilterSpec): LogSource {
    const name = `fail2ban:${this.#name}`;
    if ((this.#options.get("backend") ?? "").startsWith("systemd")) {
      // Of terms that must all fit one is enough to find the entries: the filter looks at the others.
      const matches = filter.journalMatches.flatMap((terms) =>
        terms.filter((term, at) => term !== "+" && (at === 0 || terms[at - 1] === "+")),
      );
      return { name, kind: "journal", paths: [...new Set(matches)], format: "plain", isForgeable: true };
    }
    const lines = (this.#options.get("logpath") ?? "").split("\n").map((line) => line.trim());
    const paths = lines.filter((line) => line !== "").map((line) => line.replace(/ (?:tail|head)$/, ""));
    const absolute = paths.filter((path) => path.startsWith("/"));
    for (const path of paths.filter((one) => !absolute.includes(one)))
      this.#notTaken.push(`logpath "${path}" is not absolute`);
    if (absolute.length === 0) throw configError(`Cannot take over the jail "${this.#name}": it has no logpath`);
    if (absolute.length > MAX_PATHS)
      throw configError(`Cannot take over the jail "${this.#name}": it has more than ${MAX_PATHS} logpaths`);
    return {
      name,
      kind: "file",
      paths: absolute,
      format: "plain",
      isForgeable: absolute.some((path) => SYSLOG_FILES.test(path)),
    };
  }

  #ignored(text: string): string[] {
    const words = text.split(/[\s,]+/).filter((word) => word !== "");
    if (words.length > MAX_IGNORED)
      throw configError(`Cannot take over the jail "${this.#name}": ignoreip has more than ${MAX_IGNORED} entries`);
    return words.flatMap((word) => {
      const network = parseNetwork(word);
      if (network !== null) return [formatNetwork(network)];
      this.#notTaken.push(`ignoreip "${word}" is no address and no network: names are never looked up`);
      return [];
    });
  }

  #increment(): IncrementSpec | null {
    const option = (name: string): string => this.#options.get(`bantime.${name}`)?.trim() ?? "";
    if (!isYes(option("increment"))) return null;
    if (option("formula") !== "") {
      this.#notTaken.push("bantime.formula is code and never run: each block lasts twice as long as the last");
    }
    const multipliers = option("multipliers").split(/\s+/).map(Number);
    return {
      factor: Number(option("factor")) || 1,
      multipliers: option("multipliers") !== "" && multipliers.every((one) => one > 0) ? multipliers : null,
      maxSeconds: option("maxtime") === "" ? null : this.#seconds("bantime.maxtime", 0),
      randomSeconds: option("rndtime") === "" ? 0 : this.#seconds("bantime.rndtime", 0),
      overAllJails: isYes(option("overalljails")),
    };
  }

  #seconds(name: string, fallback: number): number {
    const text = this.#options.get(name)?.trim() ?? "";
    return text === "" ? fallback : parseSeconds(text);
  }

  #count(name: string, fallback: number): number {
    const text = this.#options.get(name)?.trim() ?? "";
    if (/^\d{1,6}$/.test(text)) return Number(text);
    if (text !== "") this.#notTaken.push(`${name} "${text.slice(0, 40)}" is no number: ${fallback} is taken`);
    return fallback;
  }
}

function isYes(text: string | undefined): boolean {
  return /^(?:1|on|true|yes)$/i.test(text ?? "");
}

/** None: all. */
function portsOf(text: string): string[] {
  return text === "0:65535" ? [] : text.split(/[\s,]+/).filter((port) => port !== "");
}

function actionOf(text: string): ActionSpec {
  const name = /^[^[\s]{1,100}/.exec(text)?.[0] ?? "";
  const isBlock = BLOCKS.test(name);
  if (!PORT_BLOCKS.test(name) || text.includes("allports")) return { name, isBlock, ports: isBlock ? null : [] };
  return { name, isBlock, ports: portsOf(portOf(text)) };
}

/** The parameter `port` of an action; empty when it has none, or cannot be read. */
function portOf(text: string): string {
  try {
    return parseParametrized(text).parameters.get("port") ?? "";
  } catch (error) {
    if (error instanceof GarrisonError) return "";
    throw error;
  }
}
