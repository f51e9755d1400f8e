/** The child that reads a capture for `garrison flows`: without privileges, because a capture is what strangers sent. */
import type { Child } from "#src/processes/child.ts";
import { FIRST_READER_FD } from "#src/processes/descriptors.ts";
import { tellFrame } from "#src/processes/tell-frame.ts";
import { readCapture } from "./capture/read-capture.ts";
import { FlowEngine } from "./flow-engine.ts";
import { cutReason, type FlowsEnd, type FlowsSettings, type FlowTuple, MAX_FRAME_FLOWS, tupleOf } from "./messages.ts";
import { parseOrdinaryEnd } from "./ordinary-ends.ts";

const PROGRESS_MS = 200;

/** Runs to the end of the capture; messages go to the descriptor. */
export async function runFlows({ settings, listenFd: fd }: Child<FlowsSettings>): Promise<void> {
  const flows: FlowTuple[] = [];
  const flush = (): void => {
    if (flows.length > 0) tellFrame(fd, { t: "flows", flows: flows.splice(0) });
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
  const telling = setInterval(() => tellFrame(fd, { t: "progress", packets: engine.totals.packets }), PROGRESS_MS);
  const problem = await readCapture({ fd: FIRST_READER_FD, isRegular: settings.isRegular }, engine);
  clearInterval(telling);
  engine.end();
  flush();
  const end: FlowsEnd = {
    t: "end",
    ...engine.totals,
    ftp: { ...engine.ftp },
    problem: problem === null ? null : cutReason(problem),
  };
  tellFrame(fd, end);
  process.exit(0);
}
