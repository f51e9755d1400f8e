import { askAll } from "#src/cli/client.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { formatDuration } from "#src/lib/duration.ts";
import { formatSize } from "#src/lib/size.ts";
import { type Checked, integer, list, nullable, object, oneOf, text } from "#src/wire/check.ts";

const COUNT = integer(0);

const checkSource = object({
  item: oneOf(["source"]),
  source: text(64),
  kind: oneOf(["file", "journal"]),
  files: COUNT,
  behindBytes: nullable(COUNT),
  missing: list(text(4096), 1000),
  unreadable: list(object({ path: text(8192), reason: text(1024) }), 1000),
  lines: COUNT,
  bytes: COUNT,
  tooLong: COUNT,
  lastHitAt: nullable(text(32)),
  gaps: COUNT,
  dropped: COUNT,
});

const checkRule = object({
  item: oneOf(["rule"]),
  rule: text(256),
  source: text(64),
  hits: COUNT,
  lastAt: nullable(text(32)),
  searches: COUNT,
  cpuMs: COUNT,
  disabled: nullable(text(2000)),
});

/** `garrison logs`: what is read, how far, and what rules found. Exit code 1 when a rule is disabled or a log cannot be read. */
export async function showLogs({ folders, output }: Context, { all }: { all?: true }): Promise<void> {
  const items = await askAll(folders.socket, { t: "logs" });
  const isSource = (item: unknown): boolean => (item as { item?: unknown }).item === "source";
  const sources = items.filter(isSource).map((item) => checkSource(item, "source"));
  const rules = items.filter((item) => !isSource(item)).map((item) => checkRule(item, "rule"));
  const isWrong = rules.some(({ disabled }) => disabled !== null) || sources.some((one) => one.unreadable.length > 0);
  if (output.isJson) output.jsonLines([...sources, ...rules]);
  else {
    for (const one of sources.filter(({ files }) => files > 0 || all === true)) {
      output.line(sourceLine(one));
      if (all === true) for (const path of one.missing) output.line(`  not there yet: ${output.clean(path, 300)}`);
    }
    const absent = sources.filter(({ files }) => files === 0).map(({ source }) => source);
    if (absent.length > 0 && all !== true) output.line(`not here: ${absent.join(", ")}`);
    for (const { unreadable } of sources)
      for (const { path, reason } of unreadable)
        output.line(`${output.style("yellow", "cannot read")} ${output.clean(path, 300)}: ${output.clean(reason)}`);
    for (const one of rules.filter(({ hits, disabled }) => hits > 0 || disabled !== null || all === true)) {
      const state = one.disabled === null ? "" : `  ${output.style("red", "disabled")}: ${output.clean(one.disabled)}`;
      output.line(`${ruleLine(one, output.clean(one.rule))}${state}`);
    }
  }
  if (isWrong) throw new Exit(EXIT.found);
}

function sourceLine({
  source,
  files,
  behindBytes,
  lines,
  bytes,
  tooLong,
  lastHitAt,
}: Checked<typeof checkSource>): string {
  const parts = [
    `${files} ${files === 1 ? "file" : "files"}`,
    `${lines} lines (${formatSize(bytes)})`,
    ...(behindBytes === null || behindBytes === 0 ? [] : [`behind by ${formatSize(behindBytes)}`]),
    ...(tooLong === 0 ? [] : [`${tooLong} lines were longer than 64 KiB`]),
    ...(lastHitAt === null ? [] : [`last hit ${formatDuration(Math.max(0, Date.now() - Date.parse(lastHitAt)))} ago`]),
  ];
  return `${source.padEnd(18)} ${parts.join(", ")}`;
}

function ruleLine({ source, hits, searches, cpuMs }: Checked<typeof checkRule>, name: string): string {
  return `  ${name.padEnd(34)} ${String(hits).padStart(8)} hits of ${String(searches).padStart(8)} lines looked at, ${cpuMs} ms of CPU (${source})`;
}
