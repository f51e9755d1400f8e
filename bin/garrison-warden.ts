/** Entry of the warden: acts, and reads nothing hostile. Its folders come as arguments, because they are needed before the settings. */
import { becomeConfined } from "#src/processes/confine.ts";

const [, , journalFolder = "/", actionsFolder = "/"] = process.argv;
becomeConfined({
  capabilities: [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_NET_ADMIN",
    "CAP_SYS_PTRACE",
  ],
  writes: [journalFolder, actionsFolder],
  readOnlyMounts: false,
  internet: false,
});
const { startChild } = await import("#src/processes/child.ts");
const { runWarden } = await import("#src/warden/warden.ts");
await runWarden(startChild("garrison-warden"));
