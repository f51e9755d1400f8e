import { actionLine, checkAction } from "#src/cli/action-text.ts";
import { ask } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";

/** `garrison undo ACTION` */
export async function undo({ folders, output }: Context, _options: object, id: string): Promise<void> {
  await ask(folders.socket, { t: "undo", action: id }, (item) => {
    const action = checkAction(item, "action");
    if (output.isJson) output.json(action);
    else output.line(actionLine(action, output));
  });
}
