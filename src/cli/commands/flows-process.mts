/** Runs `garrison flows` on its own, for tests: how to print, a state folder, options as JSON. */
import { type FlowsOptions, flows } from "./flows.ts";
import { runAlone } from "./run-alone.mts";

const [, , kind = "text", state = "", options = "{}"] = process.argv;
const given = JSON.parse(options) as Pick<FlowsOptions, "pcap">;
await runAlone(kind, state, (context) => flows(context, { maxFlows: 10_000, ...given }));
