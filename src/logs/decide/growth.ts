/** Networks with many offenders: IPv6 counted by /64 grows to /56 and /48; others are blocked as a whole only when the policy says so. Pure. */
import { RecentMap } from "./recent-map.ts";

const MAX_NETWORKS = 8000;

/** How many different members of a network were seen of late. Of the latest 8,000 networks. */
export class Growth {
  readonly #members = new RecentMap<string, Map<string, number>>(MAX_NETWORKS);

  /**
   * @param maxMembers more are not told apart
   * @returns how many different members of `network` were noted within `withinMs`, this one among them
   */
  note(network: string, member: string, withinMs: number, atUnixMs: number, maxMembers: number): number {
    const members = this.#members.get(network) ?? new Map<string, number>();
    this.#members.set(network, members);
    members.delete(member);
    members.set(member, atUnixMs);
    for (const [one, lastAtUnixMs] of members) {
      if (lastAtUnixMs >= atUnixMs - withinMs && members.size <= maxMembers) break;
      members.delete(one);
    }
    return members.size;
  }

  /** Begins anew. */
  clear(network: string): void {
    this.#members.set(network, new Map());
  }
}
