import { hostname } from "node:os";
import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { runProbes } from "#src/cli/probes.ts";
import { checkStatus, type Status } from "#src/cli/status-text.ts";
import { loadConfig } from "#src/config/load.ts";
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";

/** `garrison doctor`: of a running garrison its configuration, else that of the file. */
export async function doctor({ folders, output }: Context): Promise<void> {
  const config = await loadConfig({ path: folders.config, isExplicit: folders.isConfigNamed, host: hostname() });
  const running = await askRunning(folders.socket);
  const probes = runProbes();
  const isOther = running.config !== null && running.config !== config.effectiveYaml;
  const narrow = probes.filter(({ works }) => !works);
  const blind = running.status?.sensors.filter(({ state }) => state !== "watching") ?? [];
  if (output.isJson) {
    output.json({
      source: config.source,
      config: config.effectiveYaml,
      isRunning: running.status !== null,
      runsOtherConfig: isOther,
      probes,
      sensors: running.status?.sensors ?? [],
    });
  } else {
    output.line(output.style("bold", `configuration in force (${config.source})`));
    for (const line of config.effectiveYaml.trimEnd().split("\n")) output.line(`  ${output.clean(line)}`);
    if (isOther)
      output.line(
        output.style("yellow", "  the running garrison was started with another one: start it again to use this"),
      );
    output.line(output.style("bold", "what this machine allows"));
    for (const { name, works, found, wider } of probes) {
      output.line(
        `  ${works ? output.style("green", "yes") : output.style("yellow", "no ")}  ${name.padEnd(17)} ${output.clean(found, 200)}${works ? "" : `\n       would widen its sight: ${wider}`}`,
      );
    }
    output.line(
      output.style(
        "bold",
        running.status === null ? `not running: ${running.why}` : "what the running sensors cannot see",
      ),
    );
    for (const { name, blindTo } of running.status?.sensors ?? [])
      for (const sentence of blindTo) output.line(`  ${name.padEnd(10)} ${output.clean(sentence)}`);
  }
  if (narrow.length > 0 || blind.length > 0 || isOther) throw new Exit(EXIT.found);
}

async function askRunning(socket: string): Promise<{ status: Status | null; config: string | null; why: string }> {
  try {
    const [answer] = await askAll(socket, { t: "doctor" });
    const { status, config } = answer as JsonObject;
    return { status: checkStatus(status, "status"), config: String(config), why: "" };
  } catch (error) {
    return { status: null, config: null, why: errorText(error) };
  }
}
