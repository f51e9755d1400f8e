const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/**
 * Bytes of a text such as `"200 MiB"`. Units: KiB, MiB, GiB.
 * @throws SyntaxError when the text is not of that form
 * @example parseSize("4 MiB") // 4_194_304
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,6}) ?(KiB|MiB|GiB)$/.exec(text);
  if (match === null) {
    throw new SyntaxError(
      `Cannot read "${text.slice(0, 40)}" as a size: expected a text with a unit such as "200 MiB"`,
    );
  }
  return Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES];
}

/** A size in words for people: `"312 KiB"`, `"1.5 MiB"`. @param sizeBytes not negative */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`;
  for (const unit of ["KiB", "MiB"] as const) {
    const amount = roundAmount(sizeBytes / UNIT_BYTES[unit]);
    if (amount < 1024) return `${amount} ${unit}`;
  }
  return `${roundAmount(sizeBytes / UNIT_BYTES.GiB)} GiB`;
}

function roundAmount(amount: number): number {
  return amount >= 100 ? Math.round(amount) : Number(amount.toFixed(1));
}
