/** Entry of the mind: decides, with no privileges. Its folder comes as an argument, because it is needed before the settings. */
import { becomeConfined } from "#src/processes/confine.ts";

const [, , stateFolder = "/"] = process.argv;
becomeConfined({ capabilities: [], writes: [stateFolder], readOnlyMounts: false, internet: true });
const { startChild } = await import("#src/processes/child.ts");
const { runMind } = await import("#src/mind/mind.ts");
await runMind(startChild("garrison-mind"));
