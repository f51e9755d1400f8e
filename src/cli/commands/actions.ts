import { actionLine, checkAction } from "#src/cli/action-text.ts";
import { ask, askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { wrongUse } from "#src/cli/exit.ts";
import type { Json } from "#src/model/json.ts";

/** `garrison actions [KIND ALERT]` */
export async function actions(
  context: Context,
  options: { for?: number; limit: number },
  kind?: string,
  alert?: string,
): Promise<void> {
  const { folders, output } = context;
  const print = (item: Json): void => {
    const action = checkAction(item, "action");
    if (output.isJson) output.json(action);
    else output.line(actionLine(action, output));
  };
  if (kind === undefined) {
    const items = await askAll(folders.socket, { t: "actions", limit: options.limit });
    items.toReversed().forEach(print);
    if (items.length === 0 && !output.isJson) output.line("no actions");
    return;
  }
  if (alert === undefined) throw wrongUse(`Cannot act: "${kind}" needs an alert, such as garrison actions ${kind} a17`);
  await ask(folders.socket, { t: "act", kind, alert, forMs: options.for ?? 0 }, print);
}
