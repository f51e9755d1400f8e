/** The rules of each source: Garrison's own, the admin's, those of the web application firewall, and jails of fail2ban. */
import { errorText } from "#src/lib/errors.ts";
import type { LineRule, LogSource } from "#src/logs/contract.ts";
import type { RulePolicy } from "#src/logs/decide/policies.ts";
import type { JailSpec } from "#src/logs/fail2ban/spec.ts";
import type { LogsOptions } from "#src/logs/options.ts";
import { loadRuleFiles } from "#src/logs/rules/all.ts";
import { compileRules } from "#src/logs/rules/compile.ts";

// For ever is not ours to say: a rule blocks for ten years at most.
const LONGEST_BAN_MS = 3650 * 86_400_000;
const LONGEST_JAIL_MS = 7 * 86_400_000;

/** What one source is matched with. */
export interface SourceRules {
  readonly source: LogSource;
  /** Services whose lines stand in it. */
  readonly services: ReadonlySet<string>;
  /** Makes the rules anew: some hold the state of one log. */
  make(): readonly LineRule[];
}

/** All rules of all sources. */
export interface LoadedRules {
  readonly sources: ReadonlyMap<string, SourceRules>;
  readonly policies: readonly RulePolicy[];
  /** Rules that could not be made, with the reason. */
  readonly refused: readonly { readonly rule: string; readonly reason: string }[];
}

/** Loads only what the sources need. */
export async function loadLogRules(options: LogsOptions): Promise<LoadedRules> {
  const { sources, disabledRules, ownRules, jails } = options;
  const files = [...(await loadRuleFiles(new Set(sources.map(({ name }) => name)))), ...ownRules];
  const waf = sources.some(({ format }) => format === "modsecurity") ? await import("#src/waf/rules.ts") : null;
  const ofJails = jails.length > 0 ? await import("#src/logs/fail2ban/match/jail-rule.ts") : null;
  const refused: LoadedRules["refused"][number][] = [];
  const disabled = new Set(disabledRules);
  const taken = jails.filter((jail) => {
    try {
      ofJails?.compileJail(jail);
      return true;
    } catch (error) {
      refused.push({ rule: ofJails?.jailRuleName(jail) ?? jail.name, reason: errorText(error) });
      return false;
    }
  });
  const rulesOf = (source: LogSource): SourceRules => {
    const own = files.filter((file) => file.sources.includes(source.name));
    const ownJails = taken.filter((jail) => isOf(jail, source));
    const make = (): LineRule[] => [
      ...compileRules(own),
      ...(waf !== null && source.format === "modsecurity" ? waf.wafRules(disabled) : []),
      ...ownJails.flatMap((jail) => ofJails?.compileJail(jail) ?? []),
    ];
    return {
      source,
      services: new Set([...own.map(({ service }) => service), ...ownJails.map(({ filter }) => filter.service)]),
      make: () => make().filter(({ name }) => !disabled.has(name)),
    };
  };
  return {
    sources: new Map(sources.map((source) => [source.name, rulesOf(source)])),
    policies: taken.flatMap((jail) => (ofJails === null ? [] : policyOf(ofJails.jailRuleName(jail), jail))),
    refused,
  };
}

/** A jail reads the journal, or files: the sources that have one of its paths. */
function isOf({ source: wanted }: JailSpec, source: LogSource): boolean {
  if (wanted.kind !== source.kind) return false;
  return source.kind === "journal" || wanted.paths.some((path) => source.paths.includes(path));
}

/** What `maxretry`, `findtime`, `bantime` and the ports of a jail are to us. */
function policyOf(prefix: string, { maxRetry, findSeconds, banSeconds, increment, blockPorts }: JailSpec): RulePolicy {
  const firstMs = banSeconds === null ? LONGEST_BAN_MS : banSeconds * 1000;
  const longestMs = increment?.maxSeconds == null ? Math.max(firstMs, LONGEST_JAIL_MS) : increment.maxSeconds * 1000;
  const factor = increment === null ? 1 : Math.max(1, increment.factor * 2);
  return {
    prefix,
    ports: blockPorts,
    policy: { points: maxRetry, withinMs: findSeconds * 1000, firstMs, factor, longestMs },
  };
}
