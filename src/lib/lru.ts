/** A map that forgets what was longest unused once it holds more than `maxEntries`. */
export class LruMap<K, V> {
  readonly #maxEntries: number;
  readonly #entries = new Map<K, V>();

  /** @throws RangeError when `maxEntries` is not a whole number above 0 */
  constructor(maxEntries: number) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new RangeError(`Cannot make a map of ${maxEntries} entries: expected a whole number above 0`);
    }
    this.#maxEntries = maxEntries;
  }

  /** How many it holds. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as used; `undefined` when there is none. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Adds or replaces, which counts as used. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
