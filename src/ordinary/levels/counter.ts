/** Readings of a counter that only grows become rates. Pure. */

/** Widths at which counters of the kernel and of devices wrap. */
const WRAPS = [2n ** 32n, 2n ** 64n] as const;
/** A wrap is believed when the counter was so near its end, as a part of it, and is as near to 0 now. */
const NEAR_PART = 4n;

/** A reading. */
export interface CounterReading {
  /** 0 or more. */
  readonly count: bigint;
  /** When it was read, in milliseconds of a clock: better one that is never set, such as `performance.now()`. */
  readonly atMs: number;
}

/** What lies between two readings. */
export type CounterStep =
  /** `perSecond`: mean rate over `spanMs`. */
  | { readonly type: "rate"; readonly perSecond: number; readonly spanMs: number }
  /** `first`: nothing to compare with. `reset`: it counts from 0 again. `clock`: no time has passed, or it ran backwards. */
  | { readonly type: "first" | "reset" | "clock" };

/** One counter. */
export class CounterRate {
  #last: CounterReading | null = null;

  /**
   * Takes a reading in. What came between a reset and the reading before it is not known, and is not guessed.
   * @throws RangeError when the count is below 0 or the moment is not finite
   */
  add(reading: CounterReading): CounterStep {
    const { count, atMs } = reading;
    if (count < 0n || !Number.isFinite(atMs))
      throw new RangeError(
        `Cannot take ${count} at ${atMs} ms as a reading of a counter: a count of 0 or more is wanted`,
      );
    const last = this.#last;
    this.#last = reading;
    if (last === null) return { type: "first" };
    const spanMs = atMs - last.atMs;
    if (spanMs <= 0) return { type: "clock" };
    const grown = growth(last.count, count);
    return grown === null ? { type: "reset" } : { type: "rate", perSecond: (Number(grown) * 1000) / spanMs, spanMs };
  }
}

/** How much a counter has grown; `null` when it was reset. */
function growth(before: bigint, after: bigint): bigint | null {
  if (after >= before) return after - before;
  const wrap = WRAPS.find((one) => before < one && before >= one - one / NEAR_PART && after < one / NEAR_PART);
  return wrap === undefined ? null : wrap - before + after;
}
