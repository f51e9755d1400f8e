import { resolve } from "node:path";
import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import type { Output } from "#src/cli/output.ts";
import { checkStatus } from "#src/cli/status-text.ts";
import { loadDrills } from "#src/drill/load-drills.ts";
import { putBackLeftovers } from "#src/drill/mode-change.ts";
import { type DrillResult, runDrill } from "#src/drill/run-drill.ts";

/** `garrison drill` */
export async function drill(
  { folders, output }: Context,
  options: { realFile?: string; timeout: number },
): Promise<void> {
  const [answer] = await askAll(folders.socket, { t: "status" });
  const status = checkStatus(answer, "status");
  if (status.root && process.getuid?.() !== 0)
    throw new Exit(EXIT.couldNot, "Cannot stage a drill: not root, the canaries are root's");
  for (const path of putBackLeftovers(folders.run)) {
    if (!output.isJson) output.line(`put back ${path}, which a drill that was killed had changed`);
  }
  const place = {
    canaries: folders.canaries,
    realFile: options.realFile === undefined ? null : resolve(options.realFile),
    runFolder: folders.run,
  };
  const results: DrillResult[] = [];
  for (const plan of await loadDrills(status.sensors.map(({ name }) => name))) {
    const result = await runDrill(plan, { socket: folders.socket, place, timeoutMs: options.timeout });
    if (result === null) continue;
    results.push(result);
    print(result, output);
  }
  const failed = results.filter(({ outcome }) => outcome !== "alerted");
  if (!output.isJson)
    output.line(
      failed.length === 0
        ? `all ${results.length} attacks were seen`
        : `${failed.length} of ${results.length} attacks were not seen`,
    );
  if (failed.length > 0) throw new Exit(EXIT.found);
}

function print(result: DrillResult, output: Output): void {
  if (output.isJson) return output.json(result);
  const { drill: name, outcome, alertedAfterMs, alert, detail } = result;
  const verdict =
    outcome === "alerted" ? output.style("green", `alerted after ${alertedAfterMs} ms`) : output.style("red", outcome);
  output.line(`${name.padEnd(20)} ${verdict}${alert === null ? "" : ` (${alert})`}  ${output.clean(detail, 300)}`);
}
