/**
 * Entry of the warden: acts, and reads nothing hostile. What it is confined to comes as arguments, because it is needed before the
 * settings: its folders, how packets are dropped, and whether there is a file for counts of traffic.
 */
import { prepareIptablesLock } from "#src/linux/iptables-lock.ts";
import { whyNoNfTables } from "#src/linux/nf-tables-firewall.ts";
import { landlockVersion } from "#src/linux/privileges.ts";
import { becomeConfined } from "#src/processes/confine.ts";
import { WARDEN_COUNTS_FD } from "#src/processes/descriptors.ts";

const [, , journalFolder = "/", actionsFolder = "/", webFolder = "/", backend = "off", counts = "off"] = process.argv;
// Only who has chosen iptables, or has nothing else, gets what iptables needs.
const mayBlock = process.getuid?.() === 0 && backend !== "off";
const usesIptables =
  mayBlock && (backend.startsWith("ipset-") || (backend === "auto" && (await whyNoNfTables()) !== null));
becomeConfined({
  capabilities: [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_NET_ADMIN",
    // Sockets of logins are seen by it where no Landlock hides them from us.
    ...(landlockVersion() === 0 ? (["CAP_SYS_PTRACE"] as const) : []),
    ...(usesIptables ? (["CAP_NET_RAW"] as const) : []),
  ],
  writes: [journalFolder, actionsFolder, webFolder, ...(usesIptables ? prepareIptablesLock() : [])],
  readOnlyMounts: false,
  internet: usesIptables ? "raw" : false,
  inherited: counts === "counts" ? [WARDEN_COUNTS_FD] : [],
});
const { startChild } = await import("#src/processes/child.ts");
const { runWarden } = await import("#src/warden/warden.ts");
await runWarden(startChild("garrison-warden"));
