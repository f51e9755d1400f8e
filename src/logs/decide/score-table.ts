/**
 * Points of many keys within a sliding window, in flat arrays: 62 bytes a key, nothing for the garbage collector. Beyond
 * `maxKeys` the key that was longest unused is forgotten. Pure.
 *
 * The window of a key is kept in 16 slices of 1/15 of its length each: what lies within the window always counts, and what is up to
 * 1/15 older may.
 */
import type { AddressKey } from "./address.ts";

const SLICES = 16;
// One point is so many units, and a slice holds at most 65,535 of them.
const UNITS = 20;
const MAX_UNITS = 65_535;
const FIRST_ROWS = 1024;
const NONE = -1;

/** How many bytes a key takes, in arrays. */
export const BYTES_PER_KEY = 62;

/** Which window of a key: keys are counted for several purposes. */
export interface Window {
  /** Tells apart windows of the same key: 0 to 32,767. */
  readonly tag: number;
  readonly withinMs: number;
}

/** The table. */
export class ScoreTable {
  readonly #maxKeys: number;
  readonly #seed: number;
  #rows = 0;
  #size = 0;
  #high = new Uint32Array(0);
  #low = new Uint32Array(0);
  #tags = new Uint16Array(0);
  #newest = new Uint32Array(0);
  #units = new Uint16Array(0);
  #heads = new Int32Array(0);
  #chain = new Int32Array(0);
  #older = new Int32Array(0);
  #newer = new Int32Array(0);
  #first = NONE;
  #last = NONE;

  /** @param seed makes collisions a matter of luck, not of choice */
  constructor(maxKeys: number, seed = Math.floor(Math.random() * 0xffff_ffff)) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw new RangeError(`Cannot make a table of ${maxKeys} keys: expected a whole number above 0`);
    }
    this.#maxKeys = maxKeys;
    this.#seed = seed;
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of its arrays. */
  get sizeBytes(): number {
    return this.#rows * BYTES_PER_KEY;
  }

  /** Adds points at an instant. @returns the points within the window that ends with the latest instant given for this key */
  add(key: AddressKey, window: Window, atUnixMs: number, points: number): number {
    const row = this.#find(key, window.tag);
    return this.#count(
      row === NONE ? this.#insert(key, window.tag) : row,
      window,
      atUnixMs,
      Math.round(points * UNITS),
    );
  }

  /** Points within the window that ends now, or with the latest instant given for this key. */
  pointsOf(key: AddressKey, window: Window, atUnixMs: number): number {
    const row = this.#find(key, window.tag);
    return row === NONE ? 0 : this.#count(row, window, atUnixMs, 0);
  }

  /** Takes points away, the newest first. */
  subtract(key: AddressKey, window: Window, points: number): void {
    const row = this.#find(key, window.tag);
    if (row === NONE) return;
    let left = Math.round(points * UNITS);
    const newest = this.#newest[row] ?? 0;
    for (let age = 0; age < SLICES && left > 0; age++) {
      const slot = row * SLICES + ((newest + SLICES * 2 - age) % SLICES);
      const units = this.#units[slot] ?? 0;
      this.#units[slot] = Math.max(0, units - left);
      left -= Math.min(left, units);
    }
  }

  /** Takes all points of a key away. */
  clear(key: AddressKey, window: Window): void {
    const row = this.#find(key, window.tag);
    if (row !== NONE) this.#units.fill(0, row * SLICES, (row + 1) * SLICES);
  }

  #count(row: number, { withinMs }: Window, atUnixMs: number, units: number): number {
    const slice = Math.floor(atUnixMs / sliceMsOf(withinMs));
    this.#advance(row, slice);
    const newest = this.#newest[row] ?? 0;
    if (slice > newest - SLICES) {
      const slot = row * SLICES + (slice % SLICES);
      this.#units[slot] = Math.min(MAX_UNITS, (this.#units[slot] ?? 0) + units);
    }
    let sum = 0;
    for (let slot = row * SLICES; slot < (row + 1) * SLICES; slot++) sum += this.#units[slot] ?? 0;
    return sum / UNITS;
  }

  /** Slices that the window has left are empty again. */
  #advance(row: number, slice: number): void {
    const newest = this.#newest[row] ?? 0;
    if (slice <= newest) return;
    for (let gone = Math.max(newest + 1, slice - SLICES + 1); gone <= slice; gone++) {
      this.#units[row * SLICES + (gone % SLICES)] = 0;
    }
    this.#newest[row] = slice;
  }

  #find({ family, high, low }: AddressKey, tag: number): number {
    if (this.#rows === 0) return NONE;
    const own = tagOf(family, tag);
    for (let row = this.#heads[this.#bucket(high, low, own)] ?? NONE; row !== NONE; row = this.#chain[row] ?? NONE) {
      if (this.#high[row] === high && this.#low[row] === low && this.#tags[row] === own) {
        this.#unlink(row);
        this.#linkFirst(row);
        return row;
      }
    }
    return NONE;
  }

  #insert({ family, high, low }: AddressKey, tag: number): number {
    if (this.#size === this.#rows && this.#rows < this.#maxKeys) this.#grow();
    const row = this.#size < this.#rows ? this.#size++ : this.#evict();
    this.#high[row] = high;
    this.#low[row] = low;
    this.#tags[row] = tagOf(family, tag);
    this.#newest[row] = 0;
    this.#units.fill(0, row * SLICES, (row + 1) * SLICES);
    this.#chainIn(row);
    this.#linkFirst(row);
    return row;
  }

  #evict(): number {
    const row = this.#last;
    const bucket = this.#bucketOf(row);
    let before = this.#heads[bucket] ?? NONE;
    if (before === row) this.#heads[bucket] = this.#chain[row] ?? NONE;
    else {
      while (this.#chain[before] !== row) before = this.#chain[before] ?? NONE;
      this.#chain[before] = this.#chain[row] ?? NONE;
    }
    this.#unlink(row);
    return row;
  }

  #grow(): void {
    const rows = Math.min(this.#maxKeys, Math.max(FIRST_ROWS, this.#rows * 2));
    const larger = <T extends Uint32Array | Uint16Array | Int32Array>(array: T, made: T): T => {
      made.set(array);
      return made;
    };
    this.#high = larger(this.#high, new Uint32Array(rows));
    this.#low = larger(this.#low, new Uint32Array(rows));
    this.#tags = larger(this.#tags, new Uint16Array(rows));
    this.#newest = larger(this.#newest, new Uint32Array(rows));
    this.#units = larger(this.#units, new Uint16Array(rows * SLICES));
    this.#older = larger(this.#older, new Int32Array(rows));
    this.#newer = larger(this.#newer, new Int32Array(rows));
    this.#rows = rows;
    this.#heads = new Int32Array(rows).fill(NONE);
    this.#chain = new Int32Array(rows).fill(NONE);
    for (let row = 0; row < this.#size; row++) this.#chainIn(row);
  }

  #chainIn(row: number): void {
    const bucket = this.#bucketOf(row);
    this.#chain[row] = this.#heads[bucket] ?? NONE;
    this.#heads[bucket] = row;
  }

  #linkFirst(row: number): void {
    this.#older[row] = this.#first;
    this.#newer[row] = NONE;
    if (this.#first !== NONE) this.#newer[this.#first] = row;
    this.#first = row;
    if (this.#last === NONE) this.#last = row;
  }

  #unlink(row: number): void {
    const older = this.#older[row] ?? NONE;
    const newer = this.#newer[row] ?? NONE;
    if (newer === NONE) this.#first = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#last = newer;
    else this.#newer[older] = newer;
  }

  #bucketOf(row: number): number {
    return this.#bucket(this.#high[row] ?? 0, this.#low[row] ?? 0, this.#tags[row] ?? 0);
  }

  /** Multiplied and folded twice, so that each bit of the key moves the bucket. */
  #bucket(high: number, low: number, tag: number): number {
    let hash = Math.imul(high ^ this.#seed, 0x9e37_79b1) ^ Math.imul(low ^ (this.#seed >>> 7), 0x85eb_ca6b) ^ tag;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35);
    return ((hash ^ (hash >>> 13)) >>> 0) % this.#rows;
  }
}

/** The lowest bit of a tag in the table is the family. */
function tagOf(family: 4 | 6, tag: number): number {
  return tag * 2 + (family === 4 ? 0 : 1);
}

// A slice number must fit into 32 bits.
function sliceMsOf(withinMs: number): number {
  return Math.max(1000, withinMs / (SLICES - 1));
}
