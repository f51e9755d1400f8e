/** Helper of tests: runs one command as a process of its own, without the rest of the command line. Not shipped (`.mts`). */
import { Command } from "commander";
import { type Context, contextOf } from "#src/cli/context.ts";
import { Exit } from "#src/cli/exit.ts";

/** @param kind `json`, or how people see it @param state the state folder */
export async function runAlone(kind: string, state: string, run: (context: Context) => Promise<void>): Promise<void> {
  const command = new Command().option("--json").option("--state <dir>").option("--no-color").option("--config <file>");
  command.parse([...(kind === "json" ? ["--json"] : []), "--state", state], { from: "user" });
  try {
    await run(contextOf(command));
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    if (error.message !== "") process.stderr.write(`garrison: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
