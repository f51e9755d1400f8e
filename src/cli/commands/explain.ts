import { alertLine, alertText, checkAlert } from "#src/cli/alert-text.ts";
import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";

/** `garrison explain ALERT` */
export async function explain({ folders, output }: Context, _options: object, id: string): Promise<void> {
  const [answer] = await askAll(folders.socket, { t: "explain", alert: id });
  const { alert: given, incident } = answer as JsonObject;
  const alert = checkAlert(given, "alert") as Alert;
  const others = (Array.isArray(incident) ? incident : []).map((one) => checkAlert(one, "incident") as Alert);
  if (output.isJson) return output.json({ ...alert, sameIncident: others.map((other) => other.id) });
  for (const line of alertText(alert, output)) output.line(line);
  if (others.length === 0) return;
  output.line(`  also in ${alert.incident}:`);
  for (const other of others) output.line(`    ${alertLine(other, output)}`);
}
