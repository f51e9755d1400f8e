/** Entry of the reader of captures: parses what strangers sent, with no privileges. Gets the open file as descriptor 5. */
import { keepAcrossExec } from "#src/linux/descriptor.ts";
import { becomeConfined } from "#src/processes/confine.ts";

const CAPTURE_FD = 5;
keepAcrossExec(CAPTURE_FD);
becomeConfined({ capabilities: [], writes: [], readOnlyMounts: false, internet: false });
const { startChild } = await import("#src/processes/child.ts");
const { runFlows } = await import("#src/flows/run-flows.ts");
await runFlows(startChild("garrison-flows"));
