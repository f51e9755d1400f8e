import { checkAlert } from "#src/cli/alert-text.ts";
import { ask } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";

/** `garrison accept ALERT... [--for DURATION]` */
export async function accept(
  { folders, output }: Context,
  { for: forMs }: { for?: number },
  alerts: readonly string[],
): Promise<void> {
  for (const id of alerts) {
    await ask(folders.socket, { t: "accept", alert: id, forMs: forMs ?? null }, (item) => {
      const alert = checkAlert(item, "alert");
      if (output.isJson) output.json(alert);
      else output.line(`${alert.id} accepted: ${output.clean(alert.observed)}`);
    });
  }
}
