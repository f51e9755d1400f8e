import { GarrisonError } from "./errors.ts";

/**
 * A bounded bridge from callbacks to `for await`: producers `push`, one consumer iterates.
 * When it is full the newest item is dropped and counted: what was seen first is kept, because it is the cause.
 */
export class AsyncQueue<T> implements AsyncIterable<readonly T[]> {
  readonly #maxItems: number;
  readonly #onDrop: (count: number) => void;
  #items: T[] = [];
  #wake: (() => void) | null = null;
  #ended = false;

  constructor(maxItems: number, onDrop: (count: number) => void) {
    this.#maxItems = maxItems;
    this.#onDrop = onDrop;
  }

  push(item: T): void {
    if (this.#items.length >= this.#maxItems) this.#onDrop(1);
    else this.#items.push(item);
    this.#wake?.();
  }

  /** No more items: the iteration ends behind what is queued. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Gives all that is queued as one batch, and waits while there is nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    for (;;) {
      if (this.#items.length > 0) {
        const batch = this.#items;
        this.#items = [];
        yield batch;
      } else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}

/** For the owner whose queue drops: it must list everything anew. */
export function queueIsFull(maxItems: number): GarrisonError {
  return new GarrisonError("GARRISON_QUEUE_FULL", `Cannot tell all that is seen: ${maxItems} facts wait already`);
}
