/** At most so many in any span of time. Memory: two numbers for each time something was taken, at most one a millisecond. The clock is the caller's. */
export class RateLimit {
  readonly #max: number;
  readonly #spanMs: number;
  #taken: { readonly atMs: number; count: number }[] = [];

  constructor(max: number, spanMs: number) {
    this.#max = max;
    this.#spanMs = spanMs;
  }

  /** Takes `count` if there are so many left, else none. @param nowMs monotonic milliseconds */
  take(nowMs: number, count = 1): boolean {
    this.#taken = this.#taken.filter(({ atMs }) => nowMs - atMs < this.#spanMs);
    if (this.#taken.reduce((sum, one) => sum + one.count, count) > this.#max) return false;
    const last = this.#taken.at(-1);
    if (last !== undefined && nowMs - last.atMs < 1) last.count += count;
    else this.#taken.push({ atMs: nowMs, count });
    return true;
  }
}
