/** Networks as ranges of addresses that neither overlap nor touch, as an interval set wants them. No kernel interface of its own; pure. */
import type { IpNetwork } from "#src/lib/ip-network.ts";

/** From the first address to before the one behind; `null`: to the end of all addresses. */
export type IpRange = readonly [first: Uint8Array, behind: Uint8Array | null];

/** Ranges of networks of one family, in rising order. */
export function rangesOf(networks: readonly IpNetwork[]): IpRange[] {
  const ranges: [Uint8Array, Uint8Array | null][] = [];
  const sorted = [...networks].sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.prefix - b.prefix);
  for (const network of sorted) {
    const behind = addressBehind(network);
    const last = ranges.at(-1);
    if (last === undefined || (last[1] !== null && Buffer.compare(last[1], network.bytes) < 0)) {
      ranges.push([network.bytes, behind]);
    } else if (last[1] !== null && (behind === null || Buffer.compare(last[1], behind) < 0)) last[1] = behind;
  }
  return ranges;
}

function addressBehind({ bytes, prefix }: IpNetwork): Uint8Array | null {
  if (prefix === 0) return null;
  const behind = Uint8Array.from(bytes);
  let carry = 1 << (7 - ((prefix - 1) % 8));
  for (let index = (prefix - 1) >> 3; index >= 0 && carry > 0; index--) {
    const sum = behind[index]! + carry;
    behind[index] = sum & 0xff;
    carry = sum >> 8;
  }
  return carry > 0 ? null : behind;
}
