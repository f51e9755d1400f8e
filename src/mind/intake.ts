/**
 * Facts of the sentry into the store, each batch in one transaction with the alerts that come of it; told when it is committed.
 * When the disk takes no more, facts are still judged and alerts still told; the batches wait and are stored later, untold.
 * Memory: the batches that the sentry sends without an answer.
 */
import type { Outcome } from "#src/judge/alerter.ts";
import type { Judge } from "#src/judge/judge.ts";
import type { Fact, Levels } from "#src/model/observation.ts";
import { readValue, writeValue } from "#src/store/outbox.ts";
import { isStoreFull, type Store } from "#src/store/store.ts";

const RETRY_MS = 2000;
// A batch that has no place after so many rounds is not worth all that is known.
const MAX_ROUNDS = 8;

/** Facts that the sentry sent at once. */
export interface Batch {
  /** Names the start of the sentry that `seq` belongs to. */
  readonly boot: string;
  readonly seq: number;
  readonly items: readonly Fact[];
}

/** A fact that is judged with its batch. */
type Judged = Exclude<Fact, Levels>;

/** What the intake works with. */
export interface IntakeParts {
  readonly store: Store;
  readonly judge: Pick<Judge, "take">;
  /** Levels are told here once a batch comes, again when it comes again; they need no place in the store. */
  takeLevels(levels: Levels): void;
  tell(outcomes: readonly Outcome[]): void;
  /** Batches of `boot` up to `seq` are stored now. */
  acknowledge(boot: string, seq: number): void;
  /** The store is full (why), or is no longer (`null`). */
  onFull(reason: string | null): void;
  /** Makes room in a store that has reached its bound. @returns whether there is some */
  makeRoom(): boolean;
  /** A fact could not be judged, and was passed over: others must not wait for it. Called within the transaction of its batch. */
  onPassedOver(fact: Judged, error: unknown): void;
  /** Runs `callback` once, later; the result cancels it. @default setTimeout */
  readonly after?: (delayMs: number, callback: () => void) => () => void;
}

interface Waiting {
  readonly batch: Batch;
  /** How many of its outcomes have been told: judged again they come in the same order. */
  told: number;
}

/** Takes batches in order. The owner disposes it. */
export class Intake implements Disposable {
  readonly #parts: IntakeParts;
  readonly #after: NonNullable<IntakeParts["after"]>;
  readonly #waiting: Waiting[] = [];
  #cancelRetry: (() => void) | null = null;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#after = parts.after ?? afterMs;
  }

  /** @returns whether the batch is stored, now or before */
  take(batch: Batch): boolean {
    for (const item of batch.items) if (item.type === "levels") this.#parts.takeLevels(item);
    // Levels are not kept with their batch: one of them alone is done with, unless its acknowledgement would be taken for that of others.
    if (this.#waiting.length === 0 && batch.items.every(({ type }) => type === "levels")) return true;
    // The sentry sends again what we have not acknowledged, on each new link.
    if (this.#waiting.some((one) => one.batch.boot === batch.boot && one.batch.seq === batch.seq)) return false;
    if (this.#waiting.length === 0 && this.#keepOrMakeRoom(batch)) return true;
    this.#waiting.push({ batch, told: 0 });
    this.#tellUnkept();
    this.#retryLater();
    return false;
  }

  [Symbol.dispose](): void {
    this.#cancelRetry?.();
  }

  #keepOrMakeRoom(batch: Batch): boolean {
    let failure = this.#tryKeep(batch, 0);
    for (let round = 0; failure !== null && round < MAX_ROUNDS && this.#parts.makeRoom(); round++) {
      failure = this.#tryKeep(batch, 0);
    }
    if (failure !== null) this.#parts.onFull(failure);
    return failure === null;
  }

  /** @returns why there is no room; `null` when it is kept */
  #tryKeep(batch: Batch, told: number): string | null {
    try {
      this.#keep(batch, told);
      return null;
    } catch (error) {
      if (!isStoreFull(error)) throw error;
      return (error as Error).message;
    }
  }

  #keep({ boot, seq, items }: Batch, told: number): void {
    const { store, tell } = this.#parts;
    const last = readValue(store, "sentry.taken") as { boot: string; seq: number } | null;
    if (last?.boot === boot && seq <= last.seq) return;
    const outcomes = store.transaction(() => {
      writeValue(store, "sentry.taken", { boot, seq });
      return this.#judge(items);
    });
    tell(outcomes.slice(told));
  }

  /** Tells what the last batch means. All before it is judged again in front, so that each alert gets the number it will keep. */
  #tellUnkept(): void {
    const { store, tell } = this.#parts;
    const before = this.#waiting.slice(0, -1);
    const last = this.#waiting.at(-1)!;
    try {
      const outcomes = store.rehearse(() => {
        for (const { batch } of before) this.#judge(batch.items);
        return this.#judge(last.batch.items);
      });
      last.told = outcomes.length;
      tell(outcomes);
    } catch (error) {
      // Told when they are kept.
      if (!isStoreFull(error)) throw error;
    }
  }

  #judge(items: readonly Fact[]): readonly Outcome[] {
    const { store, judge, onPassedOver } = this.#parts;
    return items
      .filter((item) => item.type !== "levels")
      .flatMap((item) => {
        try {
          return store.attempt(() => judge.take(item));
        } catch (error) {
          if (isStoreFull(error)) throw error;
          onPassedOver(item, error);
          return [];
        }
      });
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#after(RETRY_MS, () => {
      this.#cancelRetry = null;
      this.#retry();
    });
  }

  #retry(): void {
    for (let one = this.#waiting[0]; one !== undefined; one = this.#waiting[0]) {
      if (this.#tryKeep(one.batch, one.told) !== null) {
        this.#parts.makeRoom();
        return this.#retryLater();
      }
      this.#waiting.shift();
      this.#parts.acknowledge(one.batch.boot, one.batch.seq);
    }
    this.#parts.onFull(null);
  }
}

function afterMs(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
