/** At most so many in any span of time. Memory: one number each. The clock is the caller's. */
export class RateLimit {
  readonly #max: number;
  readonly #spanMs: number;
  #takenMs: number[] = [];

  constructor(max: number, spanMs: number) {
    this.#max = max;
    this.#spanMs = spanMs;
  }

  /** Takes one if there is one left. @param nowMs monotonic milliseconds */
  take(nowMs: number): boolean {
    this.#takenMs = this.#takenMs.filter((at) => nowMs - at < this.#spanMs);
    if (this.#takenMs.length >= this.#max) return false;
    this.#takenMs.push(nowMs);
    return true;
  }
}
