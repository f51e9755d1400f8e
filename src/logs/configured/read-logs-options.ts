/** What the section `sensors.logs` comes to: the sources, the admin's own rules, jails of fail2ban. Runs in `up`, `doctor` and `logs`. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { configError } from "#src/config/problems.ts";
import { readConfigFile } from "#src/config/read.ts";
import { parseYamlText } from "#src/config/yaml-text.ts";
import { errnoOf, errorText, GarrisonError } from "#src/lib/errors.ts";
import { suggest } from "#src/lib/suggest.ts";
import type { LogFormat, LogSource } from "../contract.ts";
import type { JailSpec } from "../fail2ban/spec.ts";
import type { LogsOptions } from "../options.ts";
import type { RuleFile } from "../rule.ts";
import { defaultSources } from "../sources/default-sources.ts";

const MAX_RULE_FILES = 100;

/** The section, checked. */
export interface LogsSection {
  readonly journal: boolean;
  readonly sources: readonly {
    readonly name: string;
    readonly paths: readonly string[];
    readonly format: LogFormat;
    /** @default of syslog's */
    readonly forgeable?: boolean | undefined;
  }[];
  readonly without: readonly string[];
  readonly disabledRules: readonly string[];
  readonly rules: string;
  readonly fail2ban: { readonly from: string; readonly jails: readonly string[] } | null;
}

/**
 * @throws TypeError for names that nothing has; GarrisonError `GARRISON_CONFIG` for a rule file, with its path and line, and
 *   `GARRISON_FAIL2BAN_CONFIG`
 */
export async function readLogsOptions(section: LogsSection): Promise<LogsOptions> {
  const ownRules = await readRuleFiles(section.rules);
  const jails = section.fail2ban === null ? [] : await readNamedJails(section.fail2ban);
  const sources = withJails(configuredSources(section), jails);
  await checkNames(section, ownRules);
  return { sources, disabledRules: section.disabledRules, ownRules, jails };
}

function configuredSources({ journal, sources, without }: LogsSection): readonly LogSource[] {
  const shipped = defaultSources();
  const unknown = without.find((name) => !shipped.some((one) => one.name === name));
  if (unknown !== undefined)
    throw unknownName(
      "source",
      unknown,
      shipped.map(({ name }) => name),
    );
  const wanted = shipped.filter(({ name, kind }) => !without.includes(name) && (journal || kind !== "journal"));
  const merged = new Map(wanted.map((one) => [one.name, one]));
  for (const { name, paths, format, forgeable } of sources) {
    const known = merged.get(name);
    if (known !== undefined && (known.format !== format || known.kind !== "file")) {
      throw new TypeError(
        `source "${name}" is shipped as ${known.kind} of format ${known.format}, expected another name`,
      );
    }
    const isForgeable = (forgeable ?? format === "syslog") || known?.isForgeable === true;
    merged.set(name, { name, kind: "file", paths: [...(known?.paths ?? []), ...paths], format, isForgeable });
  }
  return [...merged.values()];
}

/** Logs of jails that no source has are sources of their own. */
function withJails(sources: readonly LogSource[], jails: readonly JailSpec[]): readonly LogSource[] {
  const all = [...sources];
  for (const { name, source } of jails) {
    const isKnown = (path: string): boolean => all.some(({ kind, paths }) => kind === "file" && paths.includes(path));
    const paths = source.kind === "file" ? source.paths.filter((path) => !isKnown(path)) : [];
    if (paths.length > 0) all.push({ ...source, name: `fail2ban-${name}`, paths });
  }
  return all;
}

async function readNamedJails({ from, jails }: NonNullable<LogsSection["fail2ban"]>): Promise<readonly JailSpec[]> {
  const { readJails } = await import("../fail2ban/read-jails.ts");
  const { HostConfigTree } = await import("../fail2ban/config/config-tree.ts");
  const found = readJails(new HostConfigTree(), { folder: from });
  return jails.map((name) => {
    const jail = found.jails.find((one) => one.name === name);
    if (jail !== undefined) return jail;
    const refused = found.refused.find((one) => one.name === name);
    if (refused !== undefined) throw new TypeError(`jail "${name}" cannot be taken over: ${refused.reason}`);
    throw unknownName(
      "enabled jail",
      name,
      found.jails.map((one) => one.name),
    );
  });
}

/** Files `*.yaml` of the folder in the order of their names; none when there is no such folder. */
async function readRuleFiles(folder: string): Promise<readonly RuleFile[]> {
  const names = listRuleFiles(folder);
  if (names.length === 0) return [];
  const { checkRuleFile } = await import("../rules/check-rule-file.ts");
  const files: RuleFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const yaml = parseYamlText((await readConfigFile(path, process.geteuid?.() ?? 0)) ?? "");
    if (yaml.problems.length > 0) throw configError(path, yaml.problems);
    try {
      files.push(checkRuleFile(yaml.value));
    } catch (error) {
      if (!(error instanceof GarrisonError)) throw error;
      throw configError(path, [{ line: null, text: errorText(error) }], { cause: error });
    }
  }
  return files;
}

function listRuleFiles(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    if (names.length <= MAX_RULE_FILES) return names.sort();
    throw new TypeError(`"${folder}" has ${names.length} rule files, expected at most ${MAX_RULE_FILES}`);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** A rule that is switched off by a name that nothing has would go on unseen. */
async function checkNames({ disabledRules }: LogsSection, ownRules: readonly RuleFile[]): Promise<void> {
  if (disabledRules.length === 0) return;
  const { loadRuleFiles } = await import("../rules/all.ts");
  const files = [...(await loadRuleFiles(new Set(defaultSources().map(({ name }) => name)))), ...ownRules];
  const { WAF_FORMS, WAF_OUTCOMES } = await import("#src/waf/rule-names.ts");
  const known = [
    ...files.flatMap(({ service, rules }) => rules.map(({ name }) => `${service}.${name}`)),
    ...[...WAF_OUTCOMES, ...WAF_FORMS].map(({ name }) => name),
  ];
  const unknown = disabledRules.find((name) => !known.includes(name) && !name.startsWith("fail2ban:"));
  if (unknown !== undefined) throw unknownName("rule", unknown, known);
}

function unknownName(what: string, name: string, known: readonly string[]): TypeError {
  const near = suggest(name, known);
  const wanted = near === undefined ? `expected one of ${known.slice(0, 30).join(", ")}` : `did you mean "${near}"?`;
  return new TypeError(`there is no ${what} "${name}", ${wanted}`);
}
