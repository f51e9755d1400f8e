/**
 * Runs rules on candidate lines, within a limit of time: a rule that takes longer, or throws, is disabled by name, and the others go
 * on where they were.
 */
import { errorText } from "#src/lib/errors.ts";
import type { LineRule, LineView, LogHit } from "../contract.ts";
import { runWithin } from "./time-limit.ts";

/** Each search of a rule is timed at first, then each sixteenth. */
const TIMED_FIRST = 16;
/** A search that was cut is tried again so often, for twice as long each time, while it gets hardly any CPU. */
const MOST_RETRIES = 5;
/** Limits that a rule may take for all lines of a batch that it looks at together: it must look at each line of a log. */
const LIMITS_TOGETHER = 10;

/** Which rules look at which lines. Pairs in the order of the lines, and of the rules for each line. */
export interface SearchBatch {
  /** Index of the rule of each pair. */
  readonly rules: readonly number[];
  /** Number of the line of each pair. */
  readonly lines: readonly number[];
  /** The same for each call with the same number. */
  view(line: number): LineView;
}

/** What one rule has done. */
export interface RuleStats {
  readonly name: string;
  /** Lines that it has looked at. */
  readonly searches: number;
  readonly hits: number;
  /** Estimated from each sixteenth search. */
  readonly cpuMicros: number;
  readonly isDisabled: boolean;
}

/** Limits, and who is told. */
export interface RuleRunnerOptions {
  /** CPU milliseconds that one rule may take for one batch. */
  readonly limitMs: number;
  onDisabled(rule: string, reason: string): void;
}

interface Runnable extends RuleStats {
  readonly rule: LineRule;
  searches: number;
  hits: number;
  cpuMicros: number;
  isDisabled: boolean;
  /** Wall milliseconds of a batch that is watched more closely. */
  watchedMs: number;
}

/** Runs a list of rules. */
export class RuleRunner {
  readonly #runnables: readonly Runnable[];
  readonly #options: RuleRunnerOptions;
  // A search is cut between any two instructions. What it leaves behind is of use all the same: the pair at the cursor is searched
  // again, and what it found is written over.
  #batch: SearchBatch = { rules: [], lines: [], view: (line) => this.#batch.view(line) };
  #cursor = 0;
  #found: unknown[] = [];
  #isWatched = false;
  #refusals: { readonly runnable: Runnable; readonly reason: string }[] = [];

  constructor(rules: readonly LineRule[], options: RuleRunnerOptions) {
    this.#runnables = rules.map((rule) => ({
      rule,
      name: rule.name,
      searches: 0,
      hits: 0,
      cpuMicros: 0,
      isDisabled: false,
      watchedMs: 0,
    }));
    this.#options = options;
  }

  isDisabled(rule: number): boolean {
    return this.#runnables[rule]!.isDisabled;
  }

  stats(): RuleStats[] {
    return this.#runnables.map(({ name, searches, hits, cpuMicros, isDisabled }) => ({
      name,
      searches,
      hits,
      cpuMicros: Math.round(cpuMicros),
      isDisabled,
    }));
  }

  /** Searches all pairs, then concludes what was found in their order. */
  run(batch: SearchBatch, onHit: (line: number, hit: LogHit) => void): void {
    this.#batch = batch;
    this.#cursor = 0;
    this.#found = new Array(batch.rules.length);
    if (runWithin(this.#options.limitMs, this.#search).isCut) this.#searchWatched();
    for (const [rule, runnable] of this.#runnables.entries()) {
      if (runnable.rule.examine !== undefined) this.#examineAll(rule, runnable);
    }
    this.#concludeAll(onHit);
    this.#found = [];
    for (const { runnable, reason } of this.#refusals.splice(0)) this.#options.onDisabled(runnable.name, reason);
  }

  /** From the cursor on. */
  readonly #search = (): void => {
    const { rules, lines } = this.#batch;
    for (; this.#cursor < rules.length; this.#cursor++) {
      const runnable = this.#runnables[rules[this.#cursor]!]!;
      if (runnable.isDisabled) continue;
      const view = this.#batch.view(lines[this.#cursor]!);
      this.#found[this.#cursor] = this.#isTimed(runnable)
        ? this.#timedLook(runnable, view)
        : this.#look(runnable, view);
      runnable.searches++;
    }
  };

  /** The rest of a batch that took too long: each search is timed, and whose fault it is comes out. */
  #searchWatched(): void {
    this.#isWatched = true;
    for (const runnable of this.#runnables) runnable.watchedMs = 0;
    while (this.#cursor < this.#batch.rules.length) {
      this.#searchAlone();
      const { cpuMs, wallMs } = runWithin(this.#options.limitMs, this.#search);
      this.#refuseGreedy(cpuMs / wallMs);
    }
    this.#isWatched = false;
  }

  /** The search that was cut, once more: it is a slow one only if it has had the CPU. */
  #searchAlone(): void {
    const pair = this.#cursor++;
    const runnable = this.#runnables[this.#batch.rules[pair]!]!;
    const isDone = this.#runAlone(runnable, () => {
      this.#found[pair] = this.#look(runnable, this.#batch.view(this.#batch.lines[pair]!));
    });
    if (!isDone) this.#found[pair] = undefined;
    runnable.searches++;
  }

  /** @returns whether it came to its end; else the rule is refused */
  #runAlone(runnable: Runnable, run: () => void): boolean {
    const { limitMs } = this.#options;
    for (let attempt = 0; !runnable.isDisabled; attempt++) {
      const { isCut, cpuMs } = runWithin(limitMs * 2 ** attempt, run);
      runnable.cpuMicros += cpuMs * 1000;
      if (!isCut) return true;
      if (cpuMs >= limitMs / 2 || attempt === MOST_RETRIES) {
        this.#refuse(
          runnable,
          `one line took more than ${Math.floor(cpuMs)} ms of CPU, expected less than ${limitMs} ms`,
        );
      }
    }
    return false;
  }

  /** What a rule has found line by line, looked at together. What of it is not examined, because the rule was refused, counts as not found. */
  #examineAll(rule: number, runnable: Runnable): void {
    const { rules } = this.#batch;
    const { limitMs } = this.#options;
    const pairs = rules.flatMap((one, pair) => (one === rule && (this.#found[pair] ?? null) !== null ? [pair] : []));
    const results: unknown[] = [];
    // One assignment, because it may be cut off before or behind it: then the line is examined again, or is done.
    let done: { readonly count: number; readonly before: unknown } = { count: 0, before: undefined };
    const examineNext = (): void => {
      const result = this.#examine(runnable, this.#found[pairs[done.count]!]!, done.before);
      results[done.count] = result;
      done = { count: done.count + 1, before: result };
    };
    const examineRest = (): void => {
      while (done.count < pairs.length && !runnable.isDisabled) examineNext();
    };
    let spentMs = 0;
    while (done.count < pairs.length && !runnable.isDisabled) {
      const { isCut, cpuMs } = runWithin(limitMs * LIMITS_TOGETHER, examineRest);
      runnable.cpuMicros += cpuMs * 1000;
      spentMs += cpuMs;
      if (!isCut) continue;
      if (done.count < pairs.length) this.#runAlone(runnable, examineNext);
      if (spentMs >= (limitMs * LIMITS_TOGETHER) / 2) {
        const wanted = `expected less than ${(limitMs * LIMITS_TOGETHER) / 2} ms`;
        this.#refuse(runnable, `${pairs.length} lines together took ${Math.floor(spentMs)} ms of CPU, ${wanted}`);
      }
    }
    pairs.forEach((pair, index) => {
      this.#found[pair] = index < done.count ? results[index] : undefined;
    });
  }

  #examine(runnable: Runnable, found: NonNullable<unknown>, before: unknown): unknown {
    try {
      return runnable.rule.examine?.(found, before);
    } catch (error) {
      this.#refuse(runnable, errorText(error));
      return undefined;
    }
  }

  /** @param cpuShare of the wall time that was measured, CPU time: the machine may have been busy with something else */
  #refuseGreedy(cpuShare: number): void {
    const { limitMs } = this.#options;
    for (const runnable of this.#runnables) {
      const cpuMs = runnable.watchedMs * cpuShare;
      if (runnable.isDisabled || cpuMs < limitMs) continue;
      this.#refuse(
        runnable,
        `${this.#batch.rules.length} searches of it took ${Math.floor(cpuMs)} ms of CPU, expected less than ${limitMs} ms`,
      );
    }
  }

  #refuse(runnable: Runnable, reason: string): void {
    if (runnable.isDisabled) return;
    runnable.isDisabled = true;
    this.#refusals.push({ runnable, reason });
  }

  #isTimed({ searches }: Runnable): boolean {
    return this.#isWatched || searches < TIMED_FIRST || searches % TIMED_FIRST === 0;
  }

  #timedLook(runnable: Runnable, view: LineView): unknown {
    const startedMs = performance.now();
    const found = this.#look(runnable, view);
    const tookMs = performance.now() - startedMs;
    runnable.watchedMs += tookMs;
    runnable.cpuMicros += tookMs * (this.#isWatched || runnable.searches < TIMED_FIRST ? 1000 : 1000 * TIMED_FIRST);
    return found;
  }

  #look(runnable: Runnable, view: LineView): unknown {
    try {
      return runnable.rule.search(view);
    } catch (error) {
      this.#refuse(runnable, errorText(error));
      return undefined;
    }
  }

  #concludeAll(onHit: (line: number, hit: LogHit) => void): void {
    const { rules, lines } = this.#batch;
    for (let pair = 0; pair < rules.length; pair++) {
      const found = this.#found[pair];
      if (found === undefined || found === null) continue;
      const runnable = this.#runnables[rules[pair]!]!;
      for (const hit of this.#conclude(runnable, found, this.#batch.view(lines[pair]!))) {
        runnable.hits++;
        onHit(lines[pair]!, hit);
      }
    }
  }

  #conclude(runnable: Runnable, found: NonNullable<unknown>, view: LineView): readonly LogHit[] {
    try {
      return runnable.rule.conclude(found, view);
    } catch (error) {
      this.#refuse(runnable, errorText(error));
      return [];
    }
  }
}
