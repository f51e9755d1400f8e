/**
 * Which blocks hold the same network and port: the kernel knows only one time for each. Memory: some 100 bytes a block.
 */
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import type { StoredBlock } from "./block-ledger.ts";

const ALL_PORTS = [null];

/** Who holds a network: one, or several. */
type Held = StoredBlock | readonly StoredBlock[];

/** Blocks in force by what they hold. Most networks are held by one. */
export class BlockTargets {
  readonly #byNetwork = new Map<string, Held>();

  add(block: StoredBlock): void {
    const held = this.#byNetwork.get(block.network);
    this.#byNetwork.set(block.network, held === undefined ? block : [...listOf(held), block]);
  }

  delete({ network, action }: StoredBlock): void {
    const left = listOf(this.#byNetwork.get(network) ?? []).filter((block) => block.action !== action);
    if (left.length === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, left);
  }

  /**
   * What the kernel must hold so that every block in force of what these hold is kept: each network and port once, with the
   * longest time.
   */
  wanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return this.#elementsOf(blocks, nowUnixMs, (timeoutMs) => timeoutMs !== 0);
  }

  /** What no block in force holds any more, of what these held. */
  unwanted(blocks: Iterable<StoredBlock>, nowUnixMs: number): BlockedNetwork[] {
    return this.#elementsOf(blocks, nowUnixMs, (timeoutMs) => timeoutMs === 0);
  }

  /**
   * Each network and port once; a time-out of 0: nobody holds it. At a start there may be 200,000: one that holds its network alone is
   * not looked at twice.
   */
  #elementsOf(
    blocks: Iterable<StoredBlock>,
    nowUnixMs: number,
    isMeant: (timeoutMs: number | null) => boolean,
  ): BlockedNetwork[] {
    const seen = new Set<string>();
    const elements: BlockedNetwork[] = [];
    for (const block of blocks) {
      const { network: text, ports } = block;
      const held = this.#byNetwork.get(text);
      const network = readNetwork(text);
      if (network === null) continue;
      for (const port of ports.length === 0 ? ALL_PORTS : ports) {
        if (held !== block && isSeen(seen, text, port)) continue;
        const timeoutMs = held === undefined ? 0 : timeoutOf(held, port, nowUnixMs);
        if (isMeant(timeoutMs)) elements.push({ network, port, timeoutMs });
      }
    }
    return elements;
  }
}

function isSeen(seen: Set<string>, network: string, port: number | null): boolean {
  const key = port === null ? network : `${network} ${port}`;
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

/** The longest of those that hold this port. */
function timeoutOf(held: Held, port: number | null, nowUnixMs: number): number | null {
  if ("action" in held) return holds(held, port) ? timeLeft(held, nowUnixMs) : 0;
  let longest = 0;
  for (const block of held) {
    const left = holds(block, port) ? timeLeft(block, nowUnixMs) : 0;
    if (left === null) return null;
    longest = Math.max(longest, left);
  }
  return longest;
}

function holds({ ports }: StoredBlock, port: number | null): boolean {
  return port === null ? ports.length === 0 : ports.includes(port);
}

function timeLeft({ untilUnixMs }: StoredBlock, nowUnixMs: number): number | null {
  return untilUnixMs === null ? null : Math.max(0, untilUnixMs - nowUnixMs);
}

function listOf(held: Held): readonly StoredBlock[] {
  return "action" in held ? [held] : held;
}

/** A network in the one form that the warden writes. Those of IPv4 by hand: at a start there may be 200,000. */
function readNetwork(text: string): IpNetwork | null {
  const bytes = new Uint8Array(4);
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
