import { actionLine, checkAction } from "#src/cli/action-text.ts";
import { checkRehearsal, rehearsalLines } from "#src/cli/block-text.ts";
import { ask } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import type { Action } from "#src/model/action.ts";
import type { Json, JsonObject } from "#src/model/json.ts";

/** Options of `garrison block`. */
export interface BlockOptions {
  readonly for?: number;
  readonly port?: readonly number[];
  readonly reason?: string;
  readonly private?: true;
  readonly dryRun?: true;
}

/** `garrison block ADDR|CIDR` */
export async function block({ folders, output }: Context, options: BlockOptions, network: string): Promise<void> {
  const request = {
    t: "block" as const,
    network,
    ports: options.port ?? [],
    forMs: options.for ?? 0,
    reason: options.reason ?? "",
    isPrivateMeant: options.private === true,
    isDryRun: options.dryRun === true,
  };
  let isRefused = false;
  await ask(folders.socket, request, (item) => {
    if ((item as JsonObject)["item"] === "rehearsal") {
      const rehearsal = checkRehearsal(item, "rehearsal");
      isRefused = rehearsal.refusal !== null;
      if (output.isJson) output.json(rehearsal);
      else for (const line of rehearsalLines(rehearsal, output)) output.line(line);
      return;
    }
    const action = toAction(item);
    if (output.isJson) output.json(action);
    else output.line(actionLine(action, output));
  });
  if (isRefused) throw new Exit(EXIT.couldNot);
}

/** `garrison unblock ADDR|CIDR|xN...` */
export async function unblock({ folders, output }: Context, _options: object, all: readonly string[]): Promise<void> {
  let failed = 0;
  for (const what of all) {
    await ask(folders.socket, { t: "unblock", what }, (item) => {
      const action = toAction(item);
      if (action.failure !== null) failed++;
      if (output.isJson) output.json(action);
      else output.line(actionLine(action, output));
    });
  }
  if (failed > 0) throw new Exit(EXIT.couldNot, `Cannot unblock ${failed} of them: the reason stands behind each`);
}

/** An action of the mind's answers about blocks. */
export function toAction(item: Json): Action {
  const { item: _, ...action } = item as JsonObject;
  return checkAction(action, "action");
}
