import { once } from "node:events";
import { closeSync } from "node:fs";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit, wrongUse } from "#src/cli/exit.ts";
import { FlowsReport } from "#src/cli/flows-report.ts";
import { openInput } from "#src/cli/open-input.ts";
import { readFrames } from "#src/cli/read-frames.ts";
import { flowsMessage } from "#src/flows/messages.ts";
import { MAX_ORDINARY, parseOrdinaryEnd } from "#src/flows/ordinary-ends.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { errorText } from "#src/lib/errors.ts";
import { startReader } from "#src/up/start-reader.ts";

/** Options of the command. */
export interface FlowsOptions {
  /** The capture; `-` is standard input. */
  readonly pcap: string;
  /** Services that are ordinary, with commas between them. @default none */
  readonly ordinary?: string;
  /** Such as `50000-50100`. @default not known */
  readonly passiveRange?: string;
  /** Show what is explained too. @default false */
  readonly all?: true;
  /** Flows that are remembered at once. */
  readonly maxFlows: number;
}

/**
 * `garrison flows --pcap FILE`, also without a running garrison. Exit code 0 when every flow is explained, 1 when one is not, 3 when the
 * capture could not be read to its end: what could be read is told all the same.
 */
export async function flows({ output, folders }: Context, options: FlowsOptions): Promise<void> {
  const ordinary = ordinaryOf(options.ordinary);
  const passiveRange = options.passiveRange === undefined ? null : rangeOf(options.passiveRange);
  const capture = openInput(options.pcap);
  if (typeof capture === "string") throw new Exit(EXIT.couldNot, capture);
  const { fd, sizeBytes } = capture;
  const settings = { isRegular: sizeBytes !== null, ordinary, passiveRange, maxFlows: options.maxFlows };
  const running = startReader(
    { entry: "garrison-flows", words: ["1"], maxHeapMiB: 160, settings, fds: [fd] },
    folders.state,
  );
  if (fd > 2) closeSync(fd);
  const report = new FlowsReport(output, { name: options.pcap, showsAll: options.all === true });
  for await (const message of readFrames(running.messages, flowsMessage)) {
    report.take(message);
    if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
  }
  const failure = await running.ended();
  if (failure !== null || report.end === null) {
    const how = cleanText(failure ?? "too early");
    throw new Exit(EXIT.couldNot, `Cannot read "${cleanText(options.pcap)}" to its end: the reader has ended (${how})`);
  }
  if (report.end.problem !== null) {
    throw new Exit(
      EXIT.couldNot,
      `Cannot read "${cleanText(options.pcap)}" to its end: ${cleanText(report.end.problem)}`,
    );
  }
  if (report.hasUnexplained) throw new Exit(EXIT.found);
}

function ordinaryOf(text: string | undefined): string[] {
  const ends = (text ?? "").split(",").filter((one) => one !== "");
  if (ends.length > MAX_ORDINARY)
    throw wrongUse(`Cannot take ${ends.length} services as ordinary: at most ${MAX_ORDINARY}`);
  try {
    ends.forEach(parseOrdinaryEnd);
  } catch (error) {
    throw wrongUse(cleanText(errorText(error)));
  }
  return ends;
}

function rangeOf(text: string): [low: number, high: number] {
  const [, low = "", high = ""] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range: [number, number] = [Number(low), Number(high)];
  if (low === "" || range[0] > range[1] || range[1] > 65_535)
    throw wrongUse(`Cannot take "${cleanText(text)}" as a range of ports: expected a text such as "50000-50100"`);
  return range;
}
