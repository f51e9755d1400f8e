/**
 * Which blocks hold the same network and port: the kernel knows only one time for each. Memory: some 100 bytes a block.
 */
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import type { StoredBlock } from "./block-ledger.ts";

/** Blocks in force by what they hold. */
export class BlockTargets {
  readonly #byNetwork = new Map<string, StoredBlock[]>();

  add(block: StoredBlock): void {
    const others = this.#byNetwork.get(block.network);
    if (others === undefined) this.#byNetwork.set(block.network, [block]);
    else others.push(block);
  }

  delete({ network, action }: StoredBlock): void {
    const left = (this.#byNetwork.get(network) ?? []).filter((block) => block.action !== action);
    if (left.length === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, left);
  }

  /**
   * What the kernel must hold so that every block in force of what these hold is kept: each network and port once, with the
   * longest time.
   */
  wanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return [...this.#elementsOf(blocks, nowUnixMs)].flatMap(({ timeoutMs, ...element }) =>
      timeoutMs === 0 ? [] : [{ ...element, timeoutMs }],
    );
  }

  /** What no block in force holds any more, of what these held. */
  unwanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return [...this.#elementsOf(blocks, nowUnixMs)].filter(({ timeoutMs }) => timeoutMs === 0);
  }

  /** Each network and port once; a time-out of 0: nobody holds it. */
  *#elementsOf(blocks: Iterable<StoredBlock>, nowUnixMs: number): Generator<BlockedNetwork> {
    const seen = new Set<string>();
    for (const { network: text, ports } of blocks) {
      const network = parseNetwork(text);
      if (network === null) continue;
      for (const port of ports.length === 0 ? [null] : ports) {
        const key = `${text} ${port}`;
        if (seen.has(key)) continue;
        seen.add(key);
        yield { network, port, timeoutMs: this.#timeoutOf(text, port, nowUnixMs) };
      }
    }
  }

  #timeoutOf(network: string, port: number | null, nowUnixMs: number): number | null {
    let longest = 0;
    for (const { ports, untilUnixMs } of this.#byNetwork.get(network) ?? []) {
      if (port === null ? ports.length > 0 : !ports.includes(port)) continue;
      if (untilUnixMs === null) return null;
      longest = Math.max(longest, untilUnixMs - nowUnixMs);
    }
    return longest;
  }
}
