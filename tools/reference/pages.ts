/** The pages of docs/reference/, made from the code. */
import { describeConfig } from "#src/config/reference.ts";
import { describeAlerts } from "./alerts.ts";
import { describeCommands } from "./commands.ts";
import { describeErrors } from "./errors.ts";
import { NOTE } from "./note.ts";

/** Markdown by path from the root of the tree. */
export async function referencePages(root: string): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["docs/reference/alerts.md", await describeAlerts()],
    ["docs/reference/commands.md", describeCommands()],
    ["docs/reference/configuration.md", `${NOTE}${await describeConfig()}`],
    ["docs/reference/errors.md", describeErrors(root)],
  ]);
}
