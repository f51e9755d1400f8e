/** What packets of a capture begin with. Numbers of https://www.tcpdump.org/linktypes.html, and of libpcap's DLT_RAW on two systems. */
export const LINK = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  pppoe: 51,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(LINK));

/** Whether packets of it can be read. */
export function isKnownLinkType(linkType: number): boolean {
  return KNOWN.has(linkType);
}
