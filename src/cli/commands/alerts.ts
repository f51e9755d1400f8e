import { alertLine, checkAlert } from "#src/cli/alert-text.ts";
import { ask, askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT } from "#src/cli/exit.ts";
import type { Alert, AlertState } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

/** Options of `garrison alerts`. */
export interface AlertsOptions {
  readonly which: AlertState | "all";
  readonly severity?: Severity;
  readonly kind?: string;
  readonly since?: number;
  readonly limit: number;
  readonly follow?: true;
}

/** `garrison alerts` */
export async function alerts({ folders, output }: Context, options: AlertsOptions): Promise<void> {
  const { which, severity, kind, since, limit, follow } = options;
  const items = await askAll(folders.socket, {
    t: "alerts",
    state: which === "all" ? null : which,
    severity: severity ?? null,
    kind: kind ?? null,
    sinceUnixMs: since === undefined ? null : Date.now() - since,
    limit,
  });
  const print = (item: Json): void => {
    const alert = checkAlert(item, "alert") as Alert;
    if (output.isJson) output.json(alert);
    else output.line(alertLine(alert, output));
  };
  items.forEach(print);
  if (items.length === 0 && !output.isJson && follow !== true)
    output.line(`no ${which === "all" ? "" : `${which} `}alerts`);
  if (follow !== true) {
    process.exitCode = items.length > 0 ? EXIT.found : EXIT.done;
    return;
  }
  await ask(folders.socket, { t: "watch", afterAlert: null, sinceUnixMs: null }, (item) => {
    const { event, alert } = item as JsonObject;
    if (event === "alert" && alert !== undefined) print(alert);
  });
}
