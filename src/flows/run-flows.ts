/** The child that reads a capture for `garrison flows`: without privileges, because a capture is what strangers sent. */
import { writeSync } from "node:fs";
import type { Child } from "#src/processes/child.ts";
import { encodeFrame } from "#src/wire/frames.ts";
import { readCapture } from "./capture/read-capture.ts";
import { FlowEngine } from "./flow-engine.ts";
import { cutReason, type FlowsEnd, type FlowsSettings, type FlowTuple, MAX_FRAME_FLOWS, tupleOf } from "./messages.ts";
import { parseOrdinaryEnd } from "./ordinary-ends.ts";

const CAPTURE_FD = 5;
const PROGRESS_MS = 200;

/** Runs to the end of the capture; messages go to the descriptor. */
export async function runFlows({ settings, listenFd: fd }: Child<FlowsSettings>): Promise<void> {
  const flows: FlowTuple[] = [];
  const flush = (): void => {
    if (flows.length > 0) writeAll(fd, encodeFrame({ t: "flows", flows: flows.splice(0) }));
  };
  const engine = new FlowEngine({
    maxFlows: settings.maxFlows,
    ordinary: settings.ordinary.map(parseOrdinaryEnd),
    passiveRange: settings.passiveRange,
    onFlow: (flow) => {
      flows.push(tupleOf(flow));
      if (flows.length >= MAX_FRAME_FLOWS) flush();
    },
  });
  const telling = setInterval(
    () => writeAll(fd, encodeFrame({ t: "progress", packets: engine.totals.packets })),
    PROGRESS_MS,
  );
  const problem = await readCapture({ fd: CAPTURE_FD, isRegular: settings.isRegular }, engine);
  clearInterval(telling);
  engine.end();
  flush();
  const end: FlowsEnd = {
    t: "end",
    ...engine.totals,
    ftp: { ...engine.ftp },
    problem: problem === null ? null : cutReason(problem),
  };
  writeAll(fd, encodeFrame(end));
  process.exit(0);
}

/** The pipe blocks: the command is never outrun. */
function writeAll(fd: number, frame: string): void {
  const bytes = Buffer.from(frame);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
