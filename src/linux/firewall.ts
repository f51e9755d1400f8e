/** What every way to drop packets has in common: nf-tables-firewall.ts, ipset-firewall.ts. Types only. */
import type { IpNetwork } from "#src/lib/ip-network.ts";
import type { PackedNetworks } from "./packed-networks.ts";

/** How packets are dropped. */
export type FirewallKind = "nftables" | "ipset-iptables-nft" | "ipset-iptables-legacy";

/** A network of which packets are dropped: all, or those to one TCP or UDP port of ours. */
export interface BlockedNetwork {
  readonly network: IpNetwork;
  readonly port: number | null;
  /** From now; the kernel lets the network through again behind it. `null`: for ever. */
  readonly timeoutMs: number | null;
}

/** What the kernel is to hold, but lists. */
export interface FirewallContent {
  /** Never dropped, whatever else is said of it. */
  readonly allowed: readonly IpNetwork[];
  readonly blocked: readonly BlockedNetwork[];
}

/** Packets dropped since the tables were made. */
export interface DroppedPackets {
  /** By blocks of whole networks, by blocks of ports, by lists. */
  readonly blocked: number;
  readonly ports: number;
  readonly listed: number;
}

/** Tables of our own in the kernel. Only these are ever touched. One call at a time: the caller waits for each. */
export interface Firewall {
  readonly kind: FirewallKind;
  /** A longer time-out is cut: the block must be made again before it ends. `null`: none is cut. */
  readonly longestMs: number | null;
  /** How often it is worth to look whether all is as it should be: what nobody tells of. */
  readonly lookMs: number;
  /**
   * Puts this in place of whatever is there of ours, in one step; nothing is listed then.
   * @throws GarrisonError when the kernel refuses
   */
  replace(content: FirewallContent): Promise<void>;
  /** Blocks; one that is there gets the new time. All or none. @throws GarrisonError */
  block(blocked: readonly BlockedNetwork[]): Promise<void>;
  /** Lets through; one that is not there is passed over. All or none. @throws GarrisonError */
  unblock(blocked: readonly Omit<BlockedNetwork, "timeoutMs">[]): Promise<void>;
  /** Adds networks to what lists say, and takes others away; at most 20,000 together. @throws GarrisonError */
  changeListed(added: PackedNetworks, removed: PackedNetworks): Promise<void>;
  /** @throws GarrisonError */
  allow(allowed: readonly IpNetwork[]): Promise<void>;
  /** @throws GarrisonError */
  readDropped(): Promise<DroppedPackets>;
  /** Whether all of ours is as we left it. */
  isIntact(): Promise<boolean>;
  /** Calls back, once, when it is not, until disposed. */
  watch(onDisturbed: () => void): AsyncDisposable;
  /** Takes all of ours away. @throws GarrisonError */
  remove(): Promise<void>;
  [Symbol.dispose](): void;
}
