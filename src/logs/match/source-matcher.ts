/**
 * Matches the lines of one source with all of its rules in one pass: a search for the texts that the rules need over the bytes of
 * the whole block, and the rules themselves only on the few lines that hold one. A rule that is slow, or throws, is disabled.
 */
import type { LinePlace, LineRule, LineView, LogFormat, LogHit, LogSource, PlacedHit } from "../contract.ts";
import type { Head } from "../formats/head.ts";
import { isHeadless, parseHead } from "../formats/parse-head.ts";
import { isForgeableEntry } from "./forgeable-entry.ts";
import { MAX_LINE_BYTES } from "./line-cutter.ts";
import { countEnds, countTooLong, endOfLine, lineText, skipNuls, startOfLine } from "./lines.ts";
import { checkText, LiteralScanner, type ScannedHits } from "./literal-scanner.ts";
import { RuleRunner, type RuleStats, type SearchBatch } from "./rule-runner.ts";

/** Candidates that are searched at once: bounds what is held of them, and what a slow rule can cost. */
const MAX_BATCH = 10_000;
/** A scanner that was made of a smaller sample is made again when there is more to see. */
const GOOD_SAMPLE_BYTES = 32_768;
const MAX_HIT_TEXT = 1024;
const DEFAULT_LIMIT_MS = 250;
const NEWLINE = 10;

/** How a matcher works. */
export interface SourceMatcherOptions {
  /** A rule is looked at no more, because it took too long or threw. Told once. */
  onDisabled(rule: string, reason: string): void;
  /**
   * CPU milliseconds that one rule may take for one batch of at most 10,000 lines.
   * @default 250
   */
  readonly limitMs?: number;
  /**
   * For lines whose time has no year.
   * @default Date.now
   */
  nowUnixMs?(): number;
}

/** An entry of the journal. */
export interface JournalLine {
  /** Each byte one character. */
  readonly message: string;
  /** Fields that begin with `_`. */
  readonly trusted: Readonly<Record<string, string>>;
  readonly program: string;
  readonly atUnixMs: number;
  readonly place: LinePlace;
}

/** What a matcher has done since it was made. */
export interface MatcherStats {
  readonly lines: number;
  readonly bytes: number;
  /** Lines that at least one rule has looked at. */
  readonly candidates: number;
  /** Lines of which only the first 64 KiB were looked at. */
  readonly tooLong: number;
  readonly rules: readonly RuleStats[];
}

/** Matches lines of one source. Holds the state of its rules, and nothing of the lines. */
export class SourceMatcher {
  readonly #source: LogSource;
  readonly #rules: readonly LineRule[];
  readonly #now: () => number;
  readonly #runner: RuleRunner;
  readonly #texts: readonly string[];
  /** By index of a text: indices of the rules that need it. */
  readonly #rulesOfText: readonly (readonly number[])[];
  /** Rules that look at every line. */
  readonly #everywhere: readonly number[];
  /** By index of a rule: number of the last line that it was put down for. */
  readonly #lastLineOf: Float64Array;
  #scanner: LiteralScanner | null = null;
  #sampleBytes = 0;
  #lines = 0;
  #bytes = 0;
  #candidates = 0;
  #numbered = 0;
  #tooLong = 0;

  /** @throws RangeError for a literal that cannot be looked for */
  constructor(source: LogSource, rules: readonly LineRule[], options: SourceMatcherOptions) {
    const { limitMs = DEFAULT_LIMIT_MS, nowUnixMs = Date.now, onDisabled } = options;
    this.#source = source;
    this.#rules = rules;
    this.#now = nowUnixMs;
    this.#runner = new RuleRunner(rules, { limitMs, onDisabled });
    this.#lastLineOf = new Float64Array(rules.length);
    const rulesOfText = new Map<string, number[]>();
    rules.forEach(({ literals }, rule) => {
      for (const text of new Set(literals?.map((one) => one.toLowerCase()))) {
        const others = rulesOfText.get(text);
        if (others === undefined) rulesOfText.set(text, [rule]);
        else others.push(rule);
      }
    });
    this.#texts = [...rulesOfText.keys()];
    this.#rulesOfText = [...rulesOfText.values()];
    this.#everywhere = rules.flatMap(({ literals }, rule) => (literals === null ? [rule] : []));
    for (const text of this.#texts) checkText(text);
  }

  /** Lines since it was made: how many a block has had is told by the difference. */
  get lines(): number {
    return this.#lines;
  }

  /**
   * @param bytes whole lines with their ends; the last one may have none
   * @param place of the first of them
   * @returns hits in the order of the lines, and of the rules for each line
   */
  match(bytes: Uint8Array, place: LinePlace): PlacedHit[] {
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#tooLong += countTooLong(block);
    const { format } = this.#source;
    const nowUnixMs = this.#now();
    const hits: PlacedHit[] = [];
    // Ends of lines up to a place: each byte is looked at once.
    const counted = { at: 0, ends: 0 };
    const countTo = (at: number): number => {
      counted.ends += countEnds(block, counted.at, at);
      counted.at = at;
      return counted.ends;
    };
    this.#searchBlock(block, {
      isOfFile: true,
      view: (start, end) => new FileLine(lineText(block, skipNuls(block, start, end), end), format, nowUnixMs),
      onHit: (begin, view, hit) => {
        const start = skipNuls(block, begin, block.length);
        const line = place.line === null ? null : place.line + countTo(start);
        const ownPlace = { file: place.file, offset: place.offset + start, line };
        hits.push(this.#place(hit, view, ownPlace, this.#source.isForgeable));
      },
    });
    const hasOpenEnd = block.length > 0 && block[block.length - 1] !== NEWLINE;
    this.#lines += countTo(block.length) + (hasOpenEnd ? 1 : 0);
    return hits;
  }

  /** Entries of the journal, each with a place of its own. */
  matchJournal(entries: readonly JournalLine[]): PlacedHit[] {
    const texts = entries.map(({ message }) => message.slice(0, MAX_LINE_BYTES));
    // A message may hold ends of lines; where it is looked for texts, they do not matter.
    const block = Buffer.from(texts.map((text) => text.replaceAll("\n", " ")).join("\n"), "latin1");
    const entryAt = new Map<number, number>();
    let at = 0;
    texts.forEach((text, index) => {
      entryAt.set(at, index);
      at += text.length + 1;
    });
    this.#lines += entries.length;
    this.#tooLong += entries.filter(({ message }) => message.length > MAX_LINE_BYTES).length;
    const hits: PlacedHit[] = [];
    this.#searchBlock(block, {
      isOfFile: false,
      view: (start) => {
        const index = entryAt.get(start)!;
        const { program, atUnixMs, trusted } = entries[index]!;
        return { text: texts[index]!, messageAt: 0, program, atUnixMs, trusted };
      },
      onHit: (start, view, hit) => {
        const entry = entries[entryAt.get(start)!]!;
        const isForgeable = this.#source.isForgeable && isForgeableEntry(entry.program, entry.trusted);
        hits.push(this.#place(hit, view, entry.place, isForgeable));
      },
    });
    return hits;
  }

  stats(): MatcherStats {
    return {
      lines: this.#lines,
      bytes: this.#bytes,
      candidates: this.#candidates,
      tooLong: this.#tooLong,
      rules: this.#runner.stats(),
    };
  }

  #place(hit: LogHit, { text }: LineView, place: LinePlace, isForgeable: boolean): PlacedHit {
    const { rule, service, outcome, atUnixMs, address, user, site, detail, weight } = hit;
    const shown = (hit.text ?? text).slice(0, MAX_HIT_TEXT);
    const own = { place, source: this.#source.name, text: shown, isForgeable };
    const placed = { rule, service, outcome, atUnixMs, address, user, site, detail, weight, ...own };
    return hit.counts === undefined ? placed : { ...placed, counts: hit.counts };
  }

  #searchBlock(block: Buffer, handlers: BlockHandlers): void {
    this.#bytes += block.length;
    const { count, positions, texts } = this.#scan(block);
    const looksEverywhere = this.#everywhere.some((rule) => !this.#runner.isDisabled(rule));
    const batch = new CandidateBatch(handlers.view);
    // Used again for each line: of many that hold a text, none is wanted.
    const rules: number[] = [];
    const line = { block, start: 0, end: 0, number: 0, isOfFile: handlers.isOfFile };
    let hit = 0;
    for (let at = 0; at < block.length && (looksEverywhere || hit < count); ) {
      const start = looksEverywhere ? at : startOfLine(block, positions[hit]!);
      const end = endOfLine(block, looksEverywhere ? at : positions[hit]!);
      rules.length = 0;
      if (looksEverywhere) rules.push(...this.#everywhere);
      line.start = start;
      line.end = end;
      line.number = ++this.#numbered;
      for (; hit < count && positions[hit]! < end; hit++) this.#putDown(rules, texts[hit]!, positions[hit]!, line);
      if (rules.length > 0) {
        this.#candidates++;
        batch.add(start, end, rules);
      }
      if (batch.size >= MAX_BATCH) this.#runBatch(batch, handlers);
      at = end + 1;
    }
    if (batch.size > 0) this.#runBatch(batch, handlers);
  }

  /** The rules of a text that want the line, each once a line. */
  #putDown(rules: number[], text: number, at: number, { block, start, end, number, isOfFile }: FoundLine): void {
    for (const rule of this.#rulesOfText[text]!) {
      if (this.#lastLineOf[rule] === number) continue;
      if (isOfFile && this.#rules[rule]!.wants?.(block, start, end, this.#texts[text]!, at) === false) continue;
      this.#lastLineOf[rule] = number;
      rules.push(rule);
    }
  }

  #runBatch(batch: CandidateBatch, { onHit }: BlockHandlers): void {
    this.#runner.run(batch, (line, hit) => onHit(batch.startOf(line), batch.view(line), hit));
    batch.clear();
  }

  #scan(block: Buffer): ScannedHits {
    const isBetterSample = this.#sampleBytes < GOOD_SAMPLE_BYTES && block.length > this.#sampleBytes;
    if (this.#scanner === null || (isBetterSample && block.length >= GOOD_SAMPLE_BYTES)) {
      this.#scanner = new LiteralScanner(this.#texts, block);
      this.#sampleBytes = block.length;
    }
    return this.#scanner.scan(block);
  }
}

/** A line of a file. Its head is parsed when a rule asks for it: a filter of fail2ban does not. */
class FileLine implements LineView {
  readonly text: string;
  readonly trusted = null;
  readonly #format: LogFormat;
  readonly #nowUnixMs: number;
  #head: Head | null = null;

  constructor(text: string, format: LogFormat, nowUnixMs: number) {
    this.text = text;
    this.#format = format;
    this.#nowUnixMs = nowUnixMs;
  }

  get messageAt(): number {
    return isHeadless(this.#format) ? 0 : this.#parsed().messageAt;
  }

  get program(): string {
    return isHeadless(this.#format) ? "" : this.#parsed().program;
  }

  get atUnixMs(): number | null {
    return this.#parsed().atUnixMs;
  }

  #parsed(): Head {
    this.#head ??= parseHead(this.#format, this.text, this.#nowUnixMs);
    return this.#head;
  }
}

/** A line that holds a text. */
interface FoundLine {
  readonly block: Buffer;
  readonly start: number;
  readonly end: number;
  /** Counted since the matcher was made. */
  readonly number: number;
  readonly isOfFile: boolean;
}

/** What a block is made of: places are offsets in it. */
interface BlockHandlers {
  /** Of the journal the block holds messages alone, without what stands before them in a line. */
  readonly isOfFile: boolean;
  view(start: number, end: number): LineView;
  onHit(start: number, view: LineView, hit: LogHit): void;
}

/** Lines to be looked at, and by which rules. */
class CandidateBatch implements SearchBatch {
  readonly rules: number[] = [];
  readonly lines: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #views: (LineView | undefined)[] = [];
  readonly #makeView: (start: number, end: number) => LineView;

  constructor(makeView: (start: number, end: number) => LineView) {
    this.#makeView = makeView;
  }

  /** Lines. */
  get size(): number {
    return this.#starts.length;
  }

  /** @param rules are put in order, and not kept */
  add(start: number, end: number, rules: number[]): void {
    if (rules.length > 1) rules.sort((one, other) => one - other);
    for (const rule of rules) {
      this.rules.push(rule);
      this.lines.push(this.#starts.length);
    }
    this.#starts.push(start);
    this.#ends.push(end);
    this.#views.push(undefined);
  }

  startOf(line: number): number {
    return this.#starts[line]!;
  }

  view(line: number): LineView {
    this.#views[line] ??= this.#makeView(this.#starts[line]!, this.#ends[line]!);
    return this.#views[line];
  }

  clear(): void {
    for (const list of [this.rules, this.lines, this.#starts, this.#ends, this.#views]) list.length = 0;
  }
}
