/** Some of many, each as likely as any other, without keeping the many. Pure but for chance. */

/** Keeps at most so many of what it is offered. */
export class Reservoir<T> {
  readonly #maxItems: number;
  readonly #items: T[] = [];
  #offered = 0;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  /** @param make runs only for one that is kept */
  offer(make: () => T): void {
    this.#offered++;
    if (this.#items.length < this.#maxItems) {
      this.#items.push(make());
      return;
    }
    const place = Math.floor(Math.random() * this.#offered);
    if (place < this.#maxItems) this.#items[place] = make();
  }
}

/** A part of the many: how many it has, and some of them. */
export interface Part<T> {
  readonly size: number;
  readonly some: readonly T[];
}

/** Some of all parts together, those of a large part the more likely. */
export function drawSome<T>(parts: readonly Part<T>[], maxItems: number): T[] {
  const left = parts.map(({ size, some }) => ({ size, some: [...some] })).filter(({ some }) => some.length > 0);
  const drawn: T[] = [];
  while (drawn.length < maxItems && left.length > 0) {
    const index = drawIndex(left.map(({ size }) => size));
    const part = left[index];
    if (part === undefined) break;
    drawn.push(...part.some.splice(Math.floor(Math.random() * part.some.length), 1));
    part.size--;
    if (part.some.length === 0) left.splice(index, 1);
  }
  return drawn;
}

/** An index, each as likely as its weight says. */
function drawIndex(weights: readonly number[]): number {
  let ticket = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    ticket -= weight;
    if (ticket < 0) return index;
  }
  return 0;
}
