/** What would have been blocked: the decisions of a replay, and how many offences they would have spared. */
import { formatNetwork, networkOf, parseIpAddress } from "#src/lib/ip-network.ts";
import type { PlacedHit } from "../contract.ts";
import type { ReplayEnd, ReplayMessage } from "./messages.ts";
import type { ReplaySettings } from "./settings.ts";
import { WindowDecider } from "./window-decider.ts";

/** Addresses and networks of which is remembered more than that they were there. */
const MAX_ADDRESSES = 200_000;
/** As large as networks of a decision can be. */
const PREFIXES = { 4: [32, 24], 6: [64, 56, 48] } as const;

/** Who is to be blocked, as far as a replay cares. */
export interface ReplayDecision {
  readonly type: "block" | "alert";
  readonly kind: string;
  readonly atUnixMs: number;
  /** CIDR. */
  readonly network: string | null;
  readonly forMs: number;
  readonly rule: string;
  readonly points: number;
  readonly offence: number;
}

/** Whoever decides: a clock of its own is the hits'. */
export interface ReplayDecider {
  take(hit: PlacedHit, atUnixMs: number): readonly ReplayDecision[];
}

/** Takes every hit of a replay. */
export class Verdicts {
  readonly #decider: ReplayDecider;
  readonly #send: (message: ReplayMessage) => void;
  /** Networks that an address is in, by address. */
  readonly #networks = new Map<string, readonly string[]>();
  /** Until when, by network. */
  readonly #blocked = new Map<string, number>();
  #blocks = 0;
  #prevented = 0;
  #lastUnixMs: number | null = null;

  constructor({ policy }: ReplaySettings, send: (message: ReplayMessage) => void) {
    this.#decider = new WindowDecider(policy);
    this.#send = send;
  }

  get summary(): Pick<ReplayEnd, "addresses" | "prevented" | "blocks" | "blocked"> {
    return {
      addresses: this.#networks.size,
      prevented: this.#prevented,
      blocks: this.#blocks,
      blocked: this.#blocked.size,
    };
  }

  /** @param fallbackUnixMs for a line without a time, in front of the first one that has one */
  take(hit: PlacedHit, fallbackUnixMs: number): void {
    const atUnixMs = hit.atUnixMs ?? this.#lastUnixMs ?? fallbackUnixMs;
    this.#lastUnixMs = atUnixMs;
    if (hit.outcome !== "success" && hit.address !== null && this.#isBlocked(hit.address, atUnixMs)) this.#prevented++;
    for (const decision of this.#decider.take(hit, atUnixMs)) this.#decide(decision);
  }

  #decide({ type, network, kind, atUnixMs, forMs, rule, points, offence }: ReplayDecision): void {
    if (type !== "block" || network === null) return;
    this.#blocks++;
    if (this.#blocked.size < MAX_ADDRESSES || this.#blocked.has(network)) this.#blocked.set(network, atUnixMs + forMs);
    this.#send({ t: "block", atUnixMs, kind, network, forMs, rule, points, offence });
  }

  #isBlocked(address: string, atUnixMs: number): boolean {
    return this.#networksOf(address).some((network) => atUnixMs < (this.#blocked.get(network) ?? 0));
  }

  #networksOf(address: string): readonly string[] {
    const known = this.#networks.get(address);
    if (known !== undefined) return known;
    const bytes = parseIpAddress(address);
    const prefixes = bytes === null ? [] : PREFIXES[bytes.length === 4 ? 4 : 6];
    const networks = prefixes.map((prefix) => formatNetwork(networkOf(bytes!, prefix)));
    if (this.#networks.size < MAX_ADDRESSES) this.#networks.set(address, networks);
    return networks;
  }
}
