/** From what was counted between two looks to levels: means over ten seconds, and at once what is far above. Pure: time is given. */

/** What is measured. `early`: from how much a second on it may be told at once; `null`: it waits. */
const MEASURES = {
  "packets-in": null,
  "bytes-in": null,
  "packets-out": 500,
  "bytes-out": 1_000_000,
  "connections-out": 20,
  "mail-connections-out": 5,
} as const;
/** Names of what is measured. */
export type Measure = keyof typeof MEASURES;

/** So much above what was last told is told at once. */
const FAR_ABOVE = 4;
/** So much above what is usual of late is worth a look at who it is. */
const HIGH = 1.5;
const USUAL_PART = 0.1;
/** A series in which nothing was counted for so long is told no more. */
const FORGET_MS = 600_000;

/** Whose traffic it is. */
export interface Rate {
  readonly measure: Measure;
  /** Such as `eth0` or `account:1003`. */
  readonly of: string;
  readonly perSecond: number;
  /** Whether it is so much more than usual that it is worth to find out who makes it up. */
  readonly isHigh: boolean;
}

interface Series {
  readonly measure: Measure;
  readonly of: string;
  /** Counted since the last look, and since the last time that all were told. */
  inLook: number;
  inSpan: number;
  /** The same of the look and the span before. */
  lastLook: number;
  lastSpan: number;
  /** The highest that was told since the last but one time that all were told. */
  told: number;
  usual: number | null;
  countedMs: number;
}

/** One for all series that are looked at together. Memory: 200 bytes a series, at most `maxSeries`. */
export class TrafficMeter {
  readonly #maxSeries: number;
  readonly #series = new Map<string, Series>();
  #hasTold = false;
  /** Amounts that found no place. */
  notKept = 0;

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  /** Counts. A series begins when something is counted in it, unless `always`. */
  add(measure: Measure, of: string, amount: number, nowMs: number, always = false): void {
    const name = `${measure} ${of}`;
    let series = this.#series.get(name);
    if (series === undefined) {
      if (amount === 0 && !always) return;
      if (this.#series.size >= this.#maxSeries) {
        this.notKept++;
        return;
      }
      series = { measure, of, inLook: 0, inSpan: 0, lastLook: 0, lastSpan: 0, told: 0, usual: null, countedMs: nowMs };
      this.#series.set(name, series);
    }
    series.inLook += amount;
    series.inSpan += amount;
    if (amount > 0 || always) series.countedMs = nowMs;
  }

  /** Ends a look of `spanMs`. @returns what is far above what was last told, highest first */
  endLook(spanMs: number): Rate[] {
    const early: Rate[] = [];
    for (const series of this.#series.values()) {
      const perSecond = (series.inLook * 1000) / spanMs;
      series.lastLook = series.inLook;
      series.inLook = 0;
      const least = MEASURES[series.measure];
      if (!this.#hasTold || least === null || perSecond < Math.max(least, FAR_ABOVE * series.told)) continue;
      series.told = perSecond;
      early.push({ measure: series.measure, of: series.of, perSecond: rounded(perSecond), isHigh: true });
    }
    return early.sort((a, b) => b.perSecond - a.perSecond);
  }

  /** Ends a time of `spanMs`. @returns all series */
  endSpan(spanMs: number, nowMs: number): Rate[] {
    this.#hasTold = true;
    const rates: Rate[] = [];
    for (const [name, series] of this.#series) {
      const { measure, of, usual } = series;
      const perSecond = (series.inSpan * 1000) / spanMs;
      const least = MEASURES[measure];
      const isHigh = least !== null && perSecond >= least && perSecond > HIGH * (usual ?? 0);
      rates.push({ measure, of, perSecond: rounded(perSecond), isHigh });
      series.lastSpan = series.inSpan;
      series.inSpan = 0;
      series.told = perSecond;
      series.usual = usual === null ? perSecond : usual + (perSecond - usual) * USUAL_PART;
      if (nowMs - series.countedMs > FORGET_MS) this.#series.delete(name);
    }
    return rates;
  }

  /** Ends all series of what is not there any more. */
  keep(isThere: (of: string) => boolean): void {
    for (const [name, { of }] of this.#series) if (!isThere(of)) this.#series.delete(name);
  }

  /** Of whom most was counted in the look, or span, that has just ended. */
  most(measure: Measure, which: "lastLook" | "lastSpan", count: number): { of: string; amount: number }[] {
    return [...this.#series.values()]
      .filter((series) => series.measure === measure && series[which] > 0)
      .sort((a, b) => b[which] - a[which])
      .slice(0, count)
      .map((series) => ({ of: series.of, amount: series[which] }));
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
