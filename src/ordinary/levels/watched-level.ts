/**
 * One series as it is watched: values of some seconds come in, means of minutes go to the detector, and what departs from the ordinary is
 * told once, until it has been ordinary again for five minutes. Pure; bounded.
 */
import type { Band } from "./band.ts";
import { LevelDetector, type LevelOptions, type LevelReading } from "./detector.ts";
import { HISTORY_BYTES, LevelHistory } from "./history.ts";

const MINUTE_MS = 60_000;
const CALM_MINUTES = 5;
/** A clock that was set back further than this is followed. */
const SET_BACK_MS = 24 * 60 * MINUTE_MS;
// A value is told before its minute is over only when nothing like it has been there in a week.
const TIMES_HIGHEST = 2;
const TIMES_EXPECTED = 3;
const TIMES_OTHERS = 4;
/** A departure that grows so many times is told again. */
const TIMES_TOLD = 2;
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** What is asked of a series beside its own past. */
export interface LevelBounds {
  /** Nothing below it is unusually high. */
  readonly floor: number;
  /** From here on a value is told whatever was learnt; `null`: there is no such limit. */
  readonly limit: number | null;
  readonly isLowTold: boolean;
  /** The most that is ordinary for any other series of its kind; `null`: not known. */
  readonly othersHigh: () => number | null;
}

/** A value of a series, and the time that it is of. */
export interface LevelValue {
  readonly value: number;
  readonly endUnixMs: number;
  readonly spanMs: number;
}

/** Something to tell. `calm`: it is over. */
export interface LevelFinding {
  readonly type: "departed" | "calm";
  readonly direction: "high" | "low";
  /**
   * `history`: unusual by its own past; `peak`: more than twice the highest single value of a week; `limit`: beyond the limit that is set;
   * `newcomer`: it has no past yet, and is more than four times what is ordinary for any other of its kind.
   */
  readonly because: "history" | "peak" | "limit" | "newcomer";
  readonly value: number;
  /** `null` while nothing is known. */
  readonly expected: Band | null;
}

interface Minute {
  readonly endUnixMs: number;
  sum: number;
  spanMs: number;
}

type Told = Omit<LevelFinding, "type"> & { readonly calmMinutes: number };

/** Values up to `high` are ordinary until then. */
interface Accepted {
  readonly high: number;
  readonly untilUnixMs: number;
}

/** What of it is stored beside its past. */
interface Kept {
  readonly lastUnixMs: number;
  readonly last: number;
  readonly told: Told | null;
  readonly accepted: Accepted | null;
}

/** A series as it is stored. */
export interface StoredState {
  /** JSON. */
  readonly state: string;
  readonly past: Uint8Array;
}

/** One series. */
export class WatchedLevel {
  readonly history = new LevelHistory();
  readonly #detector: LevelDetector;
  #minute: Minute | null = null;
  #told: Told | null = null;
  #accepted: Accepted | null = null;
  #lastUnixMs = 0;
  #last = 0;

  /** @param past as {@link toStored} gave it */
  constructor(options: LevelOptions, past?: Uint8Array) {
    this.#detector = new LevelDetector(options, past?.subarray(HISTORY_BYTES));
    if (past !== undefined) this.history.read(new DataView(past.buffer, past.byteOffset, past.byteLength), 0);
  }

  /** What is ordinary now; `null` while it is learnt. */
  get expected(): Band | null {
    return this.isYoung ? null : this.#detector.expectedAt(this.#lastUnixMs);
  }

  /** Whether it is too young to have an ordinary of its own. */
  get isYoung(): boolean {
    return this.#detector.isLearning;
  }

  /** The latest value, and the end of its time; 0: there was none. */
  get latest(): { readonly value: number; readonly atUnixMs: number } {
    return { value: this.#last, atUnixMs: this.#lastUnixMs };
  }

  /** What is told of it and is not over. */
  get departure(): Omit<LevelFinding, "type"> | null {
    return this.#told;
  }

  /** What was told is ordinary from now on: values up to a fifth above it. @param untilUnixMs `null`: for ever */
  accept(untilUnixMs: number | null): void {
    if (this.#told?.direction === "high") {
      this.#accepted = { high: this.#told.value * 1.2, untilUnixMs: untilUnixMs ?? FOR_EVER };
    }
    this.#told = null;
  }

  /** Takes a value. One that is no later than the latest is passed over: it was sent twice. */
  take(given: LevelValue, asked: LevelBounds): LevelFinding | null {
    const { value, endUnixMs } = given;
    const bounds = this.#withAccepted(asked, endUnixMs);
    if (endUnixMs <= this.#lastUnixMs && this.#lastUnixMs - endUnixMs < SET_BACK_MS) return null;
    this.#last = value;
    this.#lastUnixMs = endUnixMs;
    const ofMinute = this.#endMinute(given, bounds);
    const found = ofMinute ?? this.#atOnce(value, bounds);
    this.history.addPeak(value, endUnixMs);
    this.#add(given);
    return found;
  }

  #withAccepted(bounds: LevelBounds, nowUnixMs: number): LevelBounds {
    if (this.#accepted === null) return bounds;
    const { high, untilUnixMs } = this.#accepted;
    if (nowUnixMs >= untilUnixMs) {
      this.#accepted = null;
      return bounds;
    }
    const { floor, limit } = bounds;
    return { ...bounds, floor: Math.max(floor, high), limit: limit === null ? null : Math.max(limit, high) };
  }

  /** Collects into the minute that is running. */
  #add({ value, endUnixMs, spanMs }: LevelValue): void {
    this.#minute ??= { endUnixMs: (Math.floor((endUnixMs - 1) / MINUTE_MS) + 1) * MINUTE_MS, sum: 0, spanMs: 0 };
    this.#minute.sum += value * spanMs;
    this.#minute.spanMs += spanMs;
  }

  /** The running minute goes to the detector when a value of a later one comes. */
  #endMinute({ endUnixMs }: LevelValue, bounds: LevelBounds): LevelFinding | null {
    const minute = this.#minute;
    if (minute === null || (endUnixMs <= minute.endUnixMs && endUnixMs > minute.endUnixMs - MINUTE_MS)) return null;
    this.#minute = null;
    const mean = minute.spanMs === 0 ? 0 : minute.sum / minute.spanMs;
    this.history.addMinute(mean, minute.endUnixMs);
    const reading = this.#detector.add(minute.endUnixMs, mean);
    return this.#told === null ? this.#judge(mean, reading, bounds) : this.#follow(mean, this.#told, bounds);
  }

  #judge(mean: number, reading: LevelReading, bounds: LevelBounds): LevelFinding | null {
    if (!reading.isAlert || this.isYoung) return null;
    if (mean > reading.expectedHigh && mean > bounds.floor) return this.#tell("high", "history", mean);
    if (mean < reading.expectedLow && bounds.isLowTold) return this.#tell("low", "history", mean);
    return null;
  }

  /** Whether what was told is over. */
  #follow(mean: number, told: Told, bounds: LevelBounds): LevelFinding | null {
    const calmMinutes = this.#isCalm(mean, told, bounds) ? told.calmMinutes + 1 : 0;
    this.#told = { ...told, calmMinutes };
    if (calmMinutes < CALM_MINUTES) return null;
    this.#told = null;
    const { direction, because } = told;
    return { type: "calm", direction, because, value: mean, expected: this.expected };
  }

  /** Three quarters of the way back to what was ordinary when it began: what is learnt since is of the departure itself. */
  #isCalm(mean: number, { direction, value, expected }: Told, { floor, limit }: LevelBounds): boolean {
    if (direction === "low") {
      const low = expected?.expectedLow ?? 0;
      return mean >= low - (low - value) / 4;
    }
    const high = Math.max(floor, expected?.expectedHigh ?? floor);
    return mean <= high + Math.max(0, value - high) / 4 && !(limit !== null && mean > limit);
  }

  /** What does not wait for the end of its minute. */
  #atOnce(value: number, bounds: LevelBounds): LevelFinding | null {
    const { floor, limit } = bounds;
    if (this.#told !== null) return value > this.#told.value * TIMES_TOLD ? this.#tellMore(value, this.#told) : null;
    if (limit !== null && value > limit) return this.#tell("high", "limit", value);
    if (value <= floor) return null;
    if (this.isYoung) {
      const others = bounds.othersHigh();
      return others !== null && value > others * TIMES_OTHERS ? this.#tell("high", "newcomer", value) : null;
    }
    const expected = this.expected?.expectedHigh ?? Number.POSITIVE_INFINITY;
    const isUnheardOf = value > this.history.highest * TIMES_HIGHEST && value > expected * TIMES_EXPECTED;
    return isUnheardOf ? this.#tell("high", "peak", value) : null;
  }

  #tell(direction: Told["direction"], because: Told["because"], value: number): LevelFinding {
    const finding = { direction, because, value, expected: this.expected };
    this.#told = { ...finding, calmMinutes: 0 };
    return { type: "departed", ...finding };
  }

  #tellMore(value: number, told: Told): LevelFinding | null {
    if (told.direction === "low") return null;
    this.#told = { ...told, value };
    const { direction, because, expected } = told;
    return { type: "departed", direction, because, value, expected };
  }

  /** As it is stored; the minute that is running is not. */
  toStored(): StoredState {
    const detector = this.#detector.save();
    const past = new Uint8Array(HISTORY_BYTES + detector.length);
    this.history.write(new DataView(past.buffer), 0);
    past.set(detector, HISTORY_BYTES);
    const state = {
      lastUnixMs: this.#lastUnixMs,
      last: this.#last,
      told: this.#told,
      accepted: this.#accepted,
    };
    return { state: JSON.stringify(state), past };
  }

  /** Takes what {@link toStored} gave. @throws GarrisonError, RangeError, SyntaxError when it is damaged */
  static fromStored({ state, past }: StoredState, options: LevelOptions): WatchedLevel {
    const level = new WatchedLevel(options, past);
    const { lastUnixMs, last, told, accepted } = JSON.parse(state) as Partial<Kept>;
    level.#lastUnixMs = isAmount(lastUnixMs) ? lastUnixMs : 0;
    level.#last = isAmount(last) ? last : 0;
    level.#told = isAmount(told?.value) && isAmount(told?.calmMinutes) ? told : null;
    level.#accepted = isAmount(accepted?.high) && isAmount(accepted?.untilUnixMs) ? accepted : null;
    return level;
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
