/** Entry of the reader of captures: parses what strangers sent, with no privileges. Gets the open file. */
import { becomeReader } from "#src/processes/become-reader.ts";

becomeReader(1);
const { startChild } = await import("#src/processes/child.ts");
const { runFlows } = await import("#src/flows/run-flows.ts");
await runFlows(startChild("garrison-flows"));
