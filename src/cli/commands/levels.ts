import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import type { Output } from "#src/cli/output.ts";
import { sparkline } from "#src/lib/sparkline.ts";
import { splitSeries } from "#src/ordinary/levels/series-name.ts";
import { bandText, formatLevel } from "#src/ordinary/levels/words.ts";
import { type Checked, flag, list, nullable, number, object, oneOf, text } from "#src/wire/check.ts";

const SHOWN_FIRST = 20;
/** An hour each. */
const PICTURE_WIDTH = 24;

/** One series, as the mind sends it. */
export const checkSeries = object({
  sensor: text(64),
  series: text(256),
  unit: text(64),
  scope: text(512),
  value: number,
  at: text(32),
  expectedLow: nullable(number),
  expectedHigh: nullable(number),
  state: oneOf(["learning", "ordinary", "high", "low"]),
  isTold: flag,
  day: list(nullable(number), 48),
});
type Series = Checked<typeof checkSeries>;

interface ShowOptions {
  readonly all?: true;
  readonly only?: string;
}

/** `garrison levels`: each series with what is ordinary for it now, and its last day. Exit code 1 when one is unusual. */
export async function showLevels({ folders, output }: Context, { all, only = "" }: ShowOptions): Promise<void> {
  const items = await askAll(folders.socket, { t: "levels" });
  const series = items.map((item) => checkSeries(item, "series")).filter((one) => isWanted(one, only.toLowerCase()));
  if (output.isJson) output.jsonLines(series);
  else showText(series, output, all === true || only !== "");
  if (series.some(isUnusual)) throw new Exit(EXIT.found);
}

function showText(series: readonly Series[], output: Output, isAll: boolean): void {
  if (series.length === 0) output.line("no levels are known yet: they come within a minute of the start");
  for (const [kind, ofKind] of Map.groupBy(series, (one) => splitSeries(one.series).kind)) {
    // Those that are unusual first, then the highest.
    const sorted = ofKind.toSorted(
      (one, other) => Number(isUnusual(other)) - Number(isUnusual(one)) || other.value - one.value,
    );
    const shown = isAll ? sorted : sorted.slice(0, SHOWN_FIRST);
    output.line(output.style("bold", output.clean(kind, 64)));
    for (const one of shown) output.line(seriesLine(one, output));
    if (shown.length < sorted.length)
      output.line(output.style("dim", `  and ${sorted.length - shown.length} more: --all`));
  }
}

function seriesLine({ scope, unit, value, state, expectedLow, expectedHigh, day }: Series, output: Output): string {
  const picture = sparkline(
    day.map((one) => one ?? Number.NaN),
    { width: PICTURE_WIDTH },
  );
  const band =
    expectedLow === null || expectedHigh === null
      ? "being learnt"
      : `ordinary ${bandText({ expectedLow, expectedHigh, basis: "all" })}`;
  const isOdd = state === "high" || state === "low";
  const amount = `${formatLevel(value)} ${output.clean(unit, 64)}`.padStart(24);
  const parts = [isOdd ? output.style("red", amount) : amount, output.clean(scope, 52).padEnd(52), picture];
  const judgement = isOdd ? [output.style("red", `unusually ${state}`)] : [];
  return `  ${parts.join(" ")}  ${[...judgement, output.style("dim", band)].join(", ")}`;
}

function isUnusual({ state }: Series): boolean {
  return state === "high" || state === "low";
}

function isWanted({ sensor, series, scope }: Series, wanted: string): boolean {
  return [sensor, series, scope].some((one) => one.toLowerCase().includes(wanted));
}
