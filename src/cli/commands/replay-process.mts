/** Runs `garrison logs replay` on its own, for tests: how to print, a state folder, options as JSON, then files. */
import { replay } from "./logs-replay.ts";
import { runAlone } from "./run-alone.mts";

const [, , kind = "text", state = "", options = "{}", ...files] = process.argv;
await runAlone(kind, state, (context) => replay(context, JSON.parse(options) as object, files));
