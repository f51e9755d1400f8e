import { hostname } from "node:os";
import type { Context } from "#src/cli/context.ts";
import { loadConfig } from "#src/config/load.ts";
import type { LogsOptions } from "#src/logs/options.ts";
import { loadRuleFiles } from "#src/logs/rules/all.ts";
import { defaultSources } from "#src/logs/sources/default-sources.ts";
import { WAF_FORMS, WAF_OUTCOMES } from "#src/waf/rule-names.ts";

/** `garrison logs rules`: rules as they are configured, also without a running garrison. */
export async function listRules({ folders, output }: Context, _options: object, service?: string): Promise<void> {
  const config = await loadConfig({ path: folders.config, isExplicit: folders.isConfigNamed, host: hostname() });
  const logs = (config.sensors["logs"] ?? null) as unknown as LogsOptions | null;
  const sources = new Set((logs?.sources ?? defaultSources()).map(({ name }) => name));
  const files = [...(await loadRuleFiles(sources)), ...(logs?.ownRules ?? [])];
  for (const file of files.filter((one) => service === undefined || one.service === service)) {
    const rules = file.rules.map(({ name, sentence, outcome, weight = 1, pattern }) => {
      const full = `${file.service}.${name}`;
      return {
        name: full,
        sentence,
        outcome,
        weight,
        pattern,
        isDisabled: logs?.disabledRules.includes(full) ?? false,
      };
    });
    if (output.isJson) {
      for (const rule of rules) output.json({ ...rule, sources: file.sources });
      continue;
    }
    output.line(
      `${output.style("bold", output.clean(file.service))}  ${output.clean(file.sentence)} (${file.sources.join(", ")})`,
    );
    for (const { name, sentence, outcome, weight, isDisabled } of rules) {
      const counts = outcome === "success" ? "in favour" : `${weight} ${weight === 1 ? "point" : "points"}`;
      output.line(
        `  ${output.clean(name).padEnd(34)} ${(isDisabled ? "disabled" : counts).padEnd(10)} ${output.clean(sentence)}`,
      );
    }
  }
  const audited = (logs?.sources ?? defaultSources()).filter(({ format }) => format === "modsecurity");
  if (audited.length === 0 || (service !== undefined && service !== "modsecurity")) return;
  const names = audited.map((source) => source.name);
  if (!output.isJson) {
    output.line(`${output.style("bold", "modsecurity")}  Audit logs (${output.clean(names.join(", "))})`);
  }
  for (const { name, sentence, points } of [...WAF_OUTCOMES, ...WAF_FORMS]) {
    const isDisabled = logs?.disabledRules.includes(name) ?? false;
    if (output.isJson) output.json({ name, sentence, points, isDisabled, sources: names });
    else output.line(`  ${name.padEnd(34)} ${(isDisabled ? "disabled" : points).padEnd(10)} ${sentence}`);
  }
}
