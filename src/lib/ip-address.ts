/** IP addresses as the kernel gives them. Pure. Text from outside is checked with node:net, never here. */

/** What a socket is bound to: the whole world, this machine only, or one address of it. */
export type BindClass = "any" | "loopback" | "address";

/**
 * Text of 4 or 16 bytes in network order; IPv6 in the form of RFC 5952, an IPv4-mapped address as `::ffff:a.b.c.d`.
 * @throws RangeError when the number of bytes does not fit the family
 */
export function formatIpAddress(bytes: Uint8Array, family: 4 | 6): string {
  if (bytes.length !== (family === 4 ? 4 : 16)) {
    throw new RangeError(
      `Cannot format address: ${bytes.length} bytes, ${family === 4 ? 4 : 16} are wanted for IPv${family}`,
    );
  }
  if (family === 4) return bytes.join(".");
  if (isMapped(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const words = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const zeros = longestZeroRun(words);
  const text = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  return zeros.length < 2
    ? text(words)
    : `${text(words.slice(0, zeros.start))}::${text(words.slice(zeros.start + zeros.length))}`;
}

/** Where a bound address can be reached from. */
export function classifyBindAddress(address: string): BindClass {
  if (address === "0.0.0.0" || address === "::" || address === "::ffff:0.0.0.0") return "any";
  return /^(?:::ffff:)?127\./.test(address) || address === "::1" ? "loopback" : "address";
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** The first of the longest runs of zero words (RFC 5952 §4.2.3). */
function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    let length = 0;
    while (words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
