/** Runs `garrison logs replay` on its own, for tests: options as JSON, then files. */

import { Command } from "commander";
import { contextOf } from "#src/cli/context.ts";
import { Exit } from "#src/cli/exit.ts";
import { replay } from "./logs-replay.ts";

const [, , json = "text", state = "", options = "{}", ...files] = process.argv;
const command = new Command("replay")
  .option("--json")
  .option("--state <dir>")
  .option("--no-color")
  .option("--config <file>");
command.parse([...(json === "json" ? ["--json"] : []), "--state", state], { from: "user" });
try {
  await replay(contextOf(command), JSON.parse(options) as object, files);
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  if (error.message !== "") process.stderr.write(`garrison: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
