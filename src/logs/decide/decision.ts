/** What the decider says. Types only. */

/** Why somebody is told. Kinds of alerts, all but the last two of a campaign or an attack. */
export type DecisionKind =
  /** One address against one or few accounts. */
  | "auth.bruteforce"
  /** One address against many accounts. */
  | "auth.spray"
  /** Many addresses against one account. */
  | "auth.distributed"
  /** A login that worked behind failures that look like guessing. */
  | "auth.break-in-suspected"
  /** Requests for what is not there. */
  | "web.probe"
  /** Requests that the web application firewall refused. */
  | "waf.hit"
  /** Lines that a user of this host wrote into the log: nothing trusted confirms them. */
  | "logs.forged";

/** Why nothing is blocked although the limit is reached. */
export type Withheld =
  /** The address is on the allow-list. */
  | "allowed"
  /** It is a proxy: its clients are many. */
  | "proxy"
  /** It logs in well, over days: likely an old password behind a shared address. */
  | "history";

/** A line that counted. */
export interface EvidenceLine {
  readonly atUnixMs: number;
  readonly rule: string;
  readonly source: string;
  readonly file: string;
  readonly offset: number;
  /** At most 240 characters, as the attacker wrote it: escape it where it is shown. */
  readonly text: string;
  /** An ordinary user of the host could have written it, and no journal was there to ask. */
  readonly isForgeable: boolean;
}

/** Something to do or to tell. Texts of accounts and sites are an attacker's, at most 64 characters each. */
export interface Decision {
  /** `block`: the network is to be blocked for `forMs`, and that is to be told. `alert`: only to be told. */
  readonly type: "block" | "alert";
  readonly kind: DecisionKind;
  readonly atUnixMs: number;
  /** CIDR of whoever did it, IPv6 as /64 or larger; `null`: many, or nobody knows. */
  readonly network: string | null;
  /** As it stands in the log, the latest. */
  readonly address: string | null;
  /** The account under attack: of `auth.distributed` and `auth.break-in-suspected`. */
  readonly account: string | null;
  /** 0 for an alert. */
  readonly forMs: number;
  /** Of a block: ports of ours that it is for; none: all. */
  readonly ports: readonly number[];
  /** Which block this is of the network within 30 days, from 1; 0 for an alert. */
  readonly offence: number;
  /** Of an alert that would have been a block. */
  readonly withheld: Withheld | null;
  /** `network`: the last of many of it. `campaign`: it took part in an attack of many on one account, which lowers the limit. */
  readonly because: "limit" | "network" | "campaign";
  /** The rule that gave most points. */
  readonly rule: string;
  readonly service: string;
  readonly points: number;
  /** Points of all failed logins of the address since it was last silent for a day. */
  readonly failures: number;
  /** Points at which this happens. */
  readonly limit: number;
  readonly withinMs: number;
  /** Accounts that failed, at most 10 of them. */
  readonly accounts: readonly string[];
  readonly accountCount: number;
  /** Virtual hosts, at most 10. */
  readonly sites: readonly string[];
  /** Of `auth.distributed` and of networks: how many addresses took part, at most 100 of an account, 256 of a network. */
  readonly addressCount: number;
  /** The first 2 and the last 4. */
  readonly lines: readonly EvidenceLine[];
}
