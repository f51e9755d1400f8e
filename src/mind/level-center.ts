/**
 * Levels in the mind: values of the sentry into series, departures into alerts. What was learnt is stored a little at a time, each series once an
 * hour and all of them at the end: a mind that is killed forgets at most the last hour of values.
 * Bounds: 10,000 series; values of more are counted and said.
 */
import type { Outcome } from "#src/judge/alerter.ts";
import type { Departure, LevelFacts, LevelSort, SensorFacts } from "#src/judge/contract.ts";
import type { Judge } from "#src/judge/judge.ts";
import type { LevelLimit } from "#src/levels/options.ts";
import { errorText } from "#src/lib/errors.ts";
import { LruMap } from "#src/lib/lru.ts";
import { matchesComponent } from "#src/lib/path-pattern.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Level, Levels, Observation } from "#src/model/observation.ts";
import type { LevelOptions } from "#src/ordinary/levels/detector.ts";
import { splitSeries } from "#src/ordinary/levels/series-name.ts";
import { type LevelBounds, type LevelFinding, WatchedLevel } from "#src/ordinary/levels/watched-level.ts";
import { bandText, formatLevel, momentText } from "#src/ordinary/levels/words.ts";
import type { Log } from "#src/processes/log.ts";
import { LevelStore } from "#src/store/level-store.ts";
import { isStoreFull, type Store, unlessFull } from "#src/store/store.ts";

const MAX_SERIES = 10_000;
const MAX_DETAILS = 100;
const MINUTE_MS = 60_000;
const FORGOTTEN_AFTER_MS = 30 * 86_400_000;
/** So many false alarms a week of all series together; rarer than this no single one can be told to be. */
const FALSE_ALARMS_A_WEEK = 1;
const RAREST = 0.05;
const NOT_LEARNT = "this host has not been watched long enough to know";
/** So many ticks until each series was stored once: an hour. */
const STORING_TICKS = 720;

/** What the center works with. */
export interface LevelCenterParts {
  readonly facts: ReadonlyMap<string, SensorFacts>;
  readonly limits: readonly LevelLimit[];
  readonly store: Store;
  readonly judge: Pick<Judge, "alert" | "settle">;
  readonly userName: (uid: number) => string | null;
  readonly log: Log;
  readonly now: () => number;
  tell(outcomes: readonly Outcome[]): void;
}

interface Series {
  readonly sensor: string;
  readonly name: string;
  readonly sort: LevelSort;
  readonly level: WatchedLevel;
}

/** The levels of one host. The owner disposes it. */
export class LevelCenter implements Disposable {
  readonly #parts: LevelCenterParts;
  readonly #levels: LevelStore;
  readonly #series = new Map<string, Series>();
  /** The latest of each series that had any. */
  readonly #details = new LruMap<string, JsonObject>(MAX_DETAILS);
  readonly #others = new Map<string, { readonly atUnixMs: number; readonly high: number | null }>();
  /** Series that are stored in this round, the next one last. */
  #unstored: Series[] = [];
  #storedATick = 1;
  /** Values of series for which there was no place. */
  #passedOver = 0;
  /** Read by the detectors with each value. */
  readonly #options: LevelOptions & { falseAlarmsPerWeek: number } = {
    falseAlarmsPerWeek: FALSE_ALARMS_A_WEEK,
    localOffsetMs,
  };

  constructor(parts: LevelCenterParts) {
    this.#parts = parts;
    this.#levels = new LevelStore(parts.store);
    this.#restore();
    this.#shareFalseAlarms();
  }

  /** Takes values of the sentry. Those that were taken before are passed over. */
  take(levels: Levels): void {
    const facts = this.#parts.facts.get(levels.sensor)?.levels;
    if (facts === undefined) return;
    const told = levels.wholeOf.length === 0 ? levels.values : [...levels.values, ...this.#nothingOf(levels)];
    const values = told.flatMap((one) => [one, ...(facts.derive?.(one, levels.atUnixMs) ?? [])]);
    const outcomes = values.flatMap((one) => this.#takeOne(levels, one, facts));
    if (outcomes.length > 0) this.#parts.tell(outcomes);
  }

  /** An alert of a level was accepted: so much of it is ordinary. @param untilUnixMs `null`: for ever */
  accept({ sensor, subject }: Alert, untilUnixMs: number | null): void {
    if (subject.type === "level") this.#series.get(`${sensor} ${subject.series}`)?.level.accept(untilUnixMs);
  }

  /** For `garrison levels`: one item a series, by sensor and name. */
  describe(): readonly JsonObject[] {
    const sorted = [...this.#series.values()].sort(
      (one, other) => compare(one.sensor, other.sensor) || compare(one.name, other.name),
    );
    return sorted.map(({ sensor, name, sort, level }) => {
      const { expected, departure, latest, isYoung, history } = level;
      return {
        sensor,
        series: name,
        scope: sort.scope,
        unit: sort.unit,
        value: latest.value,
        at: new Date(latest.atUnixMs).toISOString(),
        expectedLow: expected?.expectedLow ?? null,
        expectedHigh: expected?.expectedHigh ?? null,
        state: departure !== null ? departure.direction : isYoung ? "learning" : "ordinary",
        isTold: sort.isTold,
        day: history.halfHours.map(rounded),
      };
    });
  }

  /** What is left out and why, for the status of a sensor. */
  blindTo(sensor: string): readonly string[] {
    const isOurs = this.#passedOver > 0 && this.#parts.facts.get(sensor)?.levels !== undefined;
    return isOurs ? [`${this.#passedOver} values of more than ${MAX_SERIES} series of levels`] : [];
  }

  /** Stores the next few series. Called each some seconds. */
  tick(): void {
    if (this.#unstored.length === 0) {
      this.#forgetOld();
      this.#shareFalseAlarms();
      this.#unstored = [...this.#series.values()];
      this.#storedATick = Math.ceil(this.#unstored.length / STORING_TICKS);
    }
    this.#store(this.#unstored.splice(-this.#storedATick));
  }

  /** Stores all of them. */
  [Symbol.dispose](): void {
    this.#store([...this.#series.values()]);
  }

  #takeOne(
    { sensor, atUnixMs, spanMs }: Levels,
    { series: name, value, detail }: Level,
    facts: LevelFacts,
  ): readonly Outcome[] {
    const series = this.#seriesOf(sensor, name, facts);
    if (series === null) return [];
    const finding = series.level.take({ value, endUnixMs: atUnixMs, spanMs }, this.#boundsOf(series));
    const key = `${sensor} ${name}`;
    if (detail !== null) this.#details.set(key, detail);
    if (finding === null || !series.sort.isTold) return [];
    const known = detail ?? this.#details.get(key) ?? null;
    return this.#keep(() => this.#tellOf(series, finding, facts, known, atUnixMs));
  }

  /** Series that are known and that there is nothing of. */
  #nothingOf({ sensor, values, wholeOf }: Levels): readonly Level[] {
    const told = new Set(values.map(({ series }) => series));
    return [...this.#series.values()]
      .filter(
        (one) => one.sensor === sensor && !told.has(one.name) && wholeOf.some((begin) => one.name.startsWith(begin)),
      )
      .map(({ name }) => ({ series: name, value: 0, detail: null }));
  }

  #seriesOf(sensor: string, name: string, facts: LevelFacts): Series | null {
    const key = `${sensor} ${name}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const sort = this.#sortOf(name, facts);
    if (sort === null) return null;
    if (this.#series.size >= MAX_SERIES) {
      this.#passedOver++;
      return null;
    }
    const series = { sensor, name, sort, level: new WatchedLevel(this.#options) };
    this.#series.set(key, series);
    return series;
  }

  /** What its sensor says of a series, with the limit that is set for it: that one is told in any case. */
  #sortOf(name: string, facts: LevelFacts): LevelSort | null {
    const sort = facts.sortOf(name, this.#parts.userName);
    const limit = this.#parts.limits.find(({ series }) => matchesComponent(series, name));
    return sort === null || limit === undefined ? sort : { ...sort, isTold: true, limit: limit.above };
  }

  #boundsOf({ sensor, name, sort }: Series): LevelBounds {
    const { floor, limit, isLowTold = false } = sort;
    return { floor, limit, isLowTold, othersHigh: () => this.#othersHigh(sensor, splitSeries(name).kind) };
  }

  /** The most that is ordinary for any series of a kind that has an ordinary; `null`: there is none. */
  #othersHigh(sensor: string, kind: string): number | null {
    const key = `${sensor} ${kind}`;
    const known = this.#others.get(key);
    const now = this.#parts.now();
    if (known !== undefined && now - known.atUnixMs < MINUTE_MS) return known.high;
    let high: number | null = null;
    for (const one of this.#series.values()) {
      if (one.sensor !== sensor || splitSeries(one.name).kind !== kind) continue;
      const { expected } = one.level;
      if (expected !== null) high = Math.max(high ?? 0, expected.expectedHigh);
    }
    this.#others.set(key, { atUnixMs: now, high });
    return high;
  }

  #tellOf(
    series: Series,
    finding: LevelFinding,
    facts: LevelFacts,
    detail: JsonObject | null,
    atUnixMs: number,
  ): readonly Outcome[] {
    const { judge } = this.#parts;
    const { sensor, name } = series;
    const key = keyOf(name);
    if (finding.type === "calm") return judge.settle(sensor, key);
    const observation: Observation = {
      sensor,
      type: "present",
      key,
      group: "",
      subject: { type: "level", series: name },
      facts: null,
      who: null,
      atUnixMs,
      scanned: false,
    };
    return judge.alert(observation, facts.judge(departureOf(series, finding, detail, atUnixMs)));
  }

  /** Without room in the store it is told all the same. */
  #keep(work: () => readonly Outcome[]): readonly Outcome[] {
    const { store } = this.#parts;
    try {
      return store.transaction(work);
    } catch (error) {
      if (!isStoreFull(error)) throw error;
      return store.rehearse(work);
    }
  }

  #store(series: readonly Series[]): void {
    if (series.length === 0) return;
    unlessFull(() =>
      this.#parts.store.transaction(() => {
        for (const { sensor, name, level } of series) {
          this.#levels.put({ sensor, series: name, atUnixMs: level.latest.atUnixMs, ...level.toStored() });
        }
      }),
    );
  }

  #restore(): void {
    const { facts, log } = this.#parts;
    for (const { sensor, series: name, ...stored } of this.#levels.list(MAX_SERIES)) {
      const levels = facts.get(sensor)?.levels;
      const sort = levels === undefined ? null : this.#sortOf(name, levels);
      if (sort === null) continue;
      try {
        this.#series.set(`${sensor} ${name}`, {
          sensor,
          name,
          sort,
          level: WatchedLevel.fromStored(stored, this.#options),
        });
      } catch (error) {
        log.warn("what was learnt of a level cannot be read; it is learnt anew", {
          sensor,
          series: name,
          reason: errorText(error),
        });
      }
    }
  }

  /** Only series that reach their floor can give a false alarm: these share what is borne. */
  #shareFalseAlarms(): void {
    const able = [...this.#series.values()].filter(
      ({ sort, level }) => sort.isTold && level.history.highest >= sort.floor,
    );
    this.#options.falseAlarmsPerWeek = Math.max(RAREST, FALSE_ALARMS_A_WEEK / Math.max(1, able.length));
  }

  #forgetOld(): void {
    const before = this.#parts.now() - FORGOTTEN_AFTER_MS;
    for (const [key, { sensor, name, level }] of this.#series) {
      if (level.latest.atUnixMs >= before) continue;
      this.#series.delete(key);
      unlessFull(() => this.#levels.forget(sensor, name));
    }
  }
}

/** A departure in words. */
function departureOf(series: Series, finding: LevelFinding, detail: JsonObject | null, atUnixMs: number): Departure {
  const { direction, because, value, expected } = finding;
  const { name, sort } = series;
  const ordinary = ordinaryWords(series, finding, atUnixMs);
  const observed = observedWords(series, finding);
  return { series: name, sort, direction, because, value, expected, ordinary, observed, detail, atUnixMs };
}

function ordinaryWords({ name, sort }: Series, { expected, because }: LevelFinding, atUnixMs: number): string {
  if (expected !== null) {
    const moment = momentText(expected.basis, atUnixMs + localOffsetMs(atUnixMs));
    return `${moment} this host has ${bandText(expected)} ${sort.unit} ${sort.scope}`;
  }
  return because === "newcomer"
    ? `nothing is known of it yet, and a quarter of it would be more than any other series of ${splitSeries(name).kind} has`
    : NOT_LEARNT;
}

function observedWords({ sort }: Series, { value, expected, because }: LevelFinding): string {
  const high = expected?.expectedHigh ?? 0;
  return [
    `${formatLevel(value)} ${sort.unit} ${sort.scope}`,
    ...(high > 0 && value > high ? [`${formatLevel(value / high)} times as much`] : []),
    ...(because === "limit" ? [`the limit is ${formatLevel(sort.limit ?? 0)}`] : []),
  ].join(", ");
}

/** How far the host's own time is ahead of UTC. */
function localOffsetMs(atUnixMs: number): number {
  return -new Date(atUnixMs).getTimezoneOffset() * MINUTE_MS;
}

function keyOf(series: string): string {
  return `level ${series}`;
}

/** By code unit, whatever the locale. */
function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}
