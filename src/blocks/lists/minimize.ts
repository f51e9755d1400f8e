/** The fewest networks that hold the same addresses: what is covered by another is dropped, two halves become one. Pure. */
import { formatNetwork, type IpNetwork } from "#src/lib/ip-network.ts";
import { WIDEST_PREFIX } from "./parse-list.ts";

const STEP_NETWORKS = 1000;

/**
 * CIDR texts, sorted, IPv4 first; no network lies in another, and no two are halves of one that a list may block. Step by step: see
 * slices.ts.
 */
export function* minimizeNetworks(networks: readonly IpNetwork[]): Generator<void, string[]> {
  const ipv4 = yield* minimizeIpv4(networks);
  const ipv6 = yield* minimizeIpv6(networks);
  return ipv4.concat(ipv6);
}

/** As numbers: the first address times 64 and the prefix, which sorts by address and then the wider one first. */
function* minimizeIpv4(networks: readonly IpNetwork[]): Generator<void, string[]> {
  const keys = new Float64Array(networks.length);
  let count = 0;
  for (const { family, bytes, prefix } of networks) if (family === 4) keys[count++] = startOf(bytes) * 64 + prefix;
  yield;
  const sorted = keys.subarray(0, count).sort();
  yield;
  const starts: number[] = [];
  const prefixes: number[] = [];
  for (let index = 0; index < count; index++) {
    if (index % STEP_NETWORKS === 0) yield;
    const key = sorted[index] ?? 0;
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

function startOf(bytes: Uint8Array): number {
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 0;
}

function* minimizeIpv6(networks: readonly IpNetwork[]): Generator<void, string[]> {
  const keyed = networks.flatMap((network) => {
    if (network.family === 4) return [];
    return [{ network, key: Buffer.from(network.bytes).toString("latin1") + String.fromCharCode(network.prefix) }];
  });
  yield;
  keyed.sort((one, other) => (one.key < other.key ? -1 : 1));
  const kept: IpNetwork[] = [];
  for (const [index, { network }] of keyed.entries()) {
    if (index % STEP_NETWORKS === 0) yield;
    if (holds(kept.at(-1), network)) continue;
    let next = network;
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
