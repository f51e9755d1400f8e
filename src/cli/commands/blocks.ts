import { hostname } from "node:os";
import { join } from "node:path";
import { actionLine } from "#src/cli/action-text.ts";
import {
  checkFirewall,
  checkList,
  checkReported,
  checkReportSummary,
  firewallLines,
  listLine,
  reportedLine,
} from "#src/cli/block-text.ts";
import { ask } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { loadConfig } from "#src/config/load.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import { toAction } from "./block.ts";

/** `garrison blocks` */
export async function listBlocks({ folders, output }: Context, { limit }: { limit: number }): Promise<void> {
  await ask(folders.socket, { t: "blocks", limit }, (item) => {
    const kind = (item as JsonObject)["item"];
    if (kind === "firewall") {
      const firewall = checkFirewall(item, "firewall");
      if (output.isJson) output.json(firewall);
      else for (const line of firewallLines(firewall, output)) output.line(line);
      return;
    }
    if (kind === "list") {
      const list = checkList(item, "list");
      if (output.isJson) output.json(list);
      else output.line(listLine(list, output));
      return;
    }
    const action = toAction(item);
    if (output.isJson) output.json(action);
    else output.line(`${actionLine(action, output)}: ${output.clean(action.reason, 300)}`);
  });
}

/** `garrison blocks report` */
export async function reportBlocks({ folders, output }: Context, { last }: { last: number }): Promise<void> {
  await ask(folders.socket, { t: "blocks-report", sinceMs: last }, (item) => {
    if ((item as JsonObject)["item"] === "network") {
      const reported = checkReported(item, "network");
      if (output.isJson) output.json(reported);
      else output.line(reportedLine(reported, output));
      return;
    }
    const summary = checkReportSummary(item, "summary");
    if (output.isJson) return output.json(summary);
    const { mode, since, networks, blocked, wouldBlock, failed, rules } = summary;
    const did = mode === "observe" ? `${wouldBlock} blocks would have been` : `${blocked} blocks`;
    output.line(
      `since ${since.slice(0, 16).replace("T", " ")}: ${did}${failed > 0 ? `, ${failed} more that were not done` : ""}, of ${networks} networks`,
    );
    for (const { rule, count } of rules) output.line(`  ${String(count).padStart(6)}  ${output.clean(rule)}`);
    if (mode === "observe" && wouldBlock > 0)
      output.line("to have them blocked: blocks.mode: enforce in the configuration");
  });
}

/** `garrison blocks restore`: before the network is up, without a running garrison. */
export async function restore({ folders, output }: Context): Promise<void> {
  const { restoreBlocks } = await import("#src/warden/restore-blocks.ts");
  const { path, isExplicit } = { path: folders.config, isExplicit: folders.isConfigNamed };
  const { wardenBlocks } = await loadConfig({ path, isExplicit, host: hostname() });
  if (process.geteuid?.() !== 0) {
    throw new GarrisonError("GARRISON_NOT_ALLOWED", "Cannot restore blocks: not root, root is wanted");
  }
  const restored = await restoreBlocks(join(folders.state, "actions"), wardenBlocks);
  if (output.isJson) output.json(restored);
  else
    output.line(
      `${restored.blocked} blocks and ${restored.listed} networks of lists are in the kernel, by ${restored.backend}`,
    );
}
