import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { checkStatus, statusLines } from "#src/cli/status-text.ts";

/** `garrison status` */
export async function status({ folders, output }: Context): Promise<void> {
  const [answer] = await askAll(folders.socket, { t: "status" });
  const checked = checkStatus(answer, "status");
  if (output.isJson) output.json(checked);
  else for (const line of statusLines(checked, output)) output.line(line);
}
