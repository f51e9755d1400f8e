/**
 * Which blocks hold the same network and port: the kernel knows only one time for each. Memory: some 100 bytes a block.
 */
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import type { StoredBlock } from "./block-ledger.ts";

const ALL_PORTS = [null];

/** Blocks in force by what they hold. Most networks are held by one. */
export class BlockTargets {
  readonly #byNetwork = new Map<string, StoredBlock | readonly StoredBlock[]>();

  add(block: StoredBlock): void {
    const others = this.#holdersOf(block.network);
    this.#byNetwork.set(block.network, others.length === 0 ? block : [...others, block]);
  }

  delete({ network, action }: StoredBlock): void {
    const left = this.#holdersOf(network).filter((block) => block.action !== action);
    if (left.length === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, left);
  }

  /**
   * What the kernel must hold so that every block in force of what these hold is kept: each network and port once, with the
   * longest time.
   */
  wanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return this.#elementsOf(blocks, nowUnixMs).filter(({ timeoutMs }) => timeoutMs !== 0);
  }

  /** What no block in force holds any more, of what these held. */
  unwanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return this.#elementsOf(blocks, nowUnixMs).filter(({ timeoutMs }) => timeoutMs === 0);
  }

  /** Each network and port once; a time-out of 0: nobody holds it. */
  #elementsOf(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    const seen = new Set<string>();
    const elements: BlockedNetwork[] = [];
    for (const { network: text, ports } of blocks) {
      const network = readNetwork(text);
      if (network === null) continue;
      for (const port of ports.length === 0 ? ALL_PORTS : ports) {
        const key = port === null ? text : `${text} ${port}`;
        if (seen.has(key)) continue;
        seen.add(key);
        elements.push({ network, port, timeoutMs: this.#timeoutOf(text, port, nowUnixMs) });
      }
    }
    return elements;
  }

  #timeoutOf(network: string, port: number | null, nowUnixMs: number): number | null {
    let longest = 0;
    for (const { ports, untilUnixMs } of this.#holdersOf(network)) {
      if (port === null ? ports.length > 0 : !ports.includes(port)) continue;
      if (untilUnixMs === null) return null;
      longest = Math.max(longest, untilUnixMs - nowUnixMs);
    }
    return longest;
  }

  #holdersOf(network: string): readonly StoredBlock[] {
    const held = this.#byNetwork.get(network);
    if (held === undefined) return [];
    return "action" in held ? [held] : held;
  }
}

/** A network in the one form that the warden writes. Those of IPv4 by hand: at a start there may be 200,000. */
function readNetwork(text: string): IpNetwork | null {
  const bytes = Buffer.allocUnsafe(4);
  let part = 0;
  let number = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) number = number * 10 + code - 0x30;
    else if (part < 4 && number <= 255 && code === (part === 3 ? 0x2f : 0x2e)) {
      bytes[part++] = number;
      number = 0;
    } else return parseNetwork(text);
  }
  return part === 4 && number <= 32 ? { family: 4, bytes, prefix: number } : parseNetwork(text);
}
