/** Entry of the sentry: sees, and changes nothing. */
import { becomeConfined } from "#src/processes/confine.ts";
import { LOGS_FD } from "#src/processes/descriptors.ts";

becomeConfined({
  capabilities: ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"],
  writes: null,
  readOnlyMounts: true,
  internet: false,
  inherited: [LOGS_FD],
});
const { startChild } = await import("#src/processes/child.ts");
const { runSentry } = await import("#src/sentry/sentry.ts");
runSentry(startChild("garrison-sentry"), LOGS_FD);
