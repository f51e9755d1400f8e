/** Entry of the sentry: sees, and changes nothing. The argument `counts`: there is a file in which the warden counts traffic. */
import { becomeConfined } from "#src/processes/confine.ts";
import { LOGS_FD, SENTRY_COUNTS_FD } from "#src/processes/descriptors.ts";

const hasCounts = process.argv[2] === "counts";
becomeConfined({
  capabilities: ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"],
  writes: null,
  readOnlyMounts: true,
  internet: false,
  inherited: hasCounts ? [LOGS_FD, SENTRY_COUNTS_FD] : [LOGS_FD],
});
const { startChild } = await import("#src/processes/child.ts");
const { runSentry } = await import("#src/sentry/sentry.ts");
runSentry(startChild("garrison-sentry"), LOGS_FD);
