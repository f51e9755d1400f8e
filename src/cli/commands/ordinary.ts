import { ask } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import type { Output } from "#src/cli/output.ts";
import type { JsonObject } from "#src/model/json.ts";

/** `garrison ordinary [SENSOR]` */
export async function ordinary({ folders, output }: Context, _options: object, sensor?: string): Promise<void> {
  let last = "";
  await ask(folders.socket, { t: "ordinary", sensor: sensor ?? null }, (item) => {
    if (output.isJson) return output.json(item);
    const one = item as JsonObject;
    if (one["sensor"] !== last) output.line(output.style("bold", output.clean(one["sensor"], 64)));
    last = String(one["sensor"]);
    output.line(describe(one, output));
  });
}

function describe({ type, group, text, standing, how, count, away }: JsonObject, output: Output): string {
  if (type === "group") return `  ${output.clean(group || "all", 200)}: ${output.style("dim", output.clean(text))}`;
  const marks = [
    ...(standing === "unusual" ? ["not accepted"] : []),
    ...(how === "accepted" ? ["accepted"] : []),
    ...(away === true ? ["away"] : []),
    ...(typeof count === "number" && count > 1 ? [`seen ${count} times`] : []),
  ];
  return `    ${output.clean(text)}${marks.length === 0 ? "" : output.style("dim", ` (${marks.join(", ")})`)}`;
}
