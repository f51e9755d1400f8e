/** The packed memory of one series: three views of one buffer, so that ten thousand series stay small. Pure. */

/** Views of one buffer. */
export interface Memory {
  /** Instants, spans and sums. */
  readonly sums: Float64Array;
  readonly numbers: Float32Array;
  readonly counts: Uint16Array;
}

/** How many of each there are. */
export interface MemorySize {
  readonly sums: number;
  readonly numbers: number;
  readonly counts: number;
}

/** All zero, or over the bytes of another. @param bytes begins at a multiple of 8 and is as long as `size` needs */
export function makeMemory(size: MemorySize, bytes = new ArrayBuffer(sizeOf(size))): Memory {
  const numbersAt = size.sums * 8;
  const countsAt = numbersAt + size.numbers * 4;
  return {
    sums: new Float64Array(bytes, 0, size.sums),
    numbers: new Float32Array(bytes, numbersAt, size.numbers),
    counts: new Uint16Array(bytes, countsAt, size.counts),
  };
}

/** Bytes of a memory. */
export function sizeOf({ sums, numbers, counts }: MemorySize): number {
  return sums * 8 + numbers * 4 + counts * 2;
}
