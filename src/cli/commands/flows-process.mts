/** Runs `garrison flows` on its own, for tests: how to print, a state folder, options as JSON. */

import { Command } from "commander";
import { contextOf } from "#src/cli/context.ts";
import { Exit } from "#src/cli/exit.ts";
import { type FlowsOptions, flows } from "./flows.ts";

const [, , json = "text", state = "", options = "{}"] = process.argv;
const command = new Command("flows").option("--json").option("--state <dir>").option("--no-color");
command.parse([...(json === "json" ? ["--json"] : []), "--state", state], { from: "user" });
try {
  await flows(contextOf(command), { maxFlows: 10_000, ...(JSON.parse(options) as Pick<FlowsOptions, "pcap">) });
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  if (error.message !== "") process.stderr.write(`garrison: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
