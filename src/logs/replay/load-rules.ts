/** Which rules a replay runs on a file. */
import { suggest } from "#src/lib/suggest.ts";
import { WAF_FORMS, WAF_OUTCOMES } from "#src/waf/rule-names.ts";
import type { LineRule, LogFormat, LogSource } from "../contract.ts";
import type { FilterSpec } from "../fail2ban/spec.ts";
import type { RuleFile } from "../rule.ts";
import { RULE_FILES } from "../rules/all.ts";
import { compileRules } from "../rules/compile.ts";
import { guessFormat } from "./guess-format.ts";
import type { ReplaySettings } from "./settings.ts";

/** Service, format and source of ModSecurity's audit logs. */
const AUDIT = "modsecurity";
const AUDIT_NAMES = [...WAF_OUTCOMES, ...WAF_FORMS].map(({ name }) => name);

/** The user named what is not there. */
export class UnknownName extends Error {}

/** Rules, and the source whose lines they are for. */
export interface RuleSet {
  readonly source: LogSource;
  readonly rules: readonly LineRule[];
}

/** What is run. */
export interface RuleChoice {
  /** @param sample begins with a line; one character a byte */
  formatOf(sample: string): LogFormat;
  /** Made anew each time: those of ModSecurity's audit logs keep the state of one log. */
  rulesOf(format: LogFormat): RuleSet;
}

/** What is asked for. */
export type RuleWish = Pick<ReplaySettings, "source" | "rule" | "filter">;

/**
 * @param nowUnixMs for times without a year, when it is asked
 * @throws UnknownName for a rule, service or source that is not there
 * @throws GarrisonError for a filter of fail2ban with what cannot be converted
 */
export function loadRules(wish: RuleWish, nowUnixMs: () => number): Promise<RuleChoice> {
  return wish.filter === null ? loadOwnRules(wish) : loadFilter(wish.filter, nowUnixMs);
}

/** One rule for all files: it finds the time of a line by itself. */
async function loadFilter(filter: FilterSpec, nowUnixMs: () => number): Promise<RuleChoice> {
  const { compileFilter } = await import("../fail2ban/match/compile-filter.ts");
  const rules = [compileFilter(filter, { nowUnixMs })];
  return {
    formatOf: () => "plain",
    rulesOf: (format) => ({ source: sourceOf(filter.service, format), rules }),
  };
}

/** Of a source that is named the rules of its files, else those of the format that a file has. */
async function loadOwnRules({ source, rule }: RuleWish): Promise<RuleChoice> {
  const all = await Promise.all(RULE_FILES.map(({ load }) => load()));
  const ofSource = source === null ? all : all.filter(({ sources }) => sources.includes(source));
  const audit = source === null || source === AUDIT ? await loadAuditRules(rule) : null;
  if (ofSource.length === 0 && source !== AUDIT)
    throw unknown("source", source, [AUDIT, ...all.flatMap(({ sources }) => sources)]);
  const chosen = rule === null ? ofSource : ofSource.flatMap((file) => chooseRules(file, rule));
  if (chosen.length === 0 && audit === null) throw unknown("rule", rule, [...all.flatMap(namesOf), ...AUDIT_NAMES]);
  const onlyFormat = source === null ? null : (ofSource[0]?.format ?? AUDIT);
  return {
    formatOf: (sample) => onlyFormat ?? guessFormat(sample),
    rulesOf: (format) => ({
      source: sourceOf(source ?? format, format),
      rules: [
        ...compileRules(chosen.filter((file) => file.format === format)),
        ...(format === AUDIT ? (audit?.() ?? []) : []),
      ],
    }),
  };
}

/**
 * The rules of ModSecurity's audit logs, which are no files of rules.
 * @returns `null` when the rule that is asked for is none of them
 */
async function loadAuditRules(rule: string | null): Promise<(() => readonly LineRule[]) | null> {
  const isAll = rule === null || rule === AUDIT;
  if (!isAll && !AUDIT_NAMES.includes(rule)) return null;
  const { wafRules } = await import("#src/waf/rules.ts");
  const kind = [WAF_OUTCOMES, WAF_FORMS].find((names) => names.some(({ name }) => name === rule)) ?? [];
  const others = new Set(kind.map(({ name }) => name).filter((name) => name !== rule));
  return () => wafRules(others);
}

/** The file with the rule of this name alone, or the whole of a service. */
function chooseRules(file: RuleFile, name: string): RuleFile[] {
  if (name === file.service) return [file];
  const rules = file.rules.filter((rule) => `${file.service}.${rule.name}` === name);
  return rules.length === 0 ? [] : [{ ...file, rules }];
}

function namesOf({ service, rules }: RuleFile): string[] {
  return [service, ...rules.map(({ name }) => `${service}.${name}`)];
}

function sourceOf(name: string, format: LogFormat): LogSource {
  return { name, kind: "file", paths: [], format, isForgeable: false };
}

function unknown(what: string, name: string | null, known: readonly string[]): UnknownName {
  const distinct = [...new Set(known)].sort();
  const like = suggest(name ?? "", distinct);
  const hint = like === undefined ? `expected one of ${distinct.slice(0, 40).join(", ")}` : `did you mean "${like}"`;
  return new UnknownName(`Cannot replay with the ${what} "${name}": there is none, ${hint}`);
}
