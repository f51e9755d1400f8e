/** Which rules a replay runs on a file. */
import { suggest } from "#src/lib/suggest.ts";
import type { LineRule, LogFormat, LogSource } from "../contract.ts";
import type { RuleFile } from "../rule.ts";
import { RULE_FILES } from "../rules/all.ts";
import { compileRules } from "../rules/compile.ts";
import { guessFormat } from "./guess-format.ts";
import type { ReplaySettings } from "./settings.ts";

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
  rulesOf(format: LogFormat): RuleSet;
}

/**
 * Garrison's own rules: of a source that is named those of its files, else those of the format that a file has.
 * @throws UnknownName for a rule, service or source that is not there
 */
export async function loadRules({ source, rule }: Pick<ReplaySettings, "source" | "rule">): Promise<RuleChoice> {
  const all = await Promise.all(RULE_FILES.map(({ load }) => load()));
  const ofSource = source === null ? all : all.filter(({ sources }) => sources.includes(source));
  if (ofSource.length === 0)
    throw unknown(
      "source",
      source,
      all.flatMap(({ sources }) => sources),
    );
  const chosen = rule === null ? ofSource : ofSource.flatMap((file) => chooseRules(file, rule));
  if (chosen.length === 0) throw unknown("rule", rule, all.flatMap(namesOf));
  const onlyFormat = source === null ? null : (ofSource[0]?.format ?? null);
  return {
    formatOf: (sample) => onlyFormat ?? guessFormat(sample),
    rulesOf: (format) => ({
      source: sourceOf(source ?? format, format),
      rules: compileRules(chosen.filter((file) => file.format === format)),
    }),
  };
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
