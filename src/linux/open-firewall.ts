/** Which way to drop packets this kernel gives: found by trying. Needs CAP_NET_ADMIN; without, none can be had. No kernel interface of its own. */
import type { Firewall, FirewallKind } from "./firewall.ts";
import { IpsetFirewall } from "./ipset-firewall.ts";
import { NfTablesFirewall, whyNoNfTables } from "./nf-tables-firewall.ts";

const KINDS: readonly FirewallKind[] = ["nftables", "ipset-iptables-nft", "ipset-iptables-legacy"];

/** A firewall, or why there is none. */
export interface OpenedFirewall {
  readonly firewall: Firewall | null;
  readonly failure: string | null;
}

/** @param wanted `auto`: what works first; `null`: nothing is ever blocked */
export async function openFirewall(wanted: FirewallKind | "auto" | null): Promise<OpenedFirewall> {
  if (wanted === null) return { firewall: null, failure: "blocking is switched off" };
  if (process.geteuid?.() !== 0) return { firewall: null, failure: "not run as root" };
  const failures: string[] = [];
  for (const kind of wanted === "auto" ? KINDS : [wanted]) {
    const opened = await open(kind);
    if (typeof opened !== "string") return { firewall: opened, failure: null };
    failures.push(`${kind}: ${opened}`);
  }
  return { firewall: null, failure: failures.join("; ") };
}

async function open(kind: FirewallKind): Promise<Firewall | string> {
  if (kind !== "nftables") return IpsetFirewall.open(kind);
  return (await whyNoNfTables()) ?? new NfTablesFirewall();
}
