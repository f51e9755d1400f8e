/** What would have been blocked: the decisions of a replay, and how many offences they would have spared. */
import { formatNetwork, networkOf, parseIpAddress } from "#src/lib/ip-network.ts";
import type { PlacedHit } from "../contract.ts";
import { Decider } from "../decide/decider.ts";
import type { Decision } from "../decide/decision.ts";
import type { ReplayEnd, ReplayMessage } from "./messages.ts";
import type { ReplaySettings } from "./settings.ts";

/** Addresses and networks of which is remembered more than that they were there. */
const MAX_ADDRESSES = 200_000;
/** As large as networks of a decision are. */
const IPV6_PREFIXES = [64, 56, 48];

/** Takes every hit of a replay. */
export class Verdicts {
  readonly #decider: Decider;
  readonly #send: (message: ReplayMessage) => void;
  readonly #addresses = new Set<string>();
  /** Until when, by network. */
  readonly #blocked = new Map<string, number>();
  #blocks = 0;
  #prevented = 0;
  #lastUnixMs: number | null = null;

  constructor({ policy, allow, proxies }: ReplaySettings, send: (message: ReplayMessage) => void) {
    this.#decider = new Decider(policy, { allow, proxies });
    this.#send = send;
  }

  get summary(): Pick<ReplayEnd, "addresses" | "prevented" | "blocks" | "blocked"> {
    return {
      addresses: this.#addresses.size,
      prevented: this.#prevented,
      blocks: this.#blocks,
      blocked: this.#blocked.size,
    };
  }

  /** @param fallbackUnixMs for a line without a time, in front of the first one that has one */
  take(hit: PlacedHit, fallbackUnixMs: number): void {
    if (hit.outcome === "count") return;
    const atUnixMs = hit.atUnixMs ?? this.#lastUnixMs ?? fallbackUnixMs;
    this.#lastUnixMs = atUnixMs;
    if (hit.outcome !== "success" && hit.address !== null) this.#offend(hit.address, atUnixMs);
    for (const decision of this.#decider.take(hit, atUnixMs)) this.#decide(decision);
  }

  #offend(address: string, atUnixMs: number): void {
    // A copy: the address as it stands holds its whole line.
    if (this.#addresses.size < MAX_ADDRESSES && !this.#addresses.has(address))
      this.#addresses.add(Buffer.from(address, "latin1").toString("latin1"));
    if (this.#isBlocked(address, atUnixMs)) this.#prevented++;
  }

  #decide({ type, network, kind, atUnixMs, forMs, rule, points, offence }: Decision): void {
    if (type !== "block" || network === null) return;
    this.#blocks++;
    if (this.#blocked.size < MAX_ADDRESSES || this.#blocked.has(network)) this.#blocked.set(network, atUnixMs + forMs);
    this.#send({ t: "block", atUnixMs, kind, network, forMs, rule, points, offence });
  }

  #isBlocked(address: string, atUnixMs: number): boolean {
    return this.#blocked.size > 0 && networksAround(address).some((one) => atUnixMs < (this.#blocked.get(one) ?? 0));
  }
}

/** Networks of a decision that an address would be in. */
function networksAround(address: string): string[] {
  const dot = address.lastIndexOf(".");
  if (dot !== -1) return [`${address}/32`, `${address.slice(0, dot)}.0/24`];
  const bytes = parseIpAddress(address);
  return bytes === null ? [] : IPV6_PREFIXES.map((prefix) => formatNetwork(networkOf(bytes, prefix)));
}
