/** Blocks of the last 30 days by network: repeat offenders are blocked for longer. Of the latest 100,000 networks. Pure. */
import { RecentMap } from "./recent-map.ts";

const MAX_NETWORKS = 100_000;
const MAX_TIMES = 16;
const KEPT_MS = 30 * 86_400_000;

/** How long blocks last. */
export interface Sentences {
  readonly firstMs: number;
  readonly factor: number;
  readonly longestMs: number;
}

interface Record {
  /** Latest last. */
  readonly times: readonly number[];
  readonly untilUnixMs: number;
}

/** Keeps what was blocked. */
export class Offences {
  readonly #records = new RecentMap<string, Record>(MAX_NETWORKS);

  /** Whether a block of this network lasts. Lines on their way while it was blocked are no new offence. */
  isBlocked(network: string, atUnixMs: number): boolean {
    return atUnixMs < (this.#records.get(network)?.untilUnixMs ?? 0);
  }

  /** @returns how long the network is blocked now, and the how-manyth block of 30 days this is */
  block(network: string, sentences: Sentences, atUnixMs: number): { readonly forMs: number; readonly offence: number } {
    const past = this.#past(network, atUnixMs);
    const forMs = Math.min(sentences.longestMs, sentences.firstMs * sentences.factor ** past.length);
    this.restore(network, atUnixMs, atUnixMs + forMs);
    return { forMs, offence: past.length + 1 };
  }

  /** A block of before. */
  restore(network: string, atUnixMs: number, untilUnixMs: number): void {
    const times = [...this.#past(network, atUnixMs), atUnixMs].slice(-MAX_TIMES);
    this.#records.set(network, { times, untilUnixMs });
  }

  /** The block was taken away by hand: it counts no more, neither now nor later. */
  pardon(network: string): void {
    this.#records.set(network, { times: [], untilUnixMs: 0 });
  }

  #past(network: string, atUnixMs: number): readonly number[] {
    return (this.#records.get(network)?.times ?? []).filter((time) => time > atUnixMs - KEPT_MS);
  }
}
