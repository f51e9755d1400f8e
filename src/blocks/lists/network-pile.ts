/** Many networks in little memory, and the fewest that hold the same addresses. Pure. */
import { formatNetwork, type IpNetwork } from "#src/lib/ip-network.ts";

/** The widest prefix that a list may block: wider ones block a continent, and are a mistake, or an attack by list. */
export const WIDEST_PREFIX = { 4: 8, 6: 19 } as const;

const STEP_NETWORKS = 1000;

/** Takes networks one by one: 8 bytes for one of IPv4, about 50 for one of IPv6. */
export class NetworkPile {
  /** The first address times 64 and the prefix: as numbers they sort by address, and then the wider one first. */
  #ipv4 = new Float64Array(1024);
  #ipv4Count = 0;
  /** The bytes of the first address and the prefix, a character each: as texts they sort in the same way. */
  readonly #ipv6: string[] = [];

  /** How many were added. */
  get count(): number {
    return this.#ipv4Count + this.#ipv6.length;
  }

  add({ family, bytes, prefix }: IpNetwork): void {
    if (family === 6) {
      this.#ipv6.push(Buffer.from(bytes).toString("latin1") + String.fromCharCode(prefix));
      return;
    }
    if (this.#ipv4Count === this.#ipv4.length) {
      const longer = new Float64Array(this.#ipv4.length * 2);
      longer.set(this.#ipv4);
      this.#ipv4 = longer;
    }
    this.#ipv4[this.#ipv4Count++] = startOf(bytes) * 64 + prefix;
  }

  /**
   * CIDR texts, sorted, IPv4 first: what is covered by another is dropped, and two halves become one as long as a list may block it.
   * Step by step: see slices.ts.
   */
  *minimize(): Generator<void, string[]> {
    const ipv4 = yield* minimizeIpv4(this.#ipv4.subarray(0, this.#ipv4Count));
    const ipv6 = yield* minimizeIpv6(this.#ipv6);
    return ipv4.concat(ipv6);
  }
}

function startOf(bytes: Uint8Array): number {
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 0;
}

function* minimizeIpv4(keys: Float64Array): Generator<void, string[]> {
  const sorted = keys.toSorted();
  yield;
  const starts: number[] = [];
  const prefixes: number[] = [];
  for (const [index, key] of sorted.entries()) {
    if (index % STEP_NETWORKS === 0) yield;
    let start = Math.floor(key / 64);
    let prefix = key % 64;
    const last = starts.length - 1;
    if (last >= 0 && start < (starts[last] ?? 0) + 2 ** (32 - (prefixes[last] ?? 0))) continue;
    while (prefix > WIDEST_PREFIX[4] && prefixes.at(-1) === prefix) {
      const size = 2 ** (32 - prefix);
      const lower = starts.at(-1) ?? 0;
      if (lower + size !== start || lower % (size * 2) !== 0) break;
      starts.pop();
      prefixes.pop();
      start = lower;
      prefix--;
    }
    starts.push(start);
    prefixes.push(prefix);
  }
  const texts: string[] = [];
  for (const [index, start] of starts.entries()) {
    if (index % STEP_NETWORKS === 0) yield;
    texts.push(`${start >>> 24}.${(start >>> 16) & 255}.${(start >>> 8) & 255}.${start & 255}/${prefixes[index]}`);
  }
  return texts;
}

function* minimizeIpv6(keys: readonly string[]): Generator<void, string[]> {
  const sorted = keys.toSorted();
  yield;
  const kept: IpNetwork[] = [];
  for (const [index, key] of sorted.entries()) {
    if (index % STEP_NETWORKS === 0) yield;
    let next: IpNetwork = { family: 6, bytes: Buffer.from(key.slice(0, 16), "latin1"), prefix: key.charCodeAt(16) };
    if (holds(kept.at(-1), next)) continue;
    for (let last = kept.at(-1); last !== undefined && areHalves(last, next); last = kept.at(-1)) {
      kept.pop();
      next = { ...last, prefix: last.prefix - 1 };
    }
    kept.push(next);
  }
  return kept.map(formatNetwork);
}

function holds(outer: IpNetwork | undefined, inner: IpNetwork): boolean {
  return outer !== undefined && outer.prefix <= inner.prefix && isSamePrefix(outer, inner, outer.prefix);
}

/** Whether two networks differ in the last bit of their prefix alone. They are sorted, so the first is the lower half. */
function areHalves(lower: IpNetwork, upper: IpNetwork): boolean {
  const { prefix } = lower;
  if (prefix !== upper.prefix || prefix <= WIDEST_PREFIX[6]) return false;
  return isSamePrefix(lower, upper, prefix - 1) && !isSamePrefix(lower, upper, prefix);
}

function isSamePrefix(one: IpNetwork, other: IpNetwork, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (one.bytes[index] !== other.bytes[index]) return false;
  const shift = 8 - (bits & 7);
  return shift === 8 || (one.bytes[whole] ?? 0) >> shift === (other.bytes[whole] ?? 0) >> shift;
}
