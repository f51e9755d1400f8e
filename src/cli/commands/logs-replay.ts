import { once } from "node:events";
import { closeSync } from "node:fs";
import { hostname } from "node:os";
import type { BlocksOptions } from "#src/blocks/options.ts";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit, wrongUse } from "#src/cli/exit.ts";
import { openInput } from "#src/cli/open-input.ts";
import { readFrames } from "#src/cli/read-frames.ts";
import { ReplayProgress } from "#src/cli/replay-progress.ts";
import { ReplayReport } from "#src/cli/replay-report.ts";
import { loadConfig, parseConfig } from "#src/config/load.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { errorText } from "#src/lib/errors.ts";
import type { FilterSpec } from "#src/logs/fail2ban/spec.ts";
import { MAX_FILES, replayMessage } from "#src/logs/replay/messages.ts";
import type { Folders } from "#src/processes/folders.ts";
import { startReplay } from "#src/up/start-replay.ts";

/** Options of the command. */
export interface ReplayOptions {
  /** A rule or a service, such as `sshd.failed` or `sshd`. @default all */
  readonly rule?: string;
  /** A filter of fail2ban with its parameters, such as `sshd[mode=aggressive]`, in place of Garrison's rules. @default none */
  readonly filter?: string;
  /** Name of a source: its rules and its format. @default by what stands in the files */
  readonly source?: string;
}

/**
 * `garrison logs replay FILE...`, also without a running garrison. Exit code 0 when nothing was found, 1 when something was, 3 when a
 * file could not be read to its end: what could be read is told all the same.
 */
export async function replay(context: Context, options: ReplayOptions, names: readonly string[]): Promise<void> {
  const { output, folders, root } = context;
  const { source = null, rule = null, filter } = options;
  if (filter !== undefined && (source !== null || rule !== null))
    throw wrongUse("Cannot replay with a filter of fail2ban and rules of Garrison at once: give one of them");
  if (names.length > MAX_FILES) throw wrongUse(`Cannot replay ${names.length} files: at most ${MAX_FILES} at a time`);
  if (names.indexOf("-") !== names.lastIndexOf("-"))
    throw wrongUse('Cannot replay "-" twice: there is one standard input');
  const opened = names.map(openInput);
  const files = opened.filter((one) => typeof one !== "string");
  const problems = opened.filter((one) => typeof one === "string");
  for (const problem of problems) process.stderr.write(`garrison: ${problem}\n`);
  if (files.length === 0) throw new Exit(EXIT.couldNot);
  const { policy, allow, proxies } = await blocksOf(folders);
  const spec = filter === undefined ? null : await readFilterOf(filter, root);
  const running = startReplay({ files, source, rule, filter: spec, policy, allow, proxies }, folders.state);
  for (const { fd } of files) if (fd > 2) closeSync(fd);
  const report = new ReplayReport(files, output);
  const progress = new ReplayProgress(files);
  for await (const message of readFrames(running.messages, replayMessage)) {
    if (message.t === "progress") progress.show(message);
    else if (message.t === "refused")
      throw new Exit(message.isUse ? EXIT.wrongUse : EXIT.couldNot, cleanText(message.reason));
    else {
      progress.clear();
      report.take(message);
    }
    if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
  }
  progress.clear();
  const failure = await running.ended();
  if (failure !== null || !report.isComplete) {
    throw new Exit(
      EXIT.couldNot,
      `Cannot replay to the end: the reader has ended (${cleanText(failure ?? "too early")})`,
    );
  }
  if (problems.length > 0 || report.hasProblems) throw new Exit(EXIT.couldNot);
  if (report.hasHits) throw new Exit(EXIT.found);
}

/** When addresses are blocked: as configured, for whoever may read the configuration. */
async function blocksOf({ config: path, isConfigNamed: isExplicit }: Folders): Promise<BlocksOptions> {
  try {
    return (await loadConfig({ path, isExplicit, host: hostname() })).blocks;
  } catch (error) {
    if (isExplicit || process.getuid?.() === 0) throw error;
    process.stderr.write(`garrison: ${cleanText(errorText(error))}; the defaults are taken\n`);
    return (await parseConfig("", { path, host: hostname() })).blocks;
  }
}

async function readFilterOf(name: string, root: string): Promise<FilterSpec> {
  const { readFilter } = await import("#src/logs/fail2ban/read-filter.ts");
  const { HostConfigTree } = await import("#src/logs/fail2ban/config/config-tree.ts");
  return readFilter(new HostConfigTree(root), name);
}
