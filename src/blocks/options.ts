/** What `blocks` of the configuration is to the mind and to the warden. Types only. */

/** How repeat offenders are treated. Milliseconds. */
export interface BlockPolicy {
  /** Points within `withinMs` at which an address is blocked; a failed password has 1 point. */
  readonly points: number;
  readonly withinMs: number;
  /** The first block lasts so long, each further one `factor` times longer, at most `longestMs`. */
  readonly firstMs: number;
  readonly factor: number;
  readonly longestMs: number;
  /** So many different blocked addresses of one /24 or /64 within a day block the network; 0: never. */
  readonly networkAt: number;
}

/** A list of addresses kept by others. */
export interface BlockListOptions {
  readonly name: string;
  /** `https://` URL or absolute path. */
  readonly from: string;
  readonly everyMs: number;
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** Of the mind. */
export interface BlocksOptions {
  /** `observe`: nothing is blocked by rule, and `garrison blocks report` says what would have been. */
  readonly mode: "observe" | "enforce";
  /** Networks as CIDR: never blocked. */
  readonly allow: readonly string[];
  /** Networks as CIDR of proxies and CDNs that stand before the web server: never blocked; their clients are. */
  readonly proxies: readonly string[];
  readonly policy: BlockPolicy;
  readonly lists: readonly BlockListOptions[];
}

/** How packets are dropped: the kernel's own tables, or sets of ipset with rules of iptables on hosts that live on these. */
export type BlockBackend = "nftables" | "ipset-iptables-nft" | "ipset-iptables-legacy";

/** Of the warden, which holds to it whoever asks. */
export interface WardenBlockOptions {
  /** `auto`: nftables where it can be had; `null`: nothing is ever blocked. */
  readonly backend: BlockBackend | "auto" | null;
  /** Networks as CIDR that are never blocked. */
  readonly allow: readonly string[];
  readonly proxies: readonly string[];
  /** Addresses of the hub. */
  readonly hub: readonly string[];
  /** Whether blocks are written for the web server too (src/blocks/web). */
  readonly web: boolean;
}
