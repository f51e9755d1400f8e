/**
 * What a series was lately: the mean of each of the last 60 minutes and 48 half hours, and the highest single value of each of the last 28
 * quarters of a day. Pure; bounded: 576 bytes a series.
 */
const MINUTE_MS = 60_000;
const HALF_HOUR_MS = 30 * MINUTE_MS;
const QUARTER_DAY_MS = 6 * 60 * MINUTE_MS;
const MINUTES = 60;
const HALF_HOURS = 48;
const QUARTER_DAYS = 28;

/** Bytes that {@link LevelHistory.write} takes. */
export const HISTORY_BYTES = [MINUTES, HALF_HOURS, QUARTER_DAYS].reduce((sum, slots) => sum + bytesOf(slots), 0);

/** The recent past of one series. */
export class LevelHistory {
  readonly #minutes = new Ring(MINUTES, MINUTE_MS);
  readonly #halfHours = new Ring(HALF_HOURS, HALF_HOUR_MS);
  readonly #peaks = new Ring(QUARTER_DAYS, QUARTER_DAY_MS);

  /** The mean of the minute that ends at `endUnixMs`. */
  addMinute(mean: number, endUnixMs: number): void {
    const atUnixMs = endUnixMs - 1;
    this.#minutes.put(atUnixMs, mean);
    const known = this.#minutes.since(Math.floor(atUnixMs / HALF_HOUR_MS) * HALF_HOUR_MS).filter(Number.isFinite);
    this.#halfHours.put(atUnixMs, known.reduce((sum, one) => sum + one, 0) / known.length);
  }

  /** A single value, of some seconds. */
  addPeak(value: number, atUnixMs: number): void {
    const highest = this.#peaks.at(atUnixMs);
    if (!(highest >= value)) this.#peaks.put(atUnixMs, value);
  }

  /** The highest single value of the last seven days; NaN: there was none. */
  get highest(): number {
    const known = this.#peaks.list().filter(Number.isFinite);
    return known.length === 0 ? Number.NaN : Math.max(...known);
  }

  /** Means of the latest 60 minutes, oldest first; NaN where nothing is known. */
  get minutes(): readonly number[] {
    return this.#minutes.list();
  }

  /** Means of the latest 48 half hours, oldest first; NaN where nothing is known. */
  get halfHours(): readonly number[] {
    return this.#halfHours.list();
  }

  /** Writes it into {@link HISTORY_BYTES} bytes from `offset` on. */
  write(view: DataView, offset: number): void {
    let at = offset;
    for (const ring of this.#rings) at = ring.write(view, at);
  }

  /** Takes what {@link write} wrote. Values that are no level are taken as not known. */
  read(view: DataView, offset: number): void {
    let at = offset;
    for (const ring of this.#rings) at = ring.read(view, at);
  }

  get #rings(): readonly Ring[] {
    return [this.#minutes, this.#halfHours, this.#peaks];
  }
}

/** One value a slot of time; slots that were passed over are NaN. */
class Ring {
  readonly #values: Float32Array;
  readonly #slotMs: number;
  /** The latest slot, counted from 1970; 0: nothing is known. */
  #last = 0;

  constructor(slots: number, slotMs: number) {
    this.#values = new Float32Array(slots).fill(Number.NaN);
    this.#slotMs = slotMs;
  }

  /** A clock that was set back a little stays at the latest slot; one that was set back further than is kept begins anew. */
  put(atUnixMs: number, value: number): void {
    const slots = this.#values.length;
    const now = Math.floor(atUnixMs / this.#slotMs);
    const isAnew = now <= this.#last - slots;
    if (isAnew) this.#values.fill(Number.NaN);
    const slot = isAnew ? now : Math.max(now, this.#last);
    const passed = Math.min(slot - this.#last, slots);
    for (let back = 0; back < passed; back++) this.#values[(slot - back) % slots] = Number.NaN;
    this.#last = slot;
    this.#values[slot % slots] = value;
  }

  /** NaN: nothing is known. */
  at(atUnixMs: number): number {
    const slot = Math.floor(atUnixMs / this.#slotMs);
    const isKept = slot <= this.#last && slot > this.#last - this.#values.length;
    return isKept ? (this.#values[slot % this.#values.length] ?? Number.NaN) : Number.NaN;
  }

  list(): number[] {
    const slots = this.#values.length;
    return Array.from({ length: slots }, (_, index) => this.#values[(this.#last + 1 + index) % slots] ?? Number.NaN);
  }

  /** Values of the slots from an instant on. */
  since(fromUnixMs: number): number[] {
    const first = Math.ceil(fromUnixMs / this.#slotMs);
    return this.list().slice(-Math.max(1, this.#last - first + 1));
  }

  write(view: DataView, offset: number): number {
    view.setFloat64(offset, this.#last);
    for (const [index, value] of this.#values.entries()) view.setFloat32(offset + 8 + index * 4, value);
    return offset + bytesOf(this.#values.length);
  }

  read(view: DataView, offset: number): number {
    const last = view.getFloat64(offset);
    const isWhole = Number.isSafeInteger(last) && last >= 0;
    this.#last = isWhole ? last : 0;
    for (let index = 0; index < this.#values.length; index++) {
      const value = view.getFloat32(offset + 8 + index * 4);
      this.#values[index] = isWhole && value >= 0 && Number.isFinite(value) ? value : Number.NaN;
    }
    return offset + bytesOf(this.#values.length);
  }
}

function bytesOf(slots: number): number {
  return 8 + 4 * slots;
}
