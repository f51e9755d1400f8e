/** Learns what is ordinary of a number over time, and says when it is not. Pure: the caller has the clock and the store. */
import { judgeLimit, judgeStrength, neededRarity, type Verdict } from "./alarm.ts";
import { type Band, bandAt } from "./band.ts";
import { type Finding, type LevelReason, nothingFound } from "./finding.ts";
import { SILENCE_TAIL, SIZE, SUM, TAILS } from "./layout.ts";
import { type Memory, makeMemory, sizeOf } from "./memory.ts";
import { type Arrival, rankValue } from "./rank-value.ts";
import { addMoment, type Silence, silenceAt } from "./rhythm.ts";
import { readState, writeState } from "./state.ts";
import { clearTail, rareDistance } from "./tail.ts";

const DAY_MS = 86_400_000;
/** Nothing is learnt of fewer values. */
const LEARN_VALUES = 150;
/** Values are taken to be no farther from 0, and nothing when they are nearer than {@link LEAST_VALUE}: both fit into 32 bits. */
const MAX_VALUE = 1e30;
const LEAST_VALUE = 1e-30;
/** More false alarms a week than anyone bears. */
const MAX_RATE = 1000;

/** How a series is judged. */
export interface LevelOptions {
  /** How many false alarms a week are borne, at most. @default 1 */
  readonly falseAlarmsPerWeek?: number;
  /** How long it learns: nothing is told but what is beyond a hard limit. @default 24 h */
  readonly learnMs?: number;
  /** A value above is told whatever was learnt. @default none */
  readonly max?: number;
  /** A value below is told whatever was learnt. @default none */
  readonly min?: number;
  /** A smaller difference is nothing, in the unit of the values. @default 0 */
  readonly leastChange?: number;
  /** How far the clock on the wall is ahead of UTC at a moment; called with each value. @default UTC */
  readonly localOffsetMs?: (atUnixMs: number) => number;
}

/** What a value means. */
export interface LevelReading extends Band {
  /** 0 to 1; an alert has 0.5 or more, everything else less. */
  readonly score: number;
  readonly isAlert: boolean;
  readonly isLearning: boolean;
  /** What was rarest about it, also when it is no alert; `null` when nothing was. */
  readonly reason: LevelReason | null;
  /**
   * Value divided by the nearer end of the band: 8 is eight times as much as ordinary. 1 between them, `null` when that end is not
   * above 0.
   */
  readonly times: number | null;
  /** What it was compared with: the last value, a mean, the middle of this hour, a hard limit; of a silence, how long it was in ms. */
  readonly compared: number;
  /** 98 of 100 distances from that are no larger; 0 when there is none. */
  readonly usualDistance: number;
}

/**
 * One series. It keeps {@link LevelDetector.sizeBytes} bytes, whatever it sees.
 *
 * @example
 * const detector = new LevelDetector({ falseAlarmsPerWeek: 0.1 });
 * const { isAlert, expectedLow, expectedHigh } = detector.add(Date.now(), packetsPerSecond);
 */
export class LevelDetector {
  /** What the memory of a series takes. */
  static readonly sizeBytes = sizeOf(SIZE);

  readonly #options: LevelOptions;
  readonly #memory: Memory;

  /**
   * @param state what {@link LevelDetector.save} gave, to go on from there
   * @throws RangeError when an option is out of bounds
   * @throws GarrisonError GARRISON_LEVEL_STATE when the state is damaged, or of another version
   */
  constructor(options: LevelOptions = {}, state?: Uint8Array) {
    checkOptions(options);
    this.#options = options;
    this.#memory = state === undefined ? emptyMemory() : readState(state);
  }

  /** How many values it has seen. */
  get values(): number {
    return this.#memory.sums[SUM.values]!;
  }

  /** Whether nothing is told yet but what is beyond a hard limit. */
  get isLearning(): boolean {
    const { sums } = this.#memory;
    return sums[SUM.values]! < LEARN_VALUES || sums[SUM.watchedMs]! < (this.#options.learnMs ?? DAY_MS);
  }

  /** All that it knows, for a later constructor. */
  save(): Uint8Array<ArrayBuffer> {
    return writeState(this.#memory);
  }

  /** What is ordinary at a moment. */
  expectedAt(atUnixMs: number): Band {
    return bandAt(this.#memory, this.#localAt(atUnixMs));
  }

  /**
   * Judges a value by what was before it, and then learns from it.
   * @param atUnixMs end of the time that it is of; values may be missing, and the clock may be set forward or back
   * @param value finite
   * @throws RangeError when either is no finite number
   */
  add(atUnixMs: number, value: number): LevelReading {
    if (!Number.isFinite(value)) throw new RangeError(`Cannot add ${value} to a series: a finite number is wanted`);
    if (!Number.isFinite(atUnixMs))
      throw new RangeError(`Cannot add a value at ${atUnixMs}: Unix milliseconds are wanted`);
    const bounded = boundValue(value);
    const { isLearning } = this;
    const localUnixMs = this.#localAt(atUnixMs);
    const band = this.#bandFor(bounded, localUnixMs);
    const isOrdinary = band.basis === "week" && bounded >= band.expectedLow && bounded <= band.expectedHigh;
    const found = this.#learn(atUnixMs, { value: bounded, localUnixMs, isOrdinary });
    const verdict = this.#judge(bounded, found, isLearning);
    const { reason, compared, usualDistance } = found;
    return { ...verdict, isLearning, reason, ...band, times: timesOff(bounded, band), compared, usualDistance };
  }

  /** The silence at a moment, when there has been no value for unusually long. Ask as often as values are wanted. */
  silenceAt(nowUnixMs: number): Silence | null {
    return this.isLearning ? null : silenceAt(this.#memory, nowUnixMs, this.#needed());
  }

  #localAt(atUnixMs: number): number {
    return atUnixMs + (this.#options.localOffsetMs?.(atUnixMs) ?? 0);
  }

  #needed(): number {
    return neededRarity(this.#memory, this.#options.falseAlarmsPerWeek ?? 1);
  }

  #bandFor(value: number, localUnixMs: number): Band {
    if (this.values === 0) return { expectedLow: value, expectedHigh: value, basis: "all" };
    return bandAt(this.#memory, localUnixMs);
  }

  #learn(atUnixMs: number, arrival: Omit<Arrival, "isAfterGap" | "leastChange">): Finding {
    const found = nothingFound();
    const { isGap, rarity, spanMs } = addMoment(this.#memory, atUnixMs);
    if (rarity > 0) {
      const usualDistance = rareDistance(this.#memory, SILENCE_TAIL);
      Object.assign(found, { rarity, reason: "silence", compared: spanMs, usualDistance });
    }
    const { leastChange = 0 } = this.#options;
    rankValue(this.#memory, { ...arrival, isAfterGap: isGap, leastChange }, found);
    this.#memory.sums[SUM.values]! += 1;
    return found;
  }

  #judge(value: number, found: Finding, isLearning: boolean): Verdict {
    const verdict = judgeStrength(this.#memory, found.rarity - this.#needed(), isLearning);
    const { max = Number.POSITIVE_INFINITY, min = Number.NEGATIVE_INFINITY } = this.#options;
    if (value <= max && value >= min) return verdict;
    const isAbove = value > max;
    const limit = judgeLimit(this.#memory, isAbove ? value - max : min - value);
    if (!limit.isAlert) return verdict;
    Object.assign(found, {
      reason: isAbove ? "above-max" : "below-min",
      compared: isAbove ? max : min,
      usualDistance: 0,
    });
    return limit;
  }
}

function emptyMemory(): Memory {
  const memory = makeMemory(SIZE);
  for (let tail = 0; tail < TAILS; tail++) clearTail(memory, tail);
  return memory;
}

function boundValue(value: number): number {
  return Math.abs(value) < LEAST_VALUE ? 0 : Math.max(-MAX_VALUE, Math.min(MAX_VALUE, value));
}

function timesOff(value: number, { expectedLow, expectedHigh }: Band): number | null {
  if (value >= expectedLow && value <= expectedHigh) return 1;
  const end = value > expectedHigh ? expectedHigh : expectedLow;
  return end <= 0 || value < 0 ? null : value / end;
}

function checkOptions({ falseAlarmsPerWeek = 1, learnMs = 0, leastChange = 0, max = 0, min = 0 }: LevelOptions): void {
  const isSound = falseAlarmsPerWeek > 0 && falseAlarmsPerWeek <= MAX_RATE && learnMs >= 0 && leastChange >= 0;
  if (isSound && Number.isFinite(max) && Number.isFinite(min) && Number.isFinite(learnMs + leastChange)) return;
  throw new RangeError(
    `Cannot watch a series with ${JSON.stringify({ falseAlarmsPerWeek, learnMs, leastChange, max, min })}: expected finite numbers, falseAlarmsPerWeek above 0 and at most ${MAX_RATE}, learnMs and leastChange 0 or more`,
  );
}
