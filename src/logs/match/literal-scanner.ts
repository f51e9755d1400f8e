/**
 * Finds any of hundreds of texts in a block of bytes, without regard to the case of ASCII letters, at a cost that hardly depends on how many they are: Wu and Manber, "A fast
 * algorithm for multi-pattern searching" (1994), with blocks of two bytes. Which bytes of a text are looked for first, and at what
 * width, is chosen by what stands in a sample of the log.
 */

const BLOCKS = 65_536;
const SHORTEST = 3;
/** Of wider windows nearly each pair of bytes is in some text, so that little is skipped. */
const WIDEST = 12;
const MOST_TEXTS = 65_000;
/** Texts shorter than this may be looked for on their own, so that they do not make the search for the others slow. */
const SPLITS = [5, 7, 9];
const SAMPLE_BYTES = 32_768;
/** What looking closer costs, in steps. */
const LOOK_STEPS = 4;
const FIRST_HITS = 256;
/** By byte: that of the letter in lower case. */
const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));

/** Where texts were found, in order of position. Overwritten by the next scan. */
export interface ScannedHits {
  readonly count: number;
  /** A position inside each text that was found. */
  readonly positions: Int32Array;
  /** Which text it was: its index in the list that the scanner was made of. */
  readonly texts: Int32Array;
}

/** Looks for a fixed list of texts. */
export class LiteralScanner {
  readonly #tables: readonly Table[];
  #merged = new HitList();

  /**
   * @param texts distinct, ASCII in lower case, at least 3 bytes each, without an end of line
   * @param sample of the log: may be empty, then only the speed suffers
   * @throws RangeError for a text that cannot be looked for, and for more than 65,000
   */
  constructor(texts: readonly string[], sample: Uint8Array) {
    for (const text of texts) checkText(text);
    if (texts.length > MOST_TEXTS) {
      throw new RangeError(`Cannot look for ${texts.length} texts: expected at most ${MOST_TEXTS}`);
    }
    const some = sample.subarray(0, SAMPLE_BYTES);
    const isSplitBy = (split: number): boolean =>
      texts.some(({ length }) => length < split) && texts.some(({ length }) => length >= split);
    const plans = [0, ...SPLITS.filter(isSplitBy)].map((split) => planTables(texts, split, some));
    const best = plans.reduce((one, other) => (other.steps < one.steps ? other : one));
    this.#tables = best.tables;
  }

  /** All places of all texts, also where they overlap. */
  scan(bytes: Uint8Array): ScannedHits {
    for (const table of this.#tables) table.scan(bytes);
    const [one, other] = this.#tables;
    if (one === undefined) return this.#merged;
    return other === undefined || other.hits.count === 0 ? one.hits : this.#merged.merge(one.hits, other.hits);
  }
}

/** @throws RangeError for a text that cannot be looked for */
export function checkText(text: string): void {
  if (text.length >= SHORTEST && /^[\t\x20-\x40\x5b-\x7e]*$/.test(text)) return;
  throw new RangeError(
    `Cannot look for ${JSON.stringify(text)}: expected at least ${SHORTEST} characters of printable ASCII in lower case`,
  );
}

/** One table, or one for the short texts and one for the others. */
function planTables(texts: readonly string[], split: number, sample: Uint8Array): { tables: Table[]; steps: number } {
  const all = texts.map((text, id) => ({ id, bytes: Buffer.from(text, "latin1") }));
  const groups = [all.filter(({ bytes }) => bytes.length >= split), all.filter(({ bytes }) => bytes.length < split)];
  const best = groups.filter(({ length }) => length > 0).map((group) => bestTable(group, sample));
  return { tables: best.map(({ table }) => table), steps: best.reduce((sum, { steps }) => sum + steps, 0) };
}

interface Text {
  readonly id: number;
  readonly bytes: Uint8Array;
}

function bestTable(texts: readonly Text[], sample: Uint8Array): { table: Table; steps: number } {
  const counts = countPairs(sample);
  const shortest = Math.min(WIDEST, ...texts.map(({ bytes }) => bytes.length));
  const widths = Array.from({ length: shortest - SHORTEST + 1 }, (_, index) => shortest - index);
  const tables = widths.map((width) => new Table(texts, width, counts));
  const rated = tables.map((table) => ({ table, steps: table.countSteps(sample) }));
  return rated.reduce((one, other) => (other.steps < one.steps ? other : one));
}

function countPairs(sample: Uint8Array): Uint32Array {
  const counts = new Uint32Array(BLOCKS);
  for (let at = 1; at < sample.length; at++) {
    const pair = (FOLDED[sample[at - 1]!]! << 8) | FOLDED[sample[at]!]!;
    counts[pair] = counts[pair]! + 1;
  }
  return counts;
}

/** Shift table of one window width. */
class Table {
  readonly hits = new HitList();
  readonly #quarters = [new HitList(), new HitList(), new HitList(), new HitList()];
  readonly #width: number;
  /** By pair of bytes: how far the window may move; 0: a window may end here. */
  readonly #shifts = new Uint8Array(BLOCKS);
  /** By pair of bytes in lower case: 1 + the first of the texts whose window ends with it. */
  readonly #heads = new Uint16Array(BLOCKS);
  /** The next text whose window ends with the same pair, in the same way. */
  readonly #nexts: Uint16Array;
  readonly #ids: Int32Array;
  /** All texts one behind the other, where each begins, and the place of the last byte of its window in it. */
  readonly #bytes: Uint8Array;
  readonly #starts: Int32Array;
  readonly #windowEnds: Int32Array;

  constructor(texts: readonly Text[], width: number, counts: Uint32Array) {
    this.#width = width;
    this.#shifts.fill(width - 1);
    this.#nexts = new Uint16Array(texts.length);
    this.#ids = Int32Array.from(texts, ({ id }) => id);
    this.#bytes = Buffer.concat(texts.map(({ bytes }) => bytes));
    this.#starts = new Int32Array(texts.length + 1);
    this.#windowEnds = new Int32Array(texts.length);
    texts.forEach(({ bytes }, index) => {
      this.#starts[index + 1] = this.#starts[index]! + bytes.length;
      this.#add(index, bytes, chooseWindow(bytes, width, counts));
    });
  }

  #add(index: number, bytes: Uint8Array, begin: number): void {
    const last = this.#width - 2;
    for (let at = 0; at <= last; at++) {
      for (const pair of spellings(bytes[begin + at]!, bytes[begin + at + 1]!))
        this.#shifts[pair] = Math.min(this.#shifts[pair]!, last - at);
    }
    const end = begin + this.#width - 1;
    const pair = (bytes[end - 1]! << 8) | bytes[end]!;
    this.#nexts[index] = this.#heads[pair]!;
    this.#heads[pair] = index + 1;
    this.#windowEnds[index] = end;
  }

  /** How much work it would be to scan these bytes. */
  countSteps(bytes: Uint8Array): number {
    let steps = 0;
    for (let at = this.#width - 1; at < bytes.length; steps++) {
      const shift = this.#shifts[(bytes[at - 1]! << 8) | bytes[at]!]!;
      if (shift === 0) steps += LOOK_STEPS;
      at += shift === 0 ? 1 : shift;
    }
    return steps;
  }

  /**
   * From four places of the block at once: each step waits for what the last one has loaded, and four that do not wait for each other
   * take hardly longer than one (measured: 2.1 to 2.4 times as fast).
   */
  scan(bytes: Uint8Array): void {
    const shifts = this.#shifts;
    const first = this.#width - 1;
    const end = bytes.length;
    const quarter = Math.max(first, end >> 2);
    const [endOne, endTwo, endThree] = [Math.min(quarter, end), Math.min(2 * quarter, end), Math.min(3 * quarter, end)];
    let [one, two, three, four] = [first, endOne, endTwo, endThree];
    for (const hits of this.#quarters) hits.count = 0;
    while (one < endOne && two < endTwo && three < endThree && four < end) {
      const shiftOne = shifts[(bytes[one - 1]! << 8) | bytes[one]!]!;
      const shiftTwo = shifts[(bytes[two - 1]! << 8) | bytes[two]!]!;
      const shiftThree = shifts[(bytes[three - 1]! << 8) | bytes[three]!]!;
      const shiftFour = shifts[(bytes[four - 1]! << 8) | bytes[four]!]!;
      if (shiftOne === 0) this.#look(bytes, one++, 0);
      if (shiftTwo === 0) this.#look(bytes, two++, 1);
      if (shiftThree === 0) this.#look(bytes, three++, 2);
      if (shiftFour === 0) this.#look(bytes, four++, 3);
      one += shiftOne;
      two += shiftTwo;
      three += shiftThree;
      four += shiftFour;
    }
    this.#scanRest(bytes, one, endOne, 0);
    this.#scanRest(bytes, two, endTwo, 1);
    this.#scanRest(bytes, three, endThree, 2);
    this.#scanRest(bytes, four, end, 3);
    this.hits.join(this.#quarters);
  }

  #scanRest(bytes: Uint8Array, from: number, end: number, quarter: number): void {
    const shifts = this.#shifts;
    for (let at = from; at < end; ) {
      const shift = shifts[(bytes[at - 1]! << 8) | bytes[at]!]!;
      if (shift === 0) this.#look(bytes, at++, quarter);
      else at += shift;
    }
  }

  #look(bytes: Uint8Array, at: number, quarter: number): void {
    let next = this.#heads[(FOLDED[bytes[at - 1]!]! << 8) | FOLDED[bytes[at]!]!]!;
    for (; next !== 0; next = this.#nexts[next - 1]!) {
      if (this.#stands(bytes, at, next - 1)) this.#quarters[quarter]!.add(at, this.#ids[next - 1]!);
    }
  }

  #stands(bytes: Uint8Array, at: number, index: number): boolean {
    const from = this.#starts[index]!;
    const to = this.#starts[index + 1]!;
    const begin = at - this.#windowEnds[index]!;
    if (begin < 0 || begin + to - from > bytes.length) return false;
    for (let offset = from; offset < to; offset++) {
      if (this.#bytes[offset] !== FOLDED[bytes[begin + offset - from]!]) return false;
    }
    return true;
  }
}

/** A pair of bytes in each of the ways to write it in upper and lower case. */
function spellings(one: number, other: number): number[] {
  const waysOf = (byte: number): number[] => (byte >= 0x61 && byte <= 0x7a ? [byte, byte & ~0x20] : [byte]);
  return waysOf(one).flatMap((high) => waysOf(other).map((low) => (high << 8) | low));
}

/** The window whose pairs are rarest in the log, those at its end above all: they decide how far is skipped. */
function chooseWindow(bytes: Uint8Array, width: number, counts: Uint32Array): number {
  let best = 0;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let begin = 0; begin + width <= bytes.length; begin++) {
    let cost = 0;
    for (let at = 0; at < width - 1; at++) {
      const shift = width - 2 - at;
      const count = counts[(bytes[begin + at]! << 8) | bytes[begin + at + 1]!]! + 1;
      cost += count * (shift === 0 ? 1 + LOOK_STEPS : 1 / shift);
    }
    if (cost < bestCost) {
      bestCost = cost;
      best = begin;
    }
  }
  return best;
}

/** Grows, and is used again for each block. */
class HitList implements ScannedHits {
  count = 0;
  positions = new Int32Array(FIRST_HITS);
  texts = new Int32Array(FIRST_HITS);

  add(position: number, text: number): void {
    if (this.count === this.positions.length) this.#grow();
    this.positions[this.count] = position;
    this.texts[this.count++] = text;
  }

  /** All hits of several lists, one list behind the other. */
  join(lists: readonly ScannedHits[]): void {
    this.count = 0;
    for (const { count, positions, texts } of lists) {
      while (this.count + count > this.positions.length) this.#grow();
      this.positions.set(positions.subarray(0, count), this.count);
      this.texts.set(texts.subarray(0, count), this.count);
      this.count += count;
    }
  }

  merge(one: ScannedHits, other: ScannedHits): this {
    this.count = 0;
    let right = 0;
    for (let left = 0; left < one.count; left++) {
      while (right < other.count && other.positions[right]! < one.positions[left]!) {
        this.add(other.positions[right]!, other.texts[right++]!);
      }
      this.add(one.positions[left]!, one.texts[left]!);
    }
    while (right < other.count) this.add(other.positions[right]!, other.texts[right++]!);
    return this;
  }

  #grow(): void {
    const positions = new Int32Array(2 * this.positions.length);
    const texts = new Int32Array(2 * this.texts.length);
    positions.set(this.positions);
    texts.set(this.texts);
    this.positions = positions;
    this.texts = texts;
  }
}
