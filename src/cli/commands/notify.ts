import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { flag, object, text } from "#src/wire/check.ts";

const checkResult = object({ channel: text(64), ok: flag, detail: text(4096) });

/** `garrison notify test` */
export async function testNotify({ folders, output }: Context): Promise<void> {
  const results = (await askAll(folders.socket, { t: "notify-test" })).map((item) => checkResult(item, "result"));
  for (const result of results) {
    if (output.isJson) output.json(result);
    else
      output.line(
        `${result.channel.padEnd(8)} ${result.ok ? output.style("green", "sent") : output.style("red", "failed")}  ${output.clean(result.detail)}`,
      );
  }
  if (results.some(({ ok }) => !ok)) throw new Exit(EXIT.couldNot);
}
