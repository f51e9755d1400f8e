/** Blocks an address when its points within the window of the policy reach the limit. */
import type { BlockPolicy } from "#src/blocks/options.ts";
import { formatNetwork, networkOf, parseIpAddress } from "#src/lib/ip-network.ts";
import type { PlacedHit } from "../contract.ts";
import type { ReplayDecider, ReplayDecision } from "./verdicts.ts";

interface Offender {
  readonly network: string;
  points: { readonly atUnixMs: number; readonly weight: number }[];
  offence: number;
  blockedUntilUnixMs: number;
}

const MAX_OFFENDERS = 100_000;

/** Counts by address, IPv6 by /64. */
export class WindowDecider implements ReplayDecider {
  readonly #policy: BlockPolicy;
  readonly #offenders = new Map<string, Offender>();

  constructor(policy: BlockPolicy) {
    this.#policy = policy;
  }

  take({ address, outcome, weight, rule }: PlacedHit, atUnixMs: number): readonly ReplayDecision[] {
    if (address === null || outcome === "success") return [];
    const offender = this.#offenderOf(address);
    if (offender === undefined || atUnixMs < offender.blockedUntilUnixMs) return [];
    const { points: limit, withinMs, firstMs, factor, longestMs } = this.#policy;
    offender.points = offender.points.filter((one) => Math.abs(atUnixMs - one.atUnixMs) < withinMs);
    offender.points.push({ atUnixMs, weight });
    const points = offender.points.reduce((sum, one) => sum + one.weight, 0);
    if (points < limit) return [];
    const forMs = Math.min(longestMs, firstMs * factor ** offender.offence++);
    offender.points = [];
    offender.blockedUntilUnixMs = atUnixMs + forMs;
    const { network, offence } = offender;
    return [{ type: "block", kind: "auth.bruteforce", atUnixMs, network, forMs, rule, points, offence }];
  }

  #offenderOf(address: string): Offender | undefined {
    const bytes = parseIpAddress(address);
    if (bytes === null) return undefined;
    const network = formatNetwork(networkOf(bytes, bytes.length === 4 ? 32 : 64));
    const known = this.#offenders.get(network);
    if (known !== undefined || this.#offenders.size >= MAX_OFFENDERS) return known;
    const offender = { network, points: [], offence: 0, blockedUntilUnixMs: 0 };
    this.#offenders.set(network, offender);
    return offender;
  }
}
