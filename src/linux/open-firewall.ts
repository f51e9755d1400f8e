/** Which way to drop packets this kernel gives: found by trying. Needs CAP_NET_ADMIN; without, none can be had. No kernel interface of its own. */
import type { Firewall, FirewallKind } from "./firewall.ts";
import { NfTablesFirewall, whyNoNfTables } from "./nf-tables-firewall.ts";

/** A firewall, or why there is none. */
export interface OpenedFirewall {
  readonly firewall: Firewall | null;
  readonly failure: string | null;
}

/** @param wanted `auto`: what works first; `null`: nothing is ever blocked */
export async function openFirewall(wanted: FirewallKind | "auto" | null): Promise<OpenedFirewall> {
  if (wanted === null) return { firewall: null, failure: "blocking is switched off" };
  if (process.geteuid?.() !== 0) return { firewall: null, failure: "not run as root" };
  const failure = await whyNoNfTables();
  if (failure === null) return { firewall: new NfTablesFirewall(), failure: null };
  return { firewall: null, failure };
}
