/**
 * Entry of the reader of recorded logs: parses what attackers wrote, with no privileges. Gets open files: how many comes as an
 * argument, because they must be kept before the settings are there.
 */
import { keepAcrossExec } from "#src/linux/descriptor.ts";
import { becomeConfined } from "#src/processes/confine.ts";

const FIRST_FILE_FD = 5;
const [, , files = "0"] = process.argv;
for (let index = 0; index < Number(files); index++) keepAcrossExec(FIRST_FILE_FD + index);
becomeConfined({ capabilities: [], writes: [], readOnlyMounts: false, internet: false });
const { startChild } = await import("#src/processes/child.ts");
const { runReplay } = await import("#src/logs/replay/replay.ts");
await runReplay(startChild("garrison-replay"));
