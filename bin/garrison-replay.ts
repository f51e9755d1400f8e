/**
 * Entry of the reader of recorded logs: parses what attackers wrote, with no privileges. Gets open files: how many comes as an
 * argument, because they must be kept before the settings are there.
 */
import { becomeReader } from "#src/processes/become-reader.ts";

const [, , files = "0"] = process.argv;
becomeReader(Number(files));
const { startChild } = await import("#src/processes/child.ts");
const { runReplay } = await import("#src/logs/replay/replay.ts");
await runReplay(startChild("garrison-replay"));
